import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ScrollText, Square } from "lucide-react";
import { useState, type ReactNode } from "react";

import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { sessionKeys } from "@/api/sessions";
import { Loaded } from "@/components/loaded";
import { sessionMark } from "@/components/session-table";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, CopyId, Elapsed, Facts, Time } from "@/components/ui/facts";
import { Card, Page, PageHeader } from "@/components/ui/page-header";
import { Progress } from "@/components/ui/progress";
import { StatusBadge } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { Tab, TabList, TabPanel, Tabs } from "@/components/ui/tabs";
import { useFresh } from "@/hooks/use-fresh";
import { bytes, count } from "@/lib/format";

import { promptParts } from "../prompt";
import { egressQuery, sessionQuery, useStopSession } from "../queries";

const route = getRouteApi("/_shell/sessions/$sessionId");

type Detail = Schemas["SessionDetail"];

const isLive = (session: Detail): boolean => session.status === "starting" || session.status === "running";

export function SessionPage() {
  const { sessionId } = route.useParams();
  const { tab = "prompt" } = route.useSearch();
  const navigate = route.useNavigate();
  const session = useQuery(sessionQuery(sessionId));
  useFresh(
    `session:${sessionId}`,
    (frame) => (/^(STEP_(COMPLETE|FAILED|CANCELLED)|CONTAINER_|AGENT_STATE)/.test(frame.type) ? [sessionKeys.one(sessionId)] : []),
    [sessionKeys.one(sessionId)],
  );
  return (
    <Page>
      <Loaded query={session}>
        {(found) => (
          <>
            <Head session={found} />
            <Tabs value={tab} onValueChange={(value) => void navigate({ search: { tab: value as typeof tab }, replace: true })}>
              <TabList aria-label="Parts of the session" className="mb-4">
                <Tab value="prompt">What it was told</Tab>
                <Tab value="output">Output</Tab>
                <Tab value="network">Network</Tab>
                <Tab value="boxes">Boxes</Tab>
              </TabList>
              <TabPanel value="prompt">
                <Prompt session={found} />
              </TabPanel>
              <TabPanel value="output">
                <Output session={found} />
              </TabPanel>
              <TabPanel value="network">
                <Network sessionId={found.id} />
              </TabPanel>
              <TabPanel value="boxes">
                <Boxes boxes={found.containers} />
              </TabPanel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Head({ session }: { session: Detail }) {
  const me = useMe();
  const stop = useStopSession();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <PageHeader
        title={`Session of ${session.agent_id}`}
        mark={<StatusBadge status={sessionMark(session.status)} />}
        actions={
          <>
            <Button asChild>
              <Link to="/usage/calls" search={{ session_id: session.id }}>
                Model calls
              </Link>
            </Button>
            {isLive(session) ? (
              <Button look="bad" refusal={refusal(me, "member")} onClick={() => setAsking(true)}>
                <Square aria-hidden />
                Stop session
              </Button>
            ) : null}
            {session.run_id ? (
              <Button asChild look="primary">
                <Link to="/runs/$runId" params={{ runId: session.run_id }} search={session.step_id ? { step: session.step_id } : {}}>
                  <ScrollText aria-hidden />
                  Transcript in the run
                </Link>
              </Button>
            ) : null}
          </>
        }
      />
      <Card className="mb-4">
        <Facts
          items={[
            ["Session", <CopyId key="id" id={session.id} />],
            ["Agent", <AgentChip key="agent" id={session.agent_id} />],
            ["Work", `${session.source}${session.step_id ? `, step ${session.step_id}` : ""}`],
            ["Model", session.model || "–"],
            ["Turns", session.turn_count],
            ["Started", <Time key="at" at={session.started_at ?? session.created_at} />],
            ["Took", <Elapsed key="took" from={session.started_at} to={session.finished_at} />],
            ...(session.error
              ? ([["Error", <span key="error" className="text-bad">{session.error_code}: {session.error}</span>]] as [string, ReactNode][])
              : []),
          ]}
        />
      </Card>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title="Stop this session?"
        action="Stop session"
        onConfirm={() => stop.mutateAsync(session.id)}
      >
        The agent stops at once. Its step fails, or is tried again as its pipeline says.
      </Confirm>
    </>
  );
}

function Prompt({ session }: { session: Detail }) {
  const parts = promptParts(session.prompt_parts);
  const most = Math.max(1, ...parts.map((part) => part.tokens ?? 0));
  const total = parts.reduce((all, part) => all + (part.tokens ?? 0), 0);
  if (parts.length === 0 && !session.user_prompt)
    return <EmptyState title="The prompt has not been put together yet." />;
  return (
    <div className="grid gap-4">
      {parts.length > 0 ? (
        <Table>
          <TableHead>
            <tr>
              <Th>Part</Th>
              <Th numeric>Tokens, about</Th>
              <Th className="w-1/3">
                <span className="sr-only">Share</span>
              </Th>
              <Th>Cut</Th>
            </tr>
          </TableHead>
          <TableBody>
            {parts.map((part) => (
              <Row key={part.name}>
                <Td className="font-medium">{part.name}</Td>
                <Td numeric>{count(part.tokens)}</Td>
                <Td>
                  <Progress value={part.tokens ?? 0} of={most} label={`Size of ${part.name}`} />
                </Td>
                <Td>{part.cut ? <Badge tone="warn">{count(part.cut)} characters left out</Badge> : "–"}</Td>
              </Row>
            ))}
            <Row>
              <Td className="font-medium">All</Td>
              <Td numeric>{count(total)}</Td>
              <Td />
              <Td />
            </Row>
          </TableBody>
        </Table>
      ) : null}
      <Text title="System prompt" text={session.system_prompt} />
      <Text title="User prompt" text={session.user_prompt} open />
    </div>
  );
}

function Text({ title, text, open = false }: { title: string; text: string; open?: boolean }) {
  if (!text) return null;
  return (
    <details open={open} className="rounded-card border bg-surface px-4 py-2">
      <summary className="text-sm font-medium">{title}</summary>
      <pre className="mt-2 max-h-[60vh] overflow-auto font-mono text-code break-words whitespace-pre-wrap">{text}</pre>
    </details>
  );
}

function Output({ session }: { session: Detail }) {
  if (!session.output) return <EmptyState title="It has written nothing yet." />;
  return <Text title="What it wrote" text={session.output} open />;
}

const VERDICTS: Record<Schemas["EgressRecord"]["verdict"], string> = {
  allowed: "Allowed",
  no_network: "Refused: no network",
  not_listed: "Refused: not on the list",
  private_address: "Refused: private address",
  too_many: "Refused: too many hosts",
};

function Network({ sessionId }: { sessionId: string }) {
  const egress = useQuery(egressQuery(sessionId));
  return (
    <Loaded query={egress}>
      {(rows) =>
        rows.length === 0 ? (
          <EmptyState title="It asked for no host." />
        ) : (
          <Table>
            <TableHead>
              <tr>
                <Th>Host</Th>
                <Th>Verdict</Th>
                <Th numeric>Times</Th>
                <Th numeric>Sent</Th>
                <Th numeric>Received</Th>
                <Th>Last</Th>
              </tr>
            </TableHead>
            <TableBody>
              {rows.map((row) => (
                <Row key={`${row.host}:${row.port}-${row.verdict}`}>
                  <Td className="font-mono text-code">
                    {row.host}:{row.port}
                  </Td>
                  <Td>
                    <Badge tone={row.verdict === "allowed" ? "ok" : "bad"}>{VERDICTS[row.verdict]}</Badge>
                  </Td>
                  <Td numeric>{count(row.count)}</Td>
                  <Td numeric>{bytes(row.bytes_sent ?? 0)}</Td>
                  <Td numeric>{bytes(row.bytes_received ?? 0)}</Td>
                  <Td>
                    <Time at={row.last_at} />
                  </Td>
                </Row>
              ))}
            </TableBody>
          </Table>
        )
      }
    </Loaded>
  );
}

function Boxes({ boxes }: { boxes: Detail["containers"] }) {
  if (boxes.length === 0) return <EmptyState title="It has had no box." />;
  return (
    <div className="grid gap-3">
      {boxes.map((box) => (
        <Card key={box.name}>
          <Facts
            items={[
              ["Box", box.name],
              ["Runner", box.backend],
              ["Image", box.image || "–"],
              ["Status", box.status ?? "–"],
              ["Made", <Time key="at" at={box.created_at} />],
              ["Ended", box.stopped_at ? <Time key="end" at={box.stopped_at} /> : "–"],
              ["Exit", box.oom_killed ? "out of memory" : (box.exit_code ?? "–")],
            ]}
          />
          {box.log_tail ? <Text title="Last lines of its log" text={box.log_tail} /> : null}
        </Card>
      ))}
    </div>
  );
}
