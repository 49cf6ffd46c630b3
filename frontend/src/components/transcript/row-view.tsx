import { Brain, Eye, FileText, GitCommitHorizontal, Link as LinkIcon, ShieldCheck } from "lucide-react";
import { memo } from "react";

import type { Schemas } from "@/api/client";
import { AgentChip } from "@/components/ui/facts";
import { toneClass } from "@/components/ui/badge";
import { Button, IconButton } from "@/components/ui/button";
import { Status, StatusBadge, StatusMark } from "@/components/ui/status";
import { cn } from "@/lib/cn";
import { clock, duration, took } from "@/lib/format";
import { failed, said } from "@/lib/toast";

import { plainText, visible } from "./ansi";
import { blockText } from "./blocks";
import { Fold } from "./fold";
import { LogText } from "./log-text";
import { SafeMarkdown } from "./markdown";
import type { CheckItem, NoteItem, Section, TextItem } from "./model";
import { groupTitle, type Row, rowEvent } from "./rows";
import { ToolCard } from "./tool-card";

type Execution = Schemas["Execution"];

/** What the snapshot of the run says of a section, and what can be asked of it. */
export interface SectionContext {
  execution: Execution | undefined;
  status: string;
  onCommit?: (hash: string) => void;
}

interface RowViewProps {
  row: Row;
  context: SectionContext | undefined;
  isHit: boolean;
}

export const RowView = memo(
  function RowView({ row, context, isHit }: RowViewProps) {
    return (
      <div className={cn("group/row relative px-4 py-1", isHit && "tone-accent bg-tone-tint")}>
        <RowBody row={row} context={context} isHit={isHit} />
        <EventLink event={rowEvent(row)} />
      </div>
    );
  },
  (before, after) =>
    before.row.key === after.row.key && before.row.version === after.row.version && before.isHit === after.isHit &&
    before.row.section === after.row.section &&
    ((after.row.kind !== "head" && after.row.kind !== "end") || sameContext(before.context, after.context)),
);

function sameContext(a: SectionContext | undefined, b: SectionContext | undefined): boolean {
  return a?.execution === b?.execution && a?.status === b?.status && a?.onCommit === b?.onCommit;
}

/** Copies the address of this page at an event. */
function EventLink({ event }: { event: string }) {
  if (!event) return null;
  const copy = (): void => {
    const address = new URL(location.href);
    address.searchParams.set("event", event);
    navigator.clipboard.writeText(address.href).then(
      () => said("The link to this event is copied."),
      (error: unknown) => failed("The link was not copied", error),
    );
  };
  return (
    <IconButton
      label="Copy link to this event"
      look="plain"
      className="absolute top-1.5 right-0.5 size-6 opacity-0 group-hover/row:opacity-100 focus-visible:opacity-100 touch:hidden"
      onClick={copy}
    >
      <LinkIcon aria-hidden className="size-3.5" />
    </IconButton>
  );
}

/** What is looked for is open: a match may lie in a part that is shut. */
function RowBody({ row, context, isHit }: RowViewProps) {
  switch (row.kind) {
    case "head":
      return <Head section={row.section} context={context} />;
    case "text":
      return row.block.plain
        ? <p className="font-mono text-code break-all">{plainText(row.item.text.slice(row.block.start, row.block.end))}</p>
        : <SafeMarkdown text={blockText(row.item.text, row.block)} />;
    case "thinking":
      return <Thinking item={row.item} open={isHit} />;
    case "tool":
      return <ToolCard item={row.item} open={isHit} />;
    case "group":
      return (
        <Fold id={row.key} startsOpen={isHit} className="rounded-card border bg-surface" summary={
          <><Eye aria-hidden className="size-4 shrink-0 text-muted" /><span className="text-muted">{groupTitle(row.items)}</span></>
        }>
          {() => <div className="grid gap-1">{row.items.map((item) => <ToolCard key={item.key} item={item} />)}</div>}
        </Fold>
      );
    case "check":
      return <Check item={row.item} open={isHit} />;
    case "note":
      return <Note item={row.item} />;
    case "end":
      return <End section={row.section} context={context} />;
  }
}

function Head({ section, context }: { section: Section; context: SectionContext | undefined }) {
  const execution = context?.execution;
  const agent = execution?.agent_id || section.agentId;
  const facts = [
    section.visit > 1 ? `visit ${section.visit}` : "",
    section.attempt > 1 ? `try ${section.attempt}` : "",
    execution?.loop_item ? `item ${execution.loop_item.index + 1}` : "",
    execution?.model_used ?? "",
    section.startedAt ? clock(section.startedAt) : "",
    execution?.started_at && execution.finished_at
      ? duration((Date.parse(execution.finished_at) - Date.parse(execution.started_at)) / 1000) : "",
    section.contextPercent !== null && section.contextPercent >= 50 && !section.ended
      ? `context ${Math.round(section.contextPercent)} % full` : "",
  ].filter(Boolean);
  return (
    <header className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 border-b pb-2">
      <h3 className="text-base font-semibold">{section.stepId}</h3>
      {agent ? <AgentChip id={agent} className="text-sm" /> : null}
      <span className="min-w-0 text-xs text-muted">{facts.join(" · ")}</span>
      <span className="ml-auto flex items-center gap-2">
        {execution?.superseded ? <span className="text-xs text-muted">superseded</span> : null}
        {execution?.status === "completed" && execution.result_key
          ? <code className="rounded-[4px] bg-sunken px-1.5 font-mono text-xs">{execution.result_key}</code> : null}
        <StatusBadge status={section.ended || context?.status || "queued"} />
      </span>
    </header>
  );
}

