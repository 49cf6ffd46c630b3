import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { File, Folder, Link2 } from "lucide-react";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { rowsOf } from "@/api/paging";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Facts, Time } from "@/components/ui/facts";
import { Card, Section } from "@/components/ui/page-header";
import { Progress } from "@/components/ui/progress";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { bytes, count } from "@/lib/format";

import { useResetSandbox } from "../mutations";
import { sandboxFileQuery, sandboxQuery, treeQuery } from "../queries";

const route = getRouteApi("/_shell/agents/$agentId");
const MB = 1_000_000;

export function SandboxTab({ agentId }: { agentId: string }) {
  const me = useMe();
  const sandbox = useQuery(sandboxQuery(agentId));
  const reset = useResetSandbox(agentId);
  const [asking, setAsking] = useState(false);
  return (
    <Loaded query={sandbox}>
      {(found) =>
        found.exists ? (
          <>
            <Card className="grid gap-4">
              <Facts
                items={[
                  ["Size", `${bytes((found.used_mb ?? 0) * MB)}${found.total_mb ? ` of ${bytes(found.total_mb * MB)}` : ""}`],
                  ["Files", found.files === null ? "–" : count(found.files)],
                  ["Directories", found.directories === null ? "–" : count(found.directories)],
                  ["Measured", <Time key="at" at={found.measured_at} />],
                  ["Tools of its own", found.tools.join(", ") || "none"],
                ]}
              />
              {found.total_mb ? (
                <Progress value={found.used_mb ?? 0} of={found.total_mb} label="Room that is used" tone={found.over_quota ? "bad" : "accent"} />
              ) : null}
              <div>
                <Button look="bad" refusal={refusal(me, "admin")} onClick={() => setAsking(true)}>
                  Empty the home
                </Button>
              </div>
            </Card>
            <Files agentId={agentId} />
            <Confirm
              open={asking}
              onOpenChange={setAsking}
              title="Empty this agent’s home?"
              action="Empty the home"
              onConfirm={() => reset.mutateAsync()}
            >
              {found.files === null ? "All" : count(found.files)} files go, and cannot be brought back. Work of runs is kept elsewhere.
            </Confirm>
          </>
        ) : (
          <EmptyState title="This agent has no home yet: it is made with its first box." />
        )
      }
    </Loaded>
  );
}

const ICONS = { directory: Folder, file: File, link: Link2, other: File };

function Files({ agentId }: { agentId: string }) {
  const { path = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const tree = useInfiniteQuery(treeQuery(agentId, path));
  const [file, setFile] = useState<string | null>(null);
  const enter = (to: string) => void navigate({ search: (old) => ({ ...old, path: to || undefined }) });
  const at = (name: string) => (path ? `${path}/${name}` : name);
  return (
    <Section title={path ? `Files in ${path}` : "Files"} className="mt-6" actions={path ? <Button size="sm" onClick={() => enter(path.split("/").slice(0, -1).join("/"))}>Up</Button> : null}>
      <Loaded query={tree}>
        {(data) => {
          const rows = rowsOf(data);
          return rows.length === 0 ? (
            <EmptyState title="There is nothing here." className="py-8" />
          ) : (
            <>
              <Table>
                <TableHead>
                  <tr>
                    <Th>Name</Th>
                    <Th numeric>Size</Th>
                    <Th>Changed</Th>
                  </tr>
                </TableHead>
                <TableBody>
                  {rows.map((row) => {
                    const Icon = ICONS[row.type];
                    return (
                      <Row key={row.name}>
                        <Td>
                          {row.type === "directory" || row.type === "file" ? (
                            <Button look="link" onClick={() => (row.type === "directory" ? enter(at(row.name)) : setFile(at(row.name)))}>
                              <Icon aria-hidden />
                              {row.name}
                            </Button>
                          ) : (
                            <span className="inline-flex items-center gap-2 text-muted">
                              <Icon className="size-4" aria-hidden />
                              {row.name}
                              {row.target ? ` → ${row.target}` : ""}
                            </span>
                          )}
                        </Td>
                        <Td numeric>{row.type === "file" ? bytes(row.size) : "–"}</Td>
                        <Td>
                          <Time at={row.modified} />
                        </Td>
                      </Row>
                    );
                  })}
                </TableBody>
              </Table>
              <More query={tree} what="files" />
            </>
          );
        }}
      </Loaded>
      <FileSheet agentId={agentId} file={file} onClose={() => setFile(null)} />
    </Section>
  );
}

function FileSheet({ agentId, file, onClose }: { agentId: string; file: string | null; onClose: () => void }) {
  const content = useQuery({ ...sandboxFileQuery(agentId, file ?? ""), enabled: file !== null });
  return (
    <Dialog open={file !== null} onOpenChange={(open) => (open ? undefined : onClose())}>
      <SheetContent title={file ?? ""} className="sm:w-[min(48rem,100vw)]">
        <Loaded query={content}>
          {(found) =>
            found.encoding === "base64" ? (
              <EmptyState title="This file is no text." />
            ) : (
              <>
                {found.truncated ? <Badge tone="warn">Only its beginning</Badge> : null}
                <pre className="mt-2 overflow-x-auto font-mono text-code break-words whitespace-pre-wrap">{found.content}</pre>
              </>
            )
          }
        </Loaded>
      </SheetContent>
    </Dialog>
  );
}
