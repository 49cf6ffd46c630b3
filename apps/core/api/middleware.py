"""What surrounds every request: its id, the optional slash, and problems for what DRF never saw."""

import re
from collections.abc import Awaitable, Callable
from typing import cast

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.api.errors import API_PREFIX, error_from, log_fault, problem_response
from apps.core.ids import new_id

_VALID_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class RequestIdMiddleware:
    """Gives a request its id (`X-Request-ID`, in and out), for log lines and problem documents."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._asynchronous(request)
        with _request_log(request) as request_id:
            return _stamp(cast(HttpResponseBase, self.get_response(request)), request_id)

    async def _asynchronous(self, request: HttpRequest) -> HttpResponseBase:
        with _request_log(request) as request_id:
            response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
            return _stamp(response, request_id)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer an exception of a plain view under `/v1/` as a problem, also with DEBUG."""
        if not request.path.startswith(API_PREFIX):
            return None
        error = error_from(exception)
        if error.status >= 500:
            log_fault(error, exception, request)
        return problem_response(error, request)


class _request_log:
    """Names the request in all log lines of its context, and takes its trailing slash off."""

    def __init__(self, request: HttpRequest) -> None:
        given = request.headers.get("X-Request-ID", "")
        self.request_id = given if _VALID_ID.fullmatch(given) else new_id("req").replace("_", "-")
        request.request_id = self.request_id  # type: ignore[attr-defined]
        if request.path_info.startswith(API_PREFIX) and request.path_info.endswith("/"):
            request.path_info = request.path_info.rstrip("/")

    def __enter__(self) -> str:
        self._tokens = structlog.contextvars.bind_contextvars(request_id=self.request_id)
        return self.request_id

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.reset_contextvars(**self._tokens)


def _stamp(response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    response["X-Request-ID"] = request_id
    return response
