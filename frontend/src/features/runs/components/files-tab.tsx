import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronRight, Folder } from "lucide-react";
import { useMemo, useRef, useState } from "react";

import { isProblem } from "@/api/problem";
import { toneClass } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { bytes } from "@/lib/format";

import { ChangeNumbers } from "../diff/diff-view";
import { type Changes, fileTree, foundFiles, type TreeRow, treeRows } from "../file-tree";
import { diffQuery, fileHistoryQuery, fileQuery, filesQuery, gitStatusQuery, type RunDetail } from "../queries";
import { visible } from "@/components/transcript/ansi";
import { LogText } from "@/components/transcript/log-text";
import { BackButton } from "./changes-tab";

const ROW = 30;
const MARKS: Record<string, { sign: string; tone: "ok" | "bad" | "warn" | "run" }> = {
  added: { sign: "A", tone: "ok" }, untracked: { sign: "A", tone: "ok" }, deleted: { sign: "D", tone: "bad" }, renamed: { sign: "R", tone: "run" },
};

interface FilesTabProps {
  run: RunDetail;
  onCommit: (hash: string) => void;
  /** Of all changes of the run. */
  onChanges: () => void;
}

/** The files of the run's workspace as a tree, with what the run changed and what each one went through. */
export function FilesTab({ run, onCommit, onChanges }: FilesTabProps) {
  const files = useQuery({ ...filesQuery(run.id), enabled: run.workspace_exists });
  const changes = useChanges(run);
  const [shown, setShown] = useState("");
  const [part, setPart] = useState("");
  const [said, setSaid] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [only, setOnly] = useState(false);
  const rows = useMemo(() => {
    const all = only ? (files.data ?? []).filter((file) => changes.has(file.path)) : files.data ?? [];
    if (part) return foundFiles(all, changes, part);
    return treeRows(fileTree(all, changes), changes, (path, changed) => said.get(path) ?? (only || changed > 0));
  }, [files.data, changes, part, said, only]);
  if (!run.workspace_exists) return <p className="text-sm text-muted">The workspace is gone. What was committed stands under Changes.</p>;
  if (files.error) return <ProblemPanel problem={files.error} onRetry={() => void files.refetch()} />;
  if (!files.data) return <SkeletonRows rows={6} />;
  if (shown) return <FileView run={run} path={shown} onBack={() => setShown("")} onCommit={onCommit} />;
  return (
    <div className="grid gap-2">
      <div className="flex items-center gap-2">
        <Input aria-label="Find a file" placeholder={`Find in ${files.data.length} files`} value={part} onChange={(event) => setPart(event.target.value)} />
        {changes.size > 0 ? <Button size="sm" look={only ? "plain" : "quiet"} aria-pressed={only} onClick={() => setOnly(!only)}>{changes.size} changed</Button> : null}
      </div>
      {rows.length === 0 ? <p className="text-sm text-muted">{part || only ? "No file matches." : "There is no file yet."}</p> : null}
      <Tree rows={rows} onFolder={(path, open) => setSaid(new Map(said).set(path, open))} onFile={(row) => (row.size === null ? onChanges() : setShown(row.path))} />
    </div>
  );
}

/** What the run has changed so far, committed or not. */
function useChanges(run: RunDetail): Changes {
  const hasFiles = run.workspace_has_git && Boolean(run.head_commit);
  const diff = useQuery({ ...diffQuery(run.id, ""), enabled: hasFiles });
  const status = useQuery({ ...gitStatusQuery(run.id), enabled: hasFiles && run.workspace_exists });
  return useMemo(() => new Map([
    ...(diff.data?.files ?? []).map((file): [string, string] => [file.path, file.status]),
    ...(status.data?.changes ?? []).map((change): [string, string] => [change.path, change.status]),
  ]), [diff.data, status.data]);
}

interface TreeProps {
  rows: readonly TreeRow[];
  onFolder: (path: string, open: boolean) => void;
  onFile: (row: Extract<TreeRow, { kind: "file" }>) => void;
}