function Thinking({ item, open }: { item: TextItem; open: boolean }) {
  const first = item.text.split("\n").find((line) => line.trim()) ?? "";
  const seconds = (Date.parse(item.endedAt) - Date.parse(item.ts)) / 1000;
  return (
    <Fold id={item.key} startsOpen={open} summary={
      <>
        <Brain aria-hidden className="size-4 shrink-0 text-muted" />
        <span className="shrink-0 text-muted">{seconds >= 1 ? `Thought for ${duration(seconds)}` : "Thought"}</span>
        <span className="min-w-0 flex-1 truncate text-muted italic">{visible(first).replace(/[*_`#]/g, "")}</span>
      </>
    }>
      {() => <SafeMarkdown text={item.text} className="text-sm text-muted" />}
    </Fold>
  );
}

const CHECK_STATES: Record<string, string> = { passed: "completed", running: "running", cancelled: "cancelled" };

function Check({ item, open }: { item: CheckItem; open: boolean }) {
  return (
    <Fold id={item.key} startsOpen={open} className="rounded-card border bg-surface" summary={
      <>
        <ShieldCheck aria-hidden className="size-4 shrink-0 text-muted" />
        <span className="shrink-0">The server checks: {item.name}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-code text-muted">{item.command}</span>
        <Status status={CHECK_STATES[item.verdict] ?? "failed"} className="text-xs">{item.verdict}</Status>
        {item.durationMs !== null ? <span className="text-xs text-muted">{took(item.durationMs)}</span> : null}
      </>
    }>
      {() => (item.output ? <LogText text={item.output} label={`Output of the check ${item.name}`} /> : <p className="text-sm text-muted">No output.</p>)}
    </Fold>
  );
}

function Note({ item }: { item: NoteItem }) {
  const line = item.detail.trim();
  return (
    <div className={cn(toneClass[item.tone], "flex items-start gap-2 text-sm")}>
      <span aria-hidden className="mt-2 size-1.5 shrink-0 rounded-full bg-tone" />
      <p className="min-w-0 flex-1">
        <span className="font-medium">{item.text}</span>
        {line ? <span className="text-muted break-words whitespace-pre-wrap"> {plainText(line.slice(0, 2000))}</span> : null}
      </p>
      <time dateTime={item.ts} className="shrink-0 text-xs text-muted">{clock(item.ts)}</time>
    </div>
  );
}

const FILE_SIGNS: Record<string, string> = { create: "+ ", delete: "− " };
const STATE_WORDS: Record<string, string> = {
  thinking: "Thinking", streaming: "Writing", tool_calling: "Using a tool", starting: "Starting",
};
const ACTIVE = new Set(["starting", "running", "finishing"]);

function End({ section, context }: { section: Section; context: SectionContext | undefined }) {
  const execution = context?.execution;
  const outputs = Object.entries(section.outputs).filter(([, value]) => value !== "");
  const commit = section.commit || execution?.commit_hash || "";
  const status = execution?.status ?? context?.status;
  const isActive = !section.ended && section.startedAt !== "" && (!status || ACTIVE.has(status));
  return (
    <div className="mb-4 grid gap-2 text-sm empty:hidden">
      {isActive ? <p className="flex items-center gap-2 text-muted"><StatusMark status="running" />{STATE_WORDS[section.state] ?? "Working"}…</p> : null}
      {section.error ? (
        <div className={cn(section.ended === "cancelled" ? "tone-quiet" : "tone-bad", "rounded-card border border-tone bg-tone-tint p-3")}>
          {section.errorCode ? <p className="font-mono text-code font-medium text-tone">{section.errorCode}</p> : null}
          <p className="break-words whitespace-pre-wrap">{plainText(section.error.slice(0, 4000))}</p>
          {execution?.remedy ? <p className="mt-1 text-muted">{execution.remedy}</p> : null}
        </div>
      ) : null}
      {outputs.length > 0 ? (
        <dl className="grid gap-1.5 rounded-card bg-sunken p-3">
          {outputs.map(([name, value]) => (
            <div key={name} className="grid gap-x-3 sm:grid-cols-[10rem_minmax(0,1fr)]">
              <dt className="truncate font-mono text-code text-muted" title={name}>{name}</dt>
              <dd className="min-w-0"><Value id={`${section.key}/${name}`} text={value} /></dd>
            </div>
          ))}
        </dl>
      ) : null}
      {section.files.size > 0 ? (
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-muted">
          <FileText aria-hidden className="size-4" />
          {[...section.files].map(([path, action]) => <span key={path} className="font-mono text-code break-all" title={action}>{FILE_SIGNS[action] ?? ""}{plainText(path)}</span>)}
        </p>
      ) : null}
      {commit ? (
        <p className="flex items-center gap-2 text-muted">
          <GitCommitHorizontal aria-hidden className="size-4" />Committed as
          {context?.onCommit
            ? <Button look="link" className="font-mono text-code" onClick={() => context.onCommit?.(commit)}>{commit.slice(0, 9)}</Button>
            : <code className="font-mono text-code">{commit.slice(0, 9)}</code>}
        </p>
      ) : null}
    </div>
  );
}

/** A value that agents gave: a line, or more on demand. */
export function Value({ id, text }: { id: string; text: string }) {
  if (text.length <= 280 && !text.includes("\n")) return <span className="break-words">{plainText(text)}</span>;
  const first = text.trim().split("\n")[0] ?? "";
  return (
    <Fold id={`value/${id}`} summary={<span className="min-w-0 flex-1 truncate">{plainText(first.slice(0, 200))}</span>}>
      {() => <LogText text={text} label="Value" />}
    </Fold>
  );
}
