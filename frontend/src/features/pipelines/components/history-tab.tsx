import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { TextDiff } from "@/components/editor/text-diff";
import { Loaded } from "@/components/loaded";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { failed, said } from "@/lib/toast";

import { pipelineRawQuery, useSavePipeline, type Version, versionQuery, versionsQuery } from "../queries";

/** What the pipeline said before: compared with what it says now, and brought back. */
export function HistoryTab({ id }: { id: string }) {
  const versions = useQuery(versionsQuery(id));
  const raw = useQuery(pipelineRawQuery(id));
  const [shown, setShown] = useState<Version | null>(null);
  const [wanted, setWanted] = useState<Version | null>(null);
  return (
    <Loaded query={raw}>
      {(now) => (
        <Loaded query={versions}>
          {(rows) => rows.length === 0 ? <EmptyState title="It has not been changed yet">Each text that is saved here, or found on disk, is kept from then on.</EmptyState> : (
            <>
              <ol className="divide-y rounded-card border bg-surface" aria-label="Versions">
                {rows.map((version) => <VersionRow key={version.id} version={version} isNow={version.sha256 === now.sha256} onShow={() => setShown(version)} onWant={() => setWanted(version)} />)}
              </ol>
              {shown ? <VersionDialog id={id} version={shown} now={now.yaml} onClose={() => setShown(null)} /> : null}
              {wanted ? <RevertDialog id={id} version={wanted} now={now.sha256} onClose={() => setWanted(null)} /> : null}
            </>
          )}
        </Loaded>
      )}
    </Loaded>
  );
}

interface VersionRowProps {
  version: Version;
  isNow: boolean;
  onShow: () => void;
  onWant: () => void;
}

function VersionRow({ version, isNow, onShow, onWant }: VersionRowProps) {
  const me = useMe();
  const author = version.user_id === null ? "found on disk" : version.user_id === me.id ? "by you" : `by ${version.user_id}`;
  return (
    <li className="flex flex-wrap items-center gap-3 px-4 py-2 text-sm">
      <Time at={version.created_at} />
      <span className="text-muted">{author}</span>
      <span className="font-mono text-code text-muted">{version.sha256.slice(0, 10)}</span>
      {isNow ? <Badge tone="accent">now</Badge> : null}
      <span className="ml-auto flex gap-1">
        <Button size="sm" look="quiet" onClick={onShow}>Compare</Button>
        <Button size="sm" look="quiet" refusal={isNow ? "It is the present text." : refusal(me, "admin")} onClick={onWant}>Bring back</Button>
      </span>
    </li>
  );
}

function VersionDialog({ id, version, now, onClose }: { id: string; version: Version; now: string; onClose: () => void }) {
  const text = useQuery(versionQuery(id, version.id));
  return (
    <Dialog open onOpenChange={onClose}>
      <DialogContent title={`${id}: that version and the present one`} className="sm:w-[min(60rem,calc(100vw-2rem))]">
        <Loaded query={text}>{(found) => <TextDiff label="From that version to the present one" before={found.yaml} after={now} />}</Loaded>
      </DialogContent>
    </Dialog>
  );
}

function RevertDialog({ id, version, now, onClose }: { id: string; version: Version; now: string; onClose: () => void }) {
  const client = useQueryClient();
  const save = useSavePipeline();
  const bringBack = async (): Promise<void> => {
    try {
      const { yaml } = await client.ensureQueryData(versionQuery(id, version.id));
      await save.mutateAsync({ id, text: yaml, version: now });
      said("The version is back");
    } catch (error) {
      failed("The version was not brought back", error);
      throw error;
    }
  };
  return (
    <Confirm open onOpenChange={onClose} title={`Bring back this version of ${id}?`} action="Bring back version" look="primary" onConfirm={bringBack}>
      It is saved as a new version; the present text stays among the versions. Runs that go on keep the text they began with.
    </Confirm>
  );
}
