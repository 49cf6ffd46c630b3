import { Button } from "@/components/ui/button";
import { toneClass, type Tone } from "@/components/ui/badge";
import { Facts } from "@/components/ui/facts";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";
import { clock } from "@/lib/format";
import { live, type Line, type LineState } from "@/live/socket";
import { useLine } from "@/live/use-topic";

const WORDS: Record<LineState, { word: string; tone: Tone }> = {
  idle: { word: "Not connected", tone: "quiet" },
  connecting: { word: "Connecting", tone: "warn" },
  live: { word: "Live", tone: "ok" },
  stale: { word: "Quiet", tone: "warn" },
  waiting: { word: "Reconnecting", tone: "warn" },
  signed_out: { word: "Signed out", tone: "bad" },
};

function wordOf({ state, heardAt }: Line): string {
  const since = heardAt && (state === "waiting" || state === "connecting" || state === "stale");
  return since ? `Data from ${clock(heardAt)}` : WORDS[state].word;
}

/** Whether what one sees is live. A click says how the connection does. */
export function ConnectionDot() {
  const line = useLine();
  const { tone } = WORDS[line.state];
  return (
    <Popover>
      <PopoverTrigger asChild>
        <Button look="quiet" size="sm" className={toneClass[tone]} data-testid="connection" data-state-word={line.state}>
          <span className={cn("size-2 rounded-full bg-tone", line.state !== "live" && "ring-2 ring-current/25")} aria-hidden />
          <span className="max-sm:sr-only" role="status">{wordOf(line)}</span>
        </Button>
      </PopoverTrigger>
      <PopoverContent aria-label="Connection">
        <Facts
          items={[
            ["State", WORDS[line.state].word],
            ["Last heard", line.heardAt ? clock(line.heardAt) : "never"],
            ["Reconnects", line.reconnects],
            ["Topics", line.topics.length ? line.topics.join(", ") : "none"],
            ...(line.lastError ? [["Last error", line.lastError] as [string, string]] : []),
          ]}
        />
        {line.state === "waiting" ? (
          <Button size="sm" className="mt-3" onClick={live.retry}>
            Try now
          </Button>
        ) : null}
      </PopoverContent>
    </Popover>
  );
}