function Tree({ rows, onFolder, onFile }: TreeProps) {
  const place = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => place.current, estimateSize: () => ROW, overscan: 10 });
  return (
    <div ref={place} className="max-h-[60vh] overflow-auto">
      <ul aria-label="Files" className="relative" style={{ height: list.getTotalSize() }}>
        {list.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <li key={`${row.kind}/${row.path}`} className="absolute inset-x-0" style={{ transform: `translateY(${item.start}px)` }}>
              <button
                type="button"
                aria-expanded={row.kind === "folder" ? row.open : undefined}
                onClick={() => (row.kind === "folder" ? onFolder(row.path, !row.open) : onFile(row))}
                className="flex h-7 w-full items-center gap-1.5 rounded-control pr-2 text-left hover:bg-sunken"
                style={{ paddingLeft: `${4 + row.depth * 14}px` }}
              >
                {row.kind === "folder" ? <FolderLine row={row} /> : <FileLine row={row} />}
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function FolderLine({ row }: { row: Extract<TreeRow, { kind: "folder" }> }) {
  return (
    <>
      <ChevronRight aria-hidden className={cn("size-3.5 shrink-0 text-muted", row.open && "rotate-90")} />
      <Folder aria-hidden className="size-4 shrink-0 text-muted" />
      <span className="min-w-0 flex-1 truncate text-sm">{visible(row.name)}</span>
      {row.changed > 0 ? <span className="shrink-0 text-xs text-muted">{row.changed} changed</span> : null}
    </>
  );
}

function FileLine({ row }: { row: Extract<TreeRow, { kind: "file" }> }) {
  const mark = row.change ? MARKS[row.change] ?? { sign: "M", tone: "warn" as const } : null;
  return (
    <>
      <span className="w-3.5 shrink-0" />
      <span className={cn("min-w-0 flex-1 truncate font-mono text-code", row.size === null && "text-muted line-through", mark && row.size !== null && "font-medium")} title={row.path}>{visible(row.name)}</span>
      <span className="shrink-0 text-xs text-muted">{row.size === null ? "" : bytes(row.size)}</span>
      <span className={cn("w-3 shrink-0 text-center font-mono text-xs font-semibold", mark && toneClass[mark.tone], mark && "text-tone")}>{mark ? <><span aria-hidden>{mark.sign}</span><span className="sr-only">{row.change}</span></> : null}</span>
    </>
  );
}

interface FileViewProps {
  run: RunDetail;
  path: string;
  onBack: () => void;
  onCommit: (hash: string) => void;
}

function FileView({ run, path, onBack, onCommit }: FileViewProps) {
  const file = useQuery(fileQuery(run.id, path));
  const history = useQuery({ ...fileHistoryQuery(run.id, path), enabled: run.workspace_has_git });
  return (
    <div className="grid gap-3">
      <div><BackButton onClick={onBack}>Files</BackButton></div>
      <h3 className="font-mono text-code font-medium break-all">{visible(path)}</h3>
      {file.error ? (isProblem(file.error) && [413, 415, 422].includes(file.error.status)
        ? <p className="text-sm text-muted">{file.error.message}</p>
        : <ProblemPanel problem={file.error} onRetry={() => void file.refetch()} />) : null}
      {file.data ? <LogText text={file.data.content} label={path} /> : file.error ? null : <SkeletonRows rows={4} />}
      {history.data && history.data.length > 0 ? (
        <section aria-label="History of the file">
          <h4 className="mb-1 text-sm font-medium">History</h4>
          <ol className="grid gap-0.5">{history.data.map((commit) => (
            <li key={commit.hash}>
              <button type="button" onClick={() => onCommit(commit.hash)} className="flex w-full justify-between gap-3 rounded-control px-2 py-1 text-left text-sm hover:bg-sunken">
                <span className="min-w-0"><span className="block truncate">{commit.summary || commit.subject}</span><span className="text-xs text-muted">{commit.step || commit.author} · <Time at={commit.date} /></span></span>
                <ChangeNumbers change={commit} />
              </button>
            </li>
          ))}</ol>
        </section>
      ) : null}
    </div>
  );
}
