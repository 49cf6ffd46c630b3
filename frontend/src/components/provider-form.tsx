import type { ReactNode, Ref } from "react";

import { csrfToken } from "@/api/client";

interface ProviderFormProps {
  /** The provider's short name. */
  slug: string;
  /** Come in, or let the account there sign in the person who is in. */
  process: "login" | "connect";
  /** A path of this site; `?error=` with a code is added when it failed. */
  callback: string;
  children: ReactNode;
  ref?: Ref<HTMLFormElement>;
}

/** The way to an identity provider and back is the browser's, so it is a real form. */
export function ProviderForm({ slug, process, callback, children, ref }: ProviderFormProps) {
  return (
    <form ref={ref} method="post" action="/v1/auth/browser/v1/auth/provider/redirect">
      <input type="hidden" name="csrfmiddlewaretoken" value={csrfToken()} />
      <input type="hidden" name="provider" value={slug} />
      <input type="hidden" name="process" value={process} />
      <input type="hidden" name="callback_url" value={callback} />
      {children}
    </form>
  );
}
