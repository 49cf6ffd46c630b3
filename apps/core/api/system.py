"""Health, status, metrics, and the API's own description."""

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.aio import in_thread
from apps.core.api.callers import ADMINS, ANYONE, USERS, USERS_AND_SESSIONS
from apps.core.api.local import is_from_this_machine
from apps.core.api.views import ApiMixin, ApiView, AsyncApiView
from apps.core.metrics import EVENTS_UNPUBLISHED, QUEUE_LENGTH
from apps.core.selectors import events_unpublished_count
from apps.core.status import health, queue_lengths, status, storage


class RoomSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        choices=["ok", "low", "critical", "away"],
        help_text="`low`: free some space. `critical`: new runs wait. `away`: it cannot be read.",
    )
    free_percent = serializers.FloatField(
        required=False, help_text="Of bytes or of inodes, whichever is scarcer."
    )
    free_bytes = serializers.IntegerField(required=False)
    total_bytes = serializers.IntegerField(required=False)
    free_inodes = serializers.IntegerField(required=False)
    total_inodes = serializers.IntegerField(required=False)
    filesystem = serializers.CharField(required=False)
    juicefs_mounted = serializers.BooleanField(required=False)
    juicefs_volume = serializers.CharField(required=False)
    mount_age_s = serializers.FloatField(
        required=False, allow_null=True, help_text="Since JuiceFS was mounted; else null."
    )
    object_store_healthy = serializers.BooleanField(
        required=False, help_text="Whether it answers; only where its address is set."
    )
    reason = serializers.CharField(required=False, help_text="Why it is `away`.")


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok", "degraded"])
    checks = serializers.DictField(
        child=serializers.CharField(), help_text="Each check: `ok`, or what is wrong."
    )
    storage = RoomSerializer()


class StatusSerializer(HealthSerializer):
    version = serializers.CharField()
    queues = serializers.DictField(
        child=serializers.IntegerField(allow_null=True),
        help_text="Messages that wait for a worker, by queue.",
    )


class HealthView(AsyncApiView):
    callers = ANYONE
    scope = "read"
    authentication_classes = ()  # it must answer while the database is down

    def check_throttles(self, request: Request) -> None:
        """Not counted: what looks after us asks often, and must not be told to wait."""

    @extend_schema(operation_id="health", responses={200: HealthSerializer, 503: HealthSerializer})
    async def get(self, request: Request) -> Response:
        """Whether the instance can work. 503 names the parts that cannot."""
        checks = await health()
        ok = all(state == "ok" for state in checks.values())
        room = await in_thread(storage)
        body = {"status": "ok" if ok else "degraded", "checks": checks, "storage": room}
        return Response(body, status=200 if ok else 503)


class StatusView(AsyncApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="status", responses={200: StatusSerializer})
    async def get(self, request: Request) -> Response:
        """Version, checks, queues and what the features report of themselves."""
        return Response(await status())


class SchemaView(ApiMixin, SpectacularAPIView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    permission_classes = ApiView.permission_classes
    authentication_classes = ApiView.authentication_classes

    @extend_schema(operation_id="schema", responses={(200, "application/vnd.oai.openapi"): dict})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """This description, in YAML, or in JSON for `Accept: application/vnd.oai.openapi+json`."""
        return super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]


@method_decorator(
    csp_update({"style-src": ["'unsafe-inline'"], "img-src": [SELF, "data:"]}), name="dispatch"
)
class DocsView(ApiMixin, SpectacularSwaggerSplitView):
    """The description to read and try out, for people who are signed in."""

    callers = USERS
    scope = "read"
    permission_classes = ApiView.permission_classes
    authentication_classes = ApiView.authentication_classes
    schema = None

    def query_values(self) -> dict[str, Any]:
        return {}  # the page fetches itself with `?script=`


class _PlainText(BaseRenderer):
    media_type = "text/plain"
    format = "txt"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        return bytes(data)


class AdminOrThisMachine(BasePermission):
    """A scraper beside us needs no key; anybody else does."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if is_from_this_machine(request._request):
            return True
        return all(check().has_permission(request, view) for check in ApiView.permission_classes)


class MetricsView(ApiView):
    callers = ADMINS
    scope = "admin"
    permission_classes = (AdminOrThisMachine,)
    renderer_classes = (_PlainText,)
    schema = None

    def get(self, request: Request) -> Response:
        for queue, length in queue_lengths().items():
            QUEUE_LENGTH.labels(queue).set(-1 if length is None else length)
        EVENTS_UNPUBLISHED.set(events_unpublished_count())
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
