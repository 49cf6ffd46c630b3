"""Server-sent events under `/v1/events/stream`."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.core.api.callers import USERS_AND_SESSIONS
from apps.core.api.schema import also
from apps.core.api.views import AsyncApiView
from apps.core.events import FEED
from apps.core.live.handshake import stream_authenticators
from apps.core.live.sse import event_stream

STREAM = OpenApiResponse(
    OpenApiTypes.STR,
    description=(
        "`text/event-stream`. Each event has `id` and, as `data`, a JSON frame"
        " `{id, topic, type, ts, data}`. A comment every 15 s keeps the connection."
        " 410 when events after the position are no longer kept."
    ),
)


class StreamQuerySerializer(serializers.Serializer[Any]):
    since = serializers.CharField(
        required=False, help_text="`0`: from the first event. `$`: only new ones. Else an event id."
    )
    ticket = serializers.CharField(
        required=False, help_text="A one-time ticket, for clients that cannot send a header."
    )


class StreamView(AsyncApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = StreamQuerySerializer

    def get_authenticators(self) -> list[BaseAuthentication]:
        return stream_authenticators()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Nothing to choose: a browser's EventSource accepts `text/event-stream` alone."""
        return super().perform_content_negotiation(request, force=True)

    def since(self, default: str) -> str:
        """The last id that the client has: a reconnect says it in a header, which wins."""
        given = self.request.headers.get("Last-Event-ID") or self.query_values().get("since")
        return given or default


class RunStreamView(StreamView):
    @extend_schema(operation_id="events_stream_run", responses={(200, "text/event-stream"): STREAM})
    async def get(self, request: Request, run_id: str) -> StreamingHttpResponse:
        """All events of one run, text and tool calls too; from the first one unless told else."""
        return await event_stream(self.caller, f"run:{run_id}", self.since("0"))


class FeedStreamView(StreamView):
    @extend_schema(
        operation_id="events_stream",
        responses={(200, "text/event-stream"): STREAM, **also(404)},  # to an agent it is not there
    )
    async def get(self, request: Request) -> StreamingHttpResponse:
        """What happens to all runs, without text and tool calls; new events unless told else."""
        return await event_stream(self.caller, FEED, self.since("$"))
