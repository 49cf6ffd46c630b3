"""Sessions: list, transcript, stop, live stream."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.access import refuse_other_agent
from apps.core.aio import in_thread
from apps.core.api.callers import USERS, USERS_AND_SESSIONS
from apps.core.api.pagination import CursorPage
from apps.core.api.streams import STREAM, StreamView
from apps.core.api.transcripts import (
    TRANSCRIPT_RESPONSES,
    HitPageSerializer,
    TranscriptQuery,
    TranscriptSearchQuery,
    transcript_response,
)
from apps.core.api.views import ApiView
from apps.core.live.sse import event_stream
from apps.core.transcripts import transcript_search
from apps.sessions.access import access_session, sessions_visible
from apps.sessions.api.serializers import (
    AgentSessionsQuery,
    SessionDetailQuery,
    SessionDetailSerializer,
    SessionQuery,
    SessionSerializer,
)
from apps.sessions.models import AgentSession
from apps.sessions.selectors import (
    session_boxes,
    session_events,
    session_rows,
    session_topic,
)
from apps.sessions.services import session_stop

_FILTERS = frozenset({"status", "source", "agent_id", "run_id"})


class _SessionList(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    paged = True

    def page(self, **also: str) -> Response:
        filters = {name: value for name, value in self.query_values().items() if name in _FILTERS}
        sessions = sessions_visible(self.caller).filter(**filters, **also)
        rows = session_rows(sessions.order_by("-id"))
        paginator = CursorPage()
        page = paginator.paginate_queryset(rows, self.request, self)
        return paginator.get_paginated_response(SessionSerializer(page, many=True).data)


class SessionsView(_SessionList):
    query = SessionQuery

    @extend_schema(operation_id="sessions_list", responses=SessionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Sessions, newest first."""
        return self.page()


class AgentSessionsView(_SessionList):
    query = AgentSessionsQuery

    @extend_schema(operation_id="agent_sessions_list", responses=SessionSerializer(many=True))
    def get(self, request: Request, agent_id: str) -> Response:
        """Sessions of one agent, newest first."""
        refuse_other_agent(self.caller, agent_id)
        return self.page(agent_id=agent_id)


class SessionView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = SessionDetailQuery

    @extend_schema(operation_id="sessions_get", responses=SessionDetailSerializer)
    def get(self, request: Request, session_id: str) -> Response:
        """A session with its prompts, its boxes and the end of its transcript."""
        session = access_session(self.caller, session_id)
        wanted = self.query_values()
        return Response(
            _detail(session, events=wanted.get("events", 500), before=wanted.get("before"))
        )


class SessionStopView(ApiView):
    callers = USERS
    scope = "runs"

    @extend_schema(
        operation_id="sessions_stop", request=None, responses={202: SessionDetailSerializer}
    )
    def post(self, request: Request, session_id: str) -> Response:
        """Ask a running session to stop. Asked again while it stops, it answers 202 again."""
        session = session_stop(session=access_session(self.caller, session_id))
        return Response(_detail(session, events=0), status=202)


class SessionSearchView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = TranscriptSearchQuery

    @extend_schema(operation_id="sessions_search", responses=HitPageSerializer)
    def get(self, request: Request, session_id: str) -> Response:
        """Where a text stands in all that the session wrote, oldest first."""
        session = access_session(self.caller, session_id)
        asked = self.query_values()
        found = transcript_search(
            session_topic(session), asked.pop("q"), session_id=session_id, **asked
        )
        return Response(HitPageSerializer(found.as_json()).data)


class SessionTranscriptView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = TranscriptQuery

    @extend_schema(operation_id="sessions_transcript", responses=TRANSCRIPT_RESPONSES)
    def get(self, request: Request, session_id: str) -> StreamingHttpResponse:
        """All that the session wrote, as plain text or as its events."""
        session = access_session(self.caller, session_id)
        return transcript_response(
            session_topic(session),
            form=self.query_values()["as"],
            name=session_id,
            title=f"Session {session_id} of {session.agent_id}",
            session_id=session_id,
        )


class SessionStreamView(StreamView):
    @extend_schema(operation_id="sessions_stream", responses={(200, "text/event-stream"): STREAM})
    async def get(self, request: Request, session_id: str) -> StreamingHttpResponse:
        """Events of one session, from the first one unless told else. Ids are its run's."""
        session = await in_thread(access_session, self.caller, session_id)
        return await event_stream(
            self.caller, session_topic(session), self.since("0"), session_id=session_id
        )


_COLUMNS = frozenset(SessionDetailSerializer().fields) - {"containers", "events"}


def _detail(session: AgentSession, *, events: int, before: int | None = None) -> dict[str, Any]:
    values = {name: getattr(session, name) for name in _COLUMNS}
    values["containers"] = session_boxes(session)
    values["events"] = session_events(session, limit=events, before=before) if events else []
    return dict(SessionDetailSerializer(values).data)
