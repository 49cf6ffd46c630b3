import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { isProblem, type Problem, problemOf } from "@/api/problem";
import { TextDiff } from "@/components/editor/text-diff";
import { TextEditor } from "@/components/editor/text-editor";
import { Loaded } from "@/components/loaded";
import { Pick } from "@/components/pick";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { Section } from "@/components/ui/page-header";
import { count } from "@/lib/format";
import { failed, said } from "@/lib/toast";

import { useRevertFile, useSaveFile } from "../mutations";
import { versionsQuery } from "../queries";

const route = getRouteApi("/_shell/agents/$agentId");
const CHARACTERS_PER_TOKEN = 4; // the server's estimate

type Version = Schemas["AgentFileVersion"];
type Detail = Schemas["AgentDetail"];

/** The files that make the system prompt, with their versions. */
export default function PersonaTab({ agent }: { agent: Detail }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const names = agent.persona_files;
  const name = names.includes(search.file ?? "") ? (search.file ?? "") : (names[0] ?? "");
  const content = agent.files[name] ?? "";
  if (!name) return <EmptyState title="This agent has no persona file." />;
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <Pick
          label="File"
          value={name}
          options={Object.fromEntries(names.map((each) => [each, each]))}
          onChange={(file) => void navigate({ search: (old) => ({ ...old, file }), replace: true })}
        />
        <span className="text-sm text-muted">
          about {count(Math.ceil(content.length / CHARACTERS_PER_TOKEN))} tokens in each prompt
        </span>
      </div>
      <FileEditor key={name} agent={agent} name={name} content={content} />
      <Versions agent={agent} name={name} content={content} />
    </>
  );
}

function FileEditor({ agent, name, content }: { agent: Detail; name: string; content: string }) {
  const me = useMe();
  const save = useSaveFile(agent.id, name);
  const version = agent.version ?? 0;
  const [base, setBase] = useState({ content, version });
  const [text, setText] = useState(content);
  const [stale, setStale] = useState<Problem | null>(null);
  const refused = refusal(me, "member");
  if (base.version !== version && (text === base.content || text === content)) {
    setBase({ content, version }); // it was changed meanwhile, and nothing is lost by taking that
    setText(content);
  }
  const isChanged = text !== base.content;
  const store = (at: number) =>
    save.mutate(
      { content: text, version: at },
      {
        onSuccess: () => said(`${name} saved: the next session is told the new text`),
        onError: (error) => {
          if (isProblem(error, "stale_version")) setStale(problemOf(error));
        },
      },
    );
  return (
    <>
      <TextEditor
        key={base.content}
        label={`${name} of ${agent.name}`}
        language="markdown"
        initial={base.content}
        readOnly={refused !== null}
        onChange={setText}
        onSave={() => (isChanged ? store(base.version) : undefined)}
      />
      <div className="mt-3 flex items-center gap-3">
        <Button look="primary" refusal={refused ?? (isChanged ? null : "Nothing has changed.")} busy={save.isPending} onClick={() => store(base.version)}>
          Save {name}
        </Button>
        {isChanged ? (
          <span role="status" className="text-sm text-warn">
            {base.version === version ? "Not saved" : "Not saved, and somebody changed the agent meanwhile"}
          </span>
        ) : null}
      </div>
      {save.error && !stale ? <ProblemPanel problem={save.error} className="mt-3" /> : null}
      <Dialog open={stale !== null} onOpenChange={() => setStale(null)}>
        <DialogContent
          title="Somebody else was first"
          description="The agent was changed since you began. What they did, and what you would put in its place:"
          className="sm:w-[min(60rem,calc(100vw-2rem))]"
          footer={
            <>
              <Button onClick={() => setStale(null)}>Keep editing</Button>
              <Button
                look="bad"
                onClick={() => {
                  const now = Number(stale?.body["current_version"] ?? version);
                  setStale(null);
                  store(now);
                }}
              >
                Save mine over it
              </Button>
            </>
          }
        >
          <h3 className="mb-1 text-sm font-medium">What they changed</h3>
          {content === base.content ? (
            <p className="text-sm text-muted">Nothing in this file.</p>
          ) : (
            <TextDiff label="What they changed" before={base.content} after={content} />
          )}
          <h3 className="mt-4 mb-1 text-sm font-medium">What you would put in its place</h3>
          <TextDiff label="Theirs and mine" before={content} after={text} />
        </DialogContent>
      </Dialog>
    </>
  );
}

const AUTHORS: Record<Version["author"], string> = { user: "a person", agent: "an agent", sync: "a change on disk" };

function Versions({ agent, name, content }: { agent: Detail; name: string; content: string }) {
  const me = useMe();
  const versions = useQuery(versionsQuery(agent.id, name));
  const revert = useRevertFile(agent.id, name);
  const [shown, setShown] = useState<Version | null>(null);
  const [wanted, setWanted] = useState<Version | null>(null);
  return (
    <Section title="Versions" className="mt-6">
      <Loaded query={versions}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState title="This file has not been changed yet." className="py-8" />
          ) : (
            <ol className="divide-y rounded-card border bg-surface">
              {rows.map((version) => (
                <li key={version.id} className="flex flex-wrap items-center gap-3 px-4 py-2 text-sm">
                  <Time at={version.created_at} />
                  <span className="text-muted">by {AUTHORS[version.author]}</span>
                  <span className="font-mono text-code text-muted">{version.sha256.slice(0, 10)}</span>
                  <span className="ml-auto flex gap-1">
                    <Button size="sm" look="quiet" onClick={() => setShown(version)}>
                      Compare
                    </Button>
                    <Button
                      size="sm"
                      look="quiet"
                      refusal={version.content === content ? "It is the present text." : refusal(me, "member")}
                      onClick={() => setWanted(version)}
                    >
                      Bring back
                    </Button>
                  </span>
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
      <Dialog open={shown !== null} onOpenChange={() => setShown(null)}>
        <DialogContent title={`${name}: that version and the present one`} className="sm:w-[min(60rem,calc(100vw-2rem))]">
          {shown ? <TextDiff label="From that version to the present one" before={shown.content} after={content} /> : null}
        </DialogContent>
      </Dialog>
      <Confirm
        open={wanted !== null}
        onOpenChange={() => setWanted(null)}
        title={`Bring back this version of ${name}?`}
        action="Bring back version"
        look="primary"
        onConfirm={() =>
          revert
            .mutateAsync({ version_id: wanted?.id ?? 0, version: agent.version })
            .catch((error: unknown) => {
              failed("The version was not brought back", error);
              throw error;
            })
        }
      >
        It becomes a new version; the present text stays among the versions.
      </Confirm>
    </Section>
  );
}
