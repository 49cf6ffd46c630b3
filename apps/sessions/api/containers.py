"""Boxes: list, state, logs, live logs, stop; and what a session asked of the network."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import orjson
import redis
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.aio import in_thread
from apps.core.api.callers import ADMINS, USERS, USERS_AND_SESSIONS, Caller, caller_reloaded
from apps.core.api.pagination import CursorPage
from apps.core.api.streams import StreamView
from apps.core.api.views import ApiView
from apps.core.errors import DjinnError, Unavailable
from apps.core.live.limits import stream_slot
from apps.core.redis import blocking_client
from apps.sessions import box_logs
from apps.sessions.access import access_container, access_session, containers_visible
from apps.sessions.egress import egress_records
from apps.sessions.machine import BOX_TERMINAL
from apps.sessions.models import ContainerInstance, EgressRecord
from apps.sessions.services import session_stop

LIVE_WAIT_S = 5.0  # a worker looks every 2 s whether anybody wants to see
_POLL_S = 0.2
_HEARTBEAT_S = 15.0
_RECHECK_S = 60.0
_READ_MS = 1_000

_LOG_STREAM = OpenApiResponse(
    OpenApiTypes.STR,
    description=(
        "`text/event-stream`. Each event has `id` and, as `data`, a JSON frame"
        " `{id, type, data: {container_id, level, text}}`. It starts with the end of the log; a"
        " comment every 15 s keeps the connection."
    ),
)


class ContainerSerializer(serializers.ModelSerializer[ContainerInstance]):
    session_id = serializers.CharField()
    agent_id = serializers.CharField(source="session.agent_id")
    run_id = serializers.CharField(source="session.run_id")
    step_id = serializers.CharField(source="session.step_id")
    stats = serializers.DictField(
        child=serializers.IntegerField(), help_text="`memory_bytes`, `processes`: the last look."
    )

    class Meta:
        model = ContainerInstance
        fields = (
            *("id", "name", "backend", "external_id", "image", "node", "status", "attempt"),
            *("session_id", "agent_id", "run_id", "step_id", "exit_code", "oom_killed"),
            *("limits", "stats", "created_at", "ready_at", "stopped_at", "last_seen_at"),
        )


class ContainerQuery(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=ContainerInstance.Status.choices, required=False)
    live = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only those that have not ended."
    )
    session_id = serializers.CharField(required=False)
    agent_id = serializers.CharField(required=False)


class LogsQuery(serializers.Serializer[Any]):
    tail = serializers.IntegerField(required=False, min_value=1, max_value=5000, default=200)


class LogLineSerializer(serializers.Serializer[Any]):
    level = serializers.ChoiceField(choices=["info", "warning", "error"])
    text = serializers.CharField()


class LogsSerializer(serializers.Serializer[Any]):
    ended = serializers.BooleanField()
    lines = LogLineSerializer(many=True)


class EgressRecordSerializer(serializers.ModelSerializer[EgressRecord]):
    class Meta:
        model = EgressRecord
        fields = (
            *("host", "port", "verdict", "count", "bytes_sent", "bytes_received"),
            *("first_at", "last_at"),
        )


class ContainersView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = ContainerQuery
    paged = True

    @extend_schema(operation_id="containers_list", responses=ContainerSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Boxes, newest first."""
        rows = containers_visible(self.caller).select_related("session").defer("log_tail")
        values = self.query_values()
        for name, field in (
            ("status", "status"), ("session_id", "session"), ("agent_id", "session__agent_id"),
        ):  # fmt: skip
            if name in values:
                rows = rows.filter(**{field: values[name]})
        if values.get("live") is True:
            rows = rows.exclude(status__in=BOX_TERMINAL)
        elif values.get("live") is False:
            rows = rows.filter(status__in=BOX_TERMINAL)
        paginator = CursorPage()
        page = paginator.paginate_queryset(rows.order_by("-id"), request, self)
        return paginator.get_paginated_response(ContainerSerializer(page, many=True).data)


class ContainerView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="containers_get", responses=ContainerSerializer)
    def get(self, request: Request, container_id: int) -> Response:
        """A box: state, limits, what it took up when last looked at, how it ended."""
        return Response(ContainerSerializer(access_container(self.caller, container_id)).data)


class ContainerLogsView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = LogsQuery

    @extend_schema(operation_id="containers_logs", responses=LogsSerializer)
    def get(self, request: Request, container_id: int) -> Response:
        """The end of what a box wrote. Of one that runs, its worker is asked: some seconds."""
        tail = self.query_values()["tail"]
        container = access_container(self.caller, container_id)
        if container.status not in BOX_TERMINAL:
            lines = _live_lines(container_id, tail)
            container.refresh_from_db()
            if lines or container.status not in BOX_TERMINAL:
                return Response(LogsSerializer({"ended": False, "lines": lines}).data)
        ended = [
            {"level": box_logs.level_of(text), "text": text}
            for text in container.log_tail.splitlines()[-tail:]
        ]
        return Response(LogsSerializer({"ended": True, "lines": ended}).data)


