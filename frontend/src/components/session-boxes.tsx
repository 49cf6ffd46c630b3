import type { SessionDetail } from "@/api/sessions";
import { duration } from "@/lib/format";

import { LogText } from "./transcript/log-text";
import { EmptyState } from "./ui/empty-state";
import { Facts, Time } from "./ui/facts";

/** The boxes in which a session ran: their limits, how they ended, what they said last. */
export function SessionBoxes({ boxes }: { boxes: SessionDetail["containers"] }) {
  if (boxes.length === 0) return <EmptyState title="This session had no box of its own." />;
  return (
    <div className="grid gap-4">
      {boxes.map((box) => (
        <section key={box.name} aria-label={`Box ${box.name}`} className="grid gap-2">
          <Facts items={[
            ["Name", <span key="name" className="font-mono text-code break-all">{box.name}</span>],
            ["Runs in", box.backend === "process" ? "a plain process, not isolated" : box.backend],
            ["State", box.status ?? "–"],
            ["Image", box.image || "–"],
            ["Limits", limitWords(box.limits)],
            ["Made", <Time key="made" at={box.created_at} />],
            ["Ready after", box.ready_at ? duration((Date.parse(box.ready_at) - Date.parse(box.created_at)) / 1000) : "–"],
            ["Ended", <Time key="ended" at={box.stopped_at} />],
            ["Exit", box.oom_killed ? "out of memory" : (box.exit_code ?? "–")],
          ]} />
          {box.log_tail ? <LogText text={box.log_tail} label={`Last lines of ${box.name}`} /> : null}
        </section>
      ))}
    </div>
  );
}

function limitWords(limits: unknown): string {
  if (!limits || typeof limits !== "object") return "–";
  return Object.entries(limits).map(([name, value]) => `${name.replaceAll("_", " ")} ${String(value)}`).join(", ") || "–";
}
