"""What surrounds every request: its id, the optional slash, and problems for what DRF never saw."""

import re
import time
from collections.abc import Awaitable, Callable
from typing import cast

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.api.errors import API_PREFIX, error_from, log_fault, problem_response
from apps.core.errors import Malformed
from apps.core.ids import new_id
from apps.core.metrics import REQUEST_SECONDS

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
        with _Surroundings(request) as surroundings:
            refused = _refusal(request)
            answer = refused or cast(HttpResponseBase, self.get_response(request))
            return surroundings.leave(answer)

    async def _asynchronous(self, request: HttpRequest) -> HttpResponseBase:
        with _Surroundings(request) as surroundings:
            refused = _refusal(request)
            if refused is not None:
                return surroundings.leave(refused)
            response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
            return surroundings.leave(response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer an exception of a plain view under `/v1/` as a problem, also with DEBUG."""
        if not request.path.startswith(API_PREFIX):
            return None
        error = error_from(exception)
        if error.status >= 500:
            log_fault(error, exception, request)
        return problem_response(error, request)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """A NUL in the address is never meant well, and no text of the database can hold it."""
    if "\0" not in request.path_info and "%00" not in request.META.get("QUERY_STRING", ""):
        return None
    return problem_response(
        Malformed("The address holds a NUL character.", code="bad_request"), request
    )


class OneThread:
    """The innermost: it takes no coroutine, so that all middleware around it runs in the thread in
    which the request began. Django would otherwise hop to a thread and back for each of them,
    which took longer than most requests' own work."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


class _Surroundings:
    """Names the request in all log lines of its context, takes its trailing slash off, and measures
    the time to its answer."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._began = time.perf_counter()
        given = request.headers.get("X-Request-ID", "")
        self.request_id = given if _VALID_ID.fullmatch(given) else new_id("req").replace("_", "-")
        request.request_id = self.request_id  # type: ignore[attr-defined]
        if request.path_info.startswith(API_PREFIX) and request.path_info.endswith("/"):
            request.path_info = request.path_info.rstrip("/")

    def __enter__(self) -> "_Surroundings":
        self._tokens = structlog.contextvars.bind_contextvars(request_id=self.request_id)
        return self

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.reset_contextvars(**self._tokens)

    def leave(self, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-ID"] = self.request_id
        match = self._request.resolver_match
        labels = (self._request.method or "", match.route if match else "", response.status_code)
        REQUEST_SECONDS.labels(*labels).observe(time.perf_counter() - self._began)
        return response