def _live_lines(container_id: int, tail: int) -> list[box_logs.LogLine]:
    deadline = time.monotonic() + LIVE_WAIT_S
    try:
        while True:
            box_logs.watch()
            lines = box_logs.lines_of(container_id, tail=tail)
            if lines or time.monotonic() > deadline:
                return lines
            time.sleep(_POLL_S)
    except redis.RedisError as exc:
        raise Unavailable("Redis does not answer.", code="redis_unavailable") from exc


class ContainerStopView(ApiView):
    callers = USERS
    scope = "runs"

    @extend_schema(
        operation_id="containers_stop", request=None, responses={202: ContainerSerializer}
    )
    def post(self, request: Request, container_id: int) -> Response:
        """Stop a box by stopping its session: the step ends as cancelled, its files are kept."""
        container = access_container(self.caller, container_id)
        session_stop(session=container.session)
        return Response(ContainerSerializer(container).data, status=202)


class ContainerLogsStreamView(StreamView):
    @extend_schema(
        operation_id="containers_logs_stream", responses={(200, "text/event-stream"): _LOG_STREAM}
    )
    async def get(self, request: Request, container_id: int) -> StreamingHttpResponse:
        """What a box writes, live, until it ends."""
        await in_thread(access_container, self.caller, container_id)
        return _streamed(_LogStream(self.caller, self.since("0"), container_id))


class AllLogsStreamView(StreamView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(
        operation_id="containers_logs_stream_all",
        responses={(200, "text/event-stream"): _LOG_STREAM},
    )
    async def get(self, request: Request) -> StreamingHttpResponse:
        """What all boxes write, live."""
        return _streamed(_LogStream(self.caller, self.since("0"), None))


class SessionEgressView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="sessions_egress", responses=EgressRecordSerializer(many=True))
    def get(self, request: Request, session_id: str) -> Response:
        """Hosts that the session's box asked for: what was let through, and what was refused."""
        session = access_session(self.caller, session_id)
        return Response(EgressRecordSerializer(egress_records(session), many=True).data)


def _streamed(stream: "_LogStream") -> StreamingHttpResponse:
    response = StreamingHttpResponse(stream, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


class _LogStream:
    """The body of a response. Django calls `close` at its end, however that comes.

    `container_id` None: all boxes, for an admin.
    """

    def __init__(self, caller: Caller, since: str, container_id: int | None) -> None:
        self._caller, self._since, self._container_id = caller, since, container_id
        self._held = ExitStack()
        self._held.enter_context(stream_slot(caller))

    def close(self) -> None:
        self._held.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        client = blocking_client()
        try:
            yield b"retry: 1000\n\n"
            async for part in self._parts(client):
                yield part
        except redis.RedisError:
            return  # the client comes back with its last id
        finally:
            await client.aclose()

    async def _parts(self, client: "redis.asyncio.Redis") -> AsyncIterator[bytes]:
        one = self._container_id
        stream = box_logs.MERGED if one is None else box_logs.stream_of(one)
        position = self._since
        said = checked = time.monotonic()
        while True:
            await client.set(box_logs.WATCHED, "1", ex=box_logs.WATCHED_S)
            ended = one is not None and await in_thread(_has_ended, one)
            lines = await box_logs.lines_after(client, stream, position, wait_ms=_READ_MS)
            for line in lines:
                position = line.id
                yield _event(line)
            now = time.monotonic()
            if lines:
                said = now
            elif ended:
                return
            elif now - said > _HEARTBEAT_S:
                said = now
                yield b": heartbeat\n\n"
            if now - checked > _RECHECK_S:
                checked = now
                if not await in_thread(self._may_go_on):
                    return
            await asyncio.sleep(0)

    def _may_go_on(self) -> bool:
        caller = caller_reloaded(self._caller)
        if caller is None or self._container_id is None:
            return caller is not None and caller.is_admin
        try:
            access_container(caller, self._container_id)
        except DjinnError:
            return False
        return True


def _has_ended(container_id: int) -> bool:
    rows = ContainerInstance.objects.filter(pk=container_id)
    return not rows.exclude(status__in=BOX_TERMINAL).exists()


def _event(line: box_logs.LogLine) -> bytes:
    data = {"container_id": line.container_id, "level": line.level, "text": line.text}
    body = {"id": line.id, "type": "BOX_LOG", "data": data}
    return b"id: " + line.id.encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"
