import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ScrollText, Square } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";

import { refusal, useMe } from "@/api/me";
import { sessionKeys, sessionQuery, type SessionDetail } from "@/api/sessions";
import { CallTable } from "@/components/call-table";
import { Loaded } from "@/components/loaded";
import { SessionBoxes } from "@/components/session-boxes";
import { SessionEgress } from "@/components/session-egress";
import { sessionMark } from "@/components/session-table";
import { LogText } from "@/components/transcript/log-text";
import { RawEvents } from "@/components/transcript/raw-events";
import type { RowFilter } from "@/components/transcript/rows";
import type { SectionContext } from "@/components/transcript/row-view";
import { type LiveTranscript, useTranscript } from "@/components/transcript/use-transcript";
import { type GoTo, TranscriptViewer } from "@/components/transcript/viewer";
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
import { count } from "@/lib/format";

import { promptParts } from "../prompt";
import { fetchSessionEvents, topicOf, useStopSession, wholeOf } from "../queries";
import type { SessionSearch } from "../search";

const route = getRouteApi("/_shell/sessions/$sessionId");

const isLive = (session: SessionDetail): boolean => session.status === "starting" || session.status === "running";
const TABS = [
  ["transcript", "Transcript"], ["prompt", "What it was told"], ["calls", "LLM calls"], ["boxes", "Boxes"],
  ["network", "Network"], ["events", "Raw events"],
] as const;

export function SessionPage() {
  const { sessionId } = route.useParams();
  const session = useQuery(sessionQuery(sessionId));
  return (
    <Page>
      <Loaded query={session}>{(found) => <LoadedSession key={sessionId} session={found} />}</Loaded>
    </Page>
  );
}

function LoadedSession({ session }: { session: SessionDetail }) {
  const { tab = "transcript" } = route.useSearch();
  const navigate = route.useNavigate();
  const live = isLive(session);
  const transcript = useTranscript({
    id: session.id,
    topic: live ? topicOf(session) : null,
    fetch: (before, signal) => fetchSessionEvents(session.id, before, signal),
    holds: (frame) => frame.data.sessionId === session.id,
  });
  useFresh(
    live ? topicOf(session) : null,
    (frame) => (/^(STEP_(STARTED|COMPLETE|FAILED|CANCELLED)|CONTAINER_)/.test(frame.type) ? [sessionKeys.one(session.id)] : []),
    [sessionKeys.one(session.id)],
  );
  const panels: Record<(typeof TABS)[number][0], () => ReactNode> = {
    transcript: () => <Output session={session} transcript={transcript} />,
    prompt: () => <Prompt session={session} />,
    calls: () => <CallTable ask={{ session_id: session.id }} />,
    boxes: () => <SessionBoxes sessionId={session.id} boxes={session.containers} />,
    network: () => <SessionEgress sessionId={session.id} />,
    events: () => <RawEvents transcript={transcript} />,
  };
  return (
    <>
      <Head session={session} />
      <Tabs value={tab} onValueChange={(value) => void navigate({ search: { tab: value as SessionSearch["tab"] }, replace: true })}>
        <TabList aria-label="Parts of the session" className="mb-4">
          {TABS.map(([name, word]) => <Tab key={name} value={name}>{word}</Tab>)}
        </TabList>
        <TabPanel value={tab}>{panels[tab]()}</TabPanel>
      </Tabs>
    </>
  );
}

function Output({ session, transcript }: { session: SessionDetail; transcript: LiveTranscript }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useMemo((): RowFilter => ({ stepId: "", visit: null, kind: search.kind ?? "all", thinking: search.thinking ?? true }), [search.kind, search.thinking]);
  const { sections } = transcript.transcript;
  const known = [...sections.keys()].join(" ");
  const contexts = useMemo(
    () => new Map(known.split(" ").map((key): [string, SectionContext] => [key, { execution: undefined, status: sessionMark(session.status) }])),
    [known, session.status],
  );
  const whole = useMemo(() => wholeOf(session.id), [session.id]);
  const [goTo] = useState<GoTo | null>(search.event === undefined ? null : { event: String(search.event) });
  const onFilter = ({ kind, thinking }: Partial<RowFilter>): void => void navigate({
    search: (before) => ({
      ...before,
      ...(kind ? { kind: kind === "all" ? undefined : kind } : {}),
      ...(thinking === undefined ? {} : { thinking: thinking ? undefined : false }),
    }),
    replace: true,
  });
  return (
    <div className="h-[65dvh] min-h-80 overflow-hidden rounded-card border bg-surface">
      <TranscriptViewer
        transcript={transcript}
        isLive={isLive(session)}
        label="Output of the session"
        contexts={contexts}
        filter={filter}
        onFilter={onFilter}
        empty={{ title: "Nothing yet", text: isLive(session) ? "What the agent does appears here as it happens." : "This session has left no events." }}
        goTo={goTo}
        whole={whole}
      />
    </div>
  );
}

function Head({ session }: { session: SessionDetail }) {
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
            {isLive(session) ? (
              <Button look="bad" refusal={refusal(me, "member")} onClick={() => setAsking(true)}>
                <Square aria-hidden />
                Stop session
              </Button>
            ) : null}
            {session.run_id ? (
              <Button asChild>
                <Link to="/runs/$runId" params={{ runId: session.run_id }} search={session.step_id ? { step: session.step_id } : {}}>
                  <ScrollText aria-hidden />
                  Its run
                </Link>
              </Button>
            ) : null}
          </>
        }
      />
      <Card className="mb-4">
        <Facts
          className="md:grid-cols-[repeat(2,max-content_minmax(0,1fr))] xl:grid-cols-[repeat(4,max-content_minmax(0,1fr))]"
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

function Prompt({ session }: { session: SessionDetail }) {
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
      <LogText text={text} label={title} className="mt-2" />
    </details>
  );
}
