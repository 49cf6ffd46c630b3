import { useState, type ComponentProps } from "react";

import { Input } from "@/components/ui/input";

/** A password, with a word about Caps Lock. */
export function PasswordInput(props: ComponentProps<typeof Input>) {
  const [caps, setCaps] = useState(false);
  return (
    <>
      <Input
        type="password"
        required
        {...props}
        onKeyUp={(event) => setCaps(event.getModifierState("CapsLock"))}
        onBlur={() => setCaps(false)}
      />
      {caps ? (
        <p className="text-xs text-warn" role="status">
          Caps Lock is on.
        </p>
      ) : null}
    </>
  );
}
