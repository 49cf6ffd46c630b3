import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";

import { refusal, useMe } from "@/api/me";
import { isProblem } from "@/api/problem";
import { Button } from "@/components/ui/button";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { failed, said } from "@/lib/toast";

import type { EditorHandle } from "../editor/yaml-editor";
import { fetchRaw, pipelineSchemaQuery, useSavePipeline } from "../queries";
import { useChecked } from "../use-draft";
import { ProblemList } from "./problem-list";
import { StaleDialog } from "./stale-dialog";

const DryRun = lazy(() => import("./rehearsal").then((module) => ({ default: module.DryRun })));
const YamlEditor = lazy(() => import("../editor/yaml-editor"));

export interface Source {
  text: string;
  /** The version that the text is; null: there is none yet. */
  version: string | null;
  layer: string;
}

interface PipelineEditorProps {
  /** Null: a new one, whose id stands in the text. */
  id: string | null;
  source: Source;
  /** A line to show at first. */
  line?: number | undefined;
  onSaved: (id: string) => void;
}

const idIn = (text: string): string => /^id:\s*["']?([A-Za-z0-9._-]+)["']?\s*(?:#.*)?$/m.exec(text)?.[1] ?? "";

/** The text of a pipeline: checked while one writes, saved only when valid and unchanged meanwhile. */
export function PipelineEditor({ id, source, line, onSaved }: PipelineEditorProps) {
  const [base, setBase] = useState(source);
  const [text, setText] = useState(source.text);
  const [stale, setStale] = useState<Source | null>(null);
  const editor = useRef<EditorHandle>(null);
  // One function for good: a new one would be called, and jump, with each stroke.
  const onEditor = useCallback((handle: EditorHandle | null): void => {
    editor.current = handle;
    if (handle && line) setTimeout(() => handle.goToLine(line));
  }, [line]);
  const schema = useQuery(pipelineSchemaQuery());
  const checked = useChecked(text);
  const save = useSavePipeline();
  const admin = refusal(useMe(), "admin");
  const isChanged = text !== base.text;
  const target = id ?? idIn(text);
  useLeaveWarning(isChanged);

  // Somebody else saved, and nothing was written here: their text is shown.
  const [seen, setSeen] = useState(source.version);
  if (source.version !== seen) {
    setSeen(source.version);
    if (!isChanged && source.version !== base.version) {
      setBase(source);
      setText(source.text);
    }
  }

  const compare = async (): Promise<void> => {
    try {
      const theirs = await fetchRaw(target);
      setStale({ text: theirs.yaml, version: theirs.sha256, layer: theirs.layer });
    } catch (error) {
      failed("The text that was saved meanwhile could not be read", error);
    }
  };
  const store = (version: string | null): void => {
    save.mutate({ id: target, text, version }, {
      onSuccess: (saved) => {
        setBase({ text, version: saved.sha256, layer: "data" });
        setStale(null);
        said(base.layer === "builtin" ? "Saved as a copy of yours" : "Saved");
        onSaved(target);
      },
      onError: (error) => {
        if (isProblem(error, "stale_version")) void compare();
      },
    });
  };
  const closed = admin ?? (!isChanged && id !== null ? "Nothing is changed." : null) ??
    (target ? null : "The text has no id.") ?? (checked.isCurrent ? (checked.valid ? null : "Mend the errors first.") : "It is being checked.");
  const problem = save.error && !isProblem(save.error, "stale_version") ? save.error : checked.error;
  return (
    <div className="grid min-h-0 grid-cols-1 gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button look="primary" busy={save.isPending} refusal={closed} onClick={() => store(base.version)} title="Save (Ctrl S)">
          {base.layer === "builtin" && id !== null ? "Save as a copy of yours" : "Save"}
        </Button>
        {isChanged && id !== null ? <Button look="quiet" onClick={() => setText(base.text)}>Discard changes</Button> : null}
        <span role="status" className="text-sm text-muted">
          {!checked.isCurrent ? "Checking…" : checked.valid ? "Valid" : "Has errors"}{isChanged && id !== null ? ", not saved" : ""}
        </span>
        {base.layer === "builtin" && id !== null ? <span className="text-sm text-muted">Built in: your copy in the data directory takes its place.</span> : null}
      </div>
      {problem ? <ProblemPanel problem={problem} /> : null}
      <div className="h-[55dvh] min-h-72 overflow-hidden rounded-card border lg:h-[62dvh]">
        <Suspense fallback={<SkeletonRows rows={10} />}>
          <YamlEditor
            ref={onEditor}
            text={text}
            onChange={setText}
            onSave={() => !closed && store(base.version)}
            readOnly={admin !== null}
            problems={checked.problems}
            schema={schema.data}
            known={checked.known}
          />
        </Suspense>
      </div>
      <section aria-label="Problems of the text">
        <h3 className="mb-1 text-sm font-semibold">Problems</h3>
        <ProblemList problems={checked.problems} onLine={(at) => editor.current?.goToLine(at)} />
      </section>
      <Suspense fallback={<SkeletonRows rows={2} />}>
        <DryRun text={text} refusal={checked.isCurrent ? (checked.valid ? null : "Mend the errors first.") : "It is being checked."} />
      </Suspense>
      {stale ? (
        <StaleDialog base={base.text} mine={text} theirs={stale} onClose={() => setStale(null)}
          onTakeTheirs={() => {
            setBase(stale);
            setText(stale.text);
            setStale(null);
          }}
          onKeepMine={() => store(stale.version)} />
      ) : null}
    </div>
  );
}

/** The browser asks before it throws away what was written. */
function useLeaveWarning(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return undefined;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isChanged]);
}
