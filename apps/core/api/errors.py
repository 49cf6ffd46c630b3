"""One shape for every error: RFC 9457 problem documents with a stable `code`."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

import psycopg_pool
import structlog
from django.core.exceptions import (
    BadRequest,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from redis import RedisError
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.core.api.renderers import OrjsonRenderer, to_json
from apps.core.errors import (
    AppError,
    DjinnError,
    Forbidden,
    Invalid,
    Malformed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
)

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
API_PREFIX = "/v1/"

_DRF_CODES: Sequence[tuple[type[drf.APIException], str]] = (
    (drf.ParseError, "malformed_json"),
    (drf.NotAuthenticated, "not_authenticated"),
    (drf.PermissionDenied, "permission_denied"),
    (drf.NotFound, "not_found"),
    (drf.MethodNotAllowed, "method_not_allowed"),
    (drf.NotAcceptable, "not_acceptable"),
    (drf.UnsupportedMediaType, "unsupported_media_type"),
    (drf.Throttled, "rate_limited"),
)
_FIXED_TEXT = "Something went wrong on our side. The request id finds it in the log."


def problem(
    *,
    status: int,
    code: str,
    detail: str,
    instance: str = "",
    request_id: str = "",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A problem document. `extra` are further named facts; they never replace a standard field."""
    return {
        **(extra or {}),
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_id,
    }


def problem_of(error: DjinnError, request: HttpRequest) -> dict[str, Any]:
    ours = isinstance(error, AppError) or error.status == HTTPStatus.INTERNAL_SERVER_ERROR
    hidden = ours and error.status == HTTPStatus.INTERNAL_SERVER_ERROR
    return problem(
        status=error.status,
        code=error.code,
        detail=_FIXED_TEXT if hidden else error.message,
        instance=request.path,
        request_id=getattr(request, "request_id", ""),
        extra={} if hidden else error.extra,
    )


def problem_response(error: DjinnError, request: HttpRequest) -> HttpResponse:
    """The answer for code outside DRF: middleware, plain views, Django's own handlers."""
    response = HttpResponse(
        to_json(problem_of(error, request)), status=error.status, content_type=PROBLEM_JSON
    )
    for name, value in _headers(error).items():
        response[name] = value
    return response


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's hook: any exception becomes a problem; what we did not foresee is logged with trace."""
    set_rollback()
    request = context["request"]
    error = error_from(exc)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log_fault(error, exc, request)
    response = Response(problem_of(error, request), status=error.status, headers=_headers(error))
    response.content_type = PROBLEM_JSON
    request.accepted_renderer = OrjsonRenderer()  # also where the view answers in another format
    request.accepted_media_type = PROBLEM_JSON
    if isinstance(exc, drf.APIException) and getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = exc.auth_header  # type: ignore[attr-defined]
    elif error.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def error_from(exc: BaseException) -> DjinnError:
    """The error that a caller is told for any exception."""
    if isinstance(exc, DjinnError):
        return exc
    if isinstance(exc, drf.APIException):
        return _from_drf(exc)
    if isinstance(exc, Http404 | ObjectDoesNotExist):
        return NotFound("There is no such thing, or not for you.")
    if isinstance(exc, PermissionDenied):
        return Forbidden("You may not do this.")
    if isinstance(exc, RequestDataTooBig | TooManyFilesSent):
        return TooLarge("The request is too large.")
    if isinstance(exc, SuspiciousOperation | BadRequest):
        return Malformed("The request is malformed.", code="bad_request")
    if isinstance(exc, DataError):  # a number or text that no column holds
        return Invalid("A value is out of range.", code="out_of_range")
    if isinstance(exc, OperationalError | InterfaceError | psycopg_pool.PoolTimeout | RedisError):
        return Unavailable("The database or Redis does not answer. Try again soon.")
    return AppError(_FIXED_TEXT)


def log_fault(error: DjinnError, exc: BaseException, request: HttpRequest) -> None:
    log.error(
        "A request failed on our side",
        code=error.code,
        method=request.method,
        path=request.path,
        exc_info=exc,
    )


class _Translated(DjinnError):
    """An error of the framework, under our code and with its own status."""

    status = 400

    def __init__(self, status: int, code: str, message: str, **extra: Any) -> None:
        super().__init__(message, code=code, **extra)
        self.status = status  # type: ignore[misc]  # a class constant elsewhere


def _from_drf(exc: drf.APIException) -> DjinnError:
    if isinstance(exc, drf.ValidationError):
        errors = list(_pointers(exc.get_full_details()))
        detail = errors[0]["detail"] if len(errors) == 1 else f"{len(errors)} values are wrong."
        return _Translated(422, "validation_error", detail, errors=errors)
    if isinstance(exc, drf.AuthenticationFailed):
        codes = exc.get_codes()
        code = (
            codes if isinstance(codes, str) and codes.startswith("token_") else "not_authenticated"
        )
        return NotAuthenticated(str(exc.detail), code=code)
    if isinstance(exc, drf.PermissionDenied) and str(exc.detail).startswith("CSRF Failed"):
        return Forbidden(str(exc.detail), code="csrf_failed")
    code = next((code for kind, code in _DRF_CODES if isinstance(exc, kind)), "rule_broken")
    wait = getattr(exc, "wait", None)
    extra = {} if wait is None else {"retry_after": wait}
    return _Translated(exc.status_code, code, str(exc.detail), **extra)


def _pointers(details: Any, at: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested details into `{pointer, code, detail}` with RFC 6901 pointers."""
    if isinstance(details, Mapping) and set(details) == {"message", "code"}:
        yield {"pointer": at, "code": str(details["code"]), "detail": str(details["message"])}
    elif isinstance(details, Mapping):
        for key, value in details.items():
            name = str(key).replace("~", "~0").replace("/", "~1")
            yield from _pointers(value, at if key == "non_field_errors" else f"{at}/{name}")
    elif isinstance(details, Sequence):
        leaves = all(isinstance(d, Mapping) and set(d) == {"message", "code"} for d in details)
        for index, value in enumerate(details):
            yield from _pointers(value, at if leaves else f"{at}/{index}")


def _headers(error: DjinnError) -> dict[str, str]:
    wait = error.extra.get("retry_after")
    return {"Retry-After": str(max(1, ceil(float(wait))))} if wait is not None else {}
