import { useEffect, useState } from "react";

import { isReauthenticated } from "@/api/client";
import { Button } from "@/components/ui/button";

import { enter } from "../enter";
import { EntryFrame } from "./entry-frame";

/** Asks who is there once more, for pages of the server that cannot ask themselves, and leads back to them. */
export function AgainPage({ next }: { next: string | undefined }) {
  const [said, setSaid] = useState<"yes" | "no" | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let isHere = true;
    void isReauthenticated().then((right) => {
      if (!isHere) return;
      setSaid(right ? "yes" : "no");
      if (right && next) enter(next);
    });
    return () => {
      isHere = false;
    };
  }, [next, tries]);
  return (
    <EntryFrame title={said === "yes" ? "Thank you" : "Is it still you?"}>
      {said === "yes" ? (
        <p role="status" className="text-sm">
          {next ? "One moment." : "Go back to the page that you came from, and send it again."}
        </p>
      ) : (
        <Button
          look="primary"
          size="lg"
          onClick={() => {
            setTries(tries + 1);
          }}
        >
          Show who you are
        </Button>
      )}
    </EntryFrame>
  );
}
