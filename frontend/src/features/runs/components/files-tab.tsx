import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";

import { isProblem } from "@/api/problem";
import { Time } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { bytes } from "@/lib/format";

import { ChangeNumbers } from "../diff/diff-view";
import { fileHistoryQuery, fileQuery, filesQuery, type RunDetail } from "../queries";
import { visible } from "@/components/transcript/ansi";
import { LogText } from "@/components/transcript/log-text";
import { BackButton } from "./changes-tab";

const ROW = 30;

/** The files of the run's workspace, with what each one went through. */
export function FilesTab({ run, onCommit }: { run: RunDetail; onCommit: (hash: string) => void }) {
  const files = useQuery({ ...filesQuery(run.id), enabled: run.workspace_exists });
  const [shown, setShown] = useState("");
  const [part, setPart] = useState("");
  const place = useRef<HTMLDivElement>(null);
  const found = useMemo(() => (files.data ?? []).filter((file) => file.path.toLowerCase().includes(part.toLowerCase())), [files.data, part]);
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const rows = useVirtualizer({ count: found.length, getScrollElement: () => place.current, estimateSize: () => ROW, overscan: 10 });
  if (!run.workspace_exists) return <p className="text-sm text-muted">The workspace is gone. What was committed stands under Changes.</p>;
  if (files.error) return <ProblemPanel problem={files.error} onRetry={() => void files.refetch()} />;
  if (!files.data) return <SkeletonRows rows={6} />;
  if (shown) return <FileView run={run} path={shown} onBack={() => setShown("")} onCommit={onCommit} />;
  return (
    <div className="grid gap-2">
      <Input aria-label="Find a file" placeholder={`Find in ${files.data.length} files`} value={part} onChange={(event) => setPart(event.target.value)} />
      {found.length === 0 ? <p className="text-sm text-muted">No file matches.</p> : null}
      <div ref={place} className="max-h-[60vh] overflow-auto">
        <ul className="relative" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const file = found[row.index];
            if (!file) return null;
            return (
              <li key={file.path} className="absolute inset-x-0" style={{ transform: `translateY(${row.start}px)` }}>
                <button type="button" onClick={() => setShown(file.path)} className="flex h-7 w-full items-center justify-between gap-3 rounded-control px-2 text-left hover:bg-sunken">
                  <span className="truncate font-mono text-code" title={file.path}>{visible(file.path)}</span>
                  <span className="shrink-0 text-xs text-muted">{bytes(file.size)}</span>
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </div>
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
