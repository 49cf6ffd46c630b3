"""Base classes of the API's views."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.core.aio import in_thread
from apps.core.api.callers import Caller, CallerKind, caller_of
from apps.core.api.idempotency import Attempt, Replayed, begin, finish
from apps.core.api.input import query_parsed
from apps.core.api.pagination import PAGE_PARAMETERS
from apps.core.api.permissions import declared
from apps.core.api.throttle import ANONYMOUS, Bucket, Rate, bucket_of, rate_take
from apps.core.errors import NotFound

IdempotencyRule = Literal["optional", "required", "off"]
Callers = frozenset[CallerKind]
QuerySerializer = type[BaseSerializer[Any]]


class ApiMixin(APIView):
    """What every view declares, and what is checked for all of them.

    Each declaration is one value, or a mapping by action (view sets) or HTTP method (views).
    """

    callers: ClassVar[Callers | Mapping[str, Callers]] = frozenset()
    scope: ClassVar[str | Mapping[str, str]] = ""
    http_method_names = ("get", "post", "put", "patch", "delete", "head")

    query: ClassVar[QuerySerializer | Mapping[str, QuerySerializer] | None] = None
    paged: ClassVar[bool | Mapping[str, bool]] = False
    idempotency: ClassVar[IdempotencyRule | Mapping[str, IdempotencyRule]] = "optional"

    # Open to a person, too, who must first change the password or set up a second factor.
    before_first_steps: ClassVar[bool | Mapping[str, bool]] = False

    # Asks a session for a password or factor shown within the last five minutes: for what somebody
    # at an open browser must not do. Keys are not asked; they have scopes instead.
    reauthentication: ClassVar[bool | Mapping[str, bool]] = False

    _attempt: Attempt | None = None
    _query: dict[str, Any] | None = None
    _rate: Rate | None = None

    @property
    def caller(self) -> Caller:
        return caller_of(self.request)

    def declared(self, name: str) -> Any:
        return declared(self, name, self.request.method)

    def query_values(self) -> dict[str, Any]:
        """The validated query parameters of this call."""
        if self._query is None:
            also = PAGE_PARAMETERS if self.declared("paged") else frozenset[str]()
            self._query = query_parsed(self.declared("query"), self.request, also)
        return self._query

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "POST" and "Idempotency-Key" in request.headers:
            _ = (
                request._request.body
            )  # the check of a cookie's CSRF token reads the stream to its end
        try:
            super().initial(request, *args, **kwargs)
        except (NotAuthenticated, AuthenticationFailed):
            self._count(ANONYMOUS, _address(request))  # guessing keys is counted too
            raise
        self.query_values()
        rule = self.declared("idempotency")
        if request.method == "POST" and rule != "off":
            self._attempt = begin(request, required=rule == "required")

    def check_throttles(self, request: Request) -> None:
        self._count(*bucket_of(self.caller, _address(request)))

    def _count(self, bucket: Bucket, who: str) -> None:
        self._rate = rate_take(bucket, who)
        if self._rate is not None:
            self._rate.check()

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, Replayed):
            return exc.response
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            finish(attempt, final)
        for name, value in self._rate.headers.items() if self._rate else ():
            final[name] = value
        return final


def _address(request: Request) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")


class ApiView(ApiMixin):
    """One resource, methods `get`, `post`, …"""


class ApiViewSet(ApiMixin, GenericViewSet[Any]):
    """Several actions on one kind of thing."""


class AsyncApiView(ApiMixin):
    """Async handlers, for streams. Authentication and permissions run in a thread, as they ask the
    database; the handler runs on the event loop and must not."""

    idempotency = "off"

    async def dispatch(  # type: ignore[override]  # Django awaits it: all handlers are coroutines
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        self.args = args
        self.kwargs = kwargs
        wrapped = self.initialize_request(request, *args, **kwargs)
        self.request = wrapped
        self.headers = self.default_response_headers
        try:
            await in_thread(self.initial, wrapped, *args, **kwargs)
            response = await self._handler(wrapped)(wrapped, *args, **kwargs)
        except asyncio.CancelledError:
            raise
        except Exception as exc:  # noqa: BLE001  the edge: the handler turns it into a problem
            response = await in_thread(self.handle_exception, exc)
        final: HttpResponseBase = await in_thread(
            self.finalize_response, wrapped, response, *args, **kwargs
        )
        return final

    def _handler(self, request: Request) -> Callable[..., Awaitable[HttpResponseBase]]:
        name = (request.method or "").lower()
        handler = getattr(self, name, None) if name in self.http_method_names else None
        return cast(Callable[..., Awaitable[HttpResponseBase]], handler or self._method_not_allowed)

    async def _method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return self.http_method_not_allowed(request, *args, **kwargs)


class UnknownPath(ApiView):
    """Whatever else stands under `/v1/`: a problem document, not a page."""

    callers = frozenset({"user", "session", "anonymous"})
    scope = "read"
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is no such path.")
