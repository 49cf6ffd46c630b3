import { CircleCheck, CircleX, Eye, FilePenLine, type LucideIcon, MessageSquare, Search, Terminal, Wrench } from "lucide-react";
import type { ComponentType } from "react";
import { ErrorBoundary } from "react-error-boundary";

import { StatusMark } from "@/components/ui/status";
import { cn } from "@/lib/cn";
import { took } from "@/lib/format";

import { plainText } from "./ansi";
import { Fold } from "./fold";
import { LogText } from "./log-text";
import type { ToolItem } from "./model";
import { argumentSummary } from "./rows";

interface Card {
  icon: LucideIcon;
  /** What the tool was given. */
  Arguments: ComponentType<{ item: ToolItem }>;
}

const field = (item: ToolItem, ...names: string[]): string | null => {
  const name = names.find((each) => typeof item.args[each] === "string");
  return name === undefined ? null : (item.args[name] as string);
};

function CommandArguments({ item }: { item: ToolItem }) {
  const command = field(item, "command", "code");
  if (command === null) return <GenericArguments item={item} />;
  return <LogText text={command} label="Command" className="border border-border bg-surface" />;
}

function EditArguments({ item }: { item: ToolItem }) {
  const before = field(item, "old_text", "old_string", "oldText");
  const after = field(item, "new_text", "new_string", "newText");
  if (before === null || after === null) return <GenericArguments item={item} />;
  return (
    <div className="grid gap-1">
      <p className="font-mono text-code break-all">{field(item, "path", "file_path")}</p>
      <div className="tone-bad rounded-control border border-tone"><LogText text={before} label="Text before" className="bg-tone-tint" /></div>
      <div className="tone-ok rounded-control border border-tone"><LogText text={after} label="Text after" className="bg-tone-tint" /></div>
    </div>
  );
}

function GenericArguments({ item }: { item: ToolItem }) {
  const rows = Object.entries(item.args);
  if (rows.length === 0) return null;
  return (
    <dl className="grid gap-1 text-sm">
      {rows.map(([name, value]) => {
        const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
        const short = text.length < 160 && !text.includes("\n");
        return (
          <div key={name} className={short ? "flex gap-3" : ""}>
            <dt className="font-mono text-code text-muted">{name}</dt>
            <dd className="min-w-0 flex-1">{short ? <code className="font-mono text-code break-all">{plainText(text)}</code> : <LogText text={text} label={name} />}</dd>
          </div>
        );
      })}
    </dl>
  );
}

const GENERIC: Card = { icon: Wrench, Arguments: GenericArguments };
const shell: Card = { icon: Terminal, Arguments: CommandArguments };
const edit: Card = { icon: FilePenLine, Arguments: EditArguments };
const look: Card = { icon: Search, Arguments: GenericArguments };

/** A card a tool. A tool without one gets the general card, and so does a card that throws. */
const CARDS: Record<string, Card> = {
  bash: shell,
  exec_code: shell,
  edit,
  write: { icon: FilePenLine, Arguments: GenericArguments },
  read: { icon: Eye, Arguments: GenericArguments },
  ls: look,
  find: look,
  grep: look,
  web_search: look,
  send_message: { icon: MessageSquare, Arguments: GenericArguments },
  complete: { icon: CircleCheck, Arguments: GenericArguments },
  fail: { icon: CircleX, Arguments: GenericArguments },
};

function Result({ item }: { item: ToolItem }) {
  if (item.result === null) {
    return item.live
      ? <LogText text={item.live} label={`Output of ${item.name}`} tail />
      : <p className="text-sm text-muted">{item.isCut ? "Its step ended before it did." : "No result yet."}</p>;
  }
  if (!item.result.trim()) return <p className="text-sm text-muted">It gave no output.</p>;
  return <LogText text={item.result} label={`Result of ${item.name}`} className={item.isError ? "tone-bad bg-tone-tint" : ""} />;
}

const shownName = (item: ToolItem): string => item.name || "a tool whose call lies further back";

export function ToolCard({ item, open = false }: { item: ToolItem; open?: boolean }) {
  const card = CARDS[item.name] ?? GENERIC;
  const Icon = card.icon;
  const busy = item.result === null && !item.isCut;
  return (
    <Fold
      id={item.key}
      startsOpen={open || (busy && item.live !== "")}
      className={cn("rounded-card border bg-surface", item.isError && "tone-bad border-tone")}
      summary={
        <>
          <Icon aria-hidden className="size-4 shrink-0 text-muted" />
          <span className="shrink-0 font-mono text-code font-medium">{shownName(item)}</span>
          <span className="min-w-0 flex-1 truncate font-mono text-code text-muted">{argumentSummary(item.args)}</span>
          {busy ? <StatusMark status="running" word /> : null}
          {item.isCut ? <span className="shrink-0 text-xs text-muted">cut off</span> : null}
          {item.isError ? <span className="tone-bad shrink-0 text-xs text-tone">failed</span> : null}
          {item.durationMs !== null ? <span className="shrink-0 text-xs text-muted">{took(item.durationMs)}</span> : null}
        </>
      }
    >
      {() => (
        <div className="grid gap-2">
          <ErrorBoundary fallback={<GenericArguments item={item} />}>
            <card.Arguments item={item} />
          </ErrorBoundary>
          <Result item={item} />
        </div>
      )}
    </Fold>
  );
}
