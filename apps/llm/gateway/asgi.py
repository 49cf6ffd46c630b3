"""The gateway's HTTP face: what an agent's session may ask of models, and how it is answered.

Its addresses stand in `table`. Anything else in the web process goes to `rest`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import orjson
import structlog
from django.conf import settings
from django.db import DatabaseError
from psycopg import Error as AsyncDatabaseError
from psycopg_pool import PoolTimeout

from apps.core.aio import in_thread
from apps.core.api.throttle import SESSION, rate_take
from apps.llm.errors import GatewayError
from apps.llm.facts import known_facts, session_facts
from apps.llm.gateway.caller import admission_of, check_form
from apps.llm.gateway.catalog import catalog
from apps.llm.gateway.exchange import ClientGone, Exchange, Receive, Scope, Send
from apps.llm.gateway.pipeline import answer
from apps.llm.gateway.request import parse_request
from apps.llm.gateway.shapes import error_body, error_event, error_headers
from apps.llm.gateway.table import PREFIX, GatewayRoute, dialect_of, route_of
from apps.llm.providers import Dialect
from apps.llm.registry import registry_at

log = structlog.get_logger(__name__)

App = Callable[[Scope, Receive, Send], Awaitable[None]]


def with_gateway(rest: App) -> App:
    """Serve the gateway's paths, and leave all others to `rest`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX + "/"):
            await serve(Exchange(scope, receive, send))
        else:
            await rest(scope, receive, send)

    return app


async def serve(http: Exchange) -> None:
    dialect = dialect_of(http.path)
    try:
        check_form(http.bearer)  # before anything else is told
        asked = route_of(http.method, http.path)
        if asked.method == "GET":
            await _models(http, asked)
        else:
            await _call(http, asked)
    except ClientGone:
        return
    except GatewayError as error:
        await _refuse(http, dialect, error)
    except (AsyncDatabaseError, PoolTimeout, DatabaseError) as exc:
        log.warning("The database is away, or too busy.", error=type(exc).__name__)
        await _refuse(http, dialect, _database_away())
    except Exception:
        log.exception("The model gateway failed.", path=http.path)
        failure = GatewayError("The gateway failed.", code="internal_error", http_status=500)
        await _refuse(http, dialect, failure)


def _database_away() -> GatewayError:
    return GatewayError(
        "The call cannot be accounted for: the database is away, or too busy.",
        code="dependency_down",
        http_status=503,
        transient=True,
        retry_after_s=1.0,
    )


async def _refuse(http: Exchange, dialect: Dialect, error: GatewayError) -> None:
    if http.started:
        await http.write(error_event(dialect, error), last=True)
    else:
        await http.answer(error.http_status, error_body(dialect, error), error_headers(error))


async def _models(http: Exchange, asked: GatewayRoute) -> None:
    admission = await admission_of(http.bearer, asked.scope)
    registry = await registry_at(admission.registry_version)
    listed = await in_thread(catalog, admission.caller.models, registry)
    await http.answer(200, orjson.dumps(listed))


async def _count(session_id: str) -> None:
    """One of the session's calls, together with those to the rest of the API."""
    rate = await in_thread(rate_take, SESSION, f"session:{session_id}")
    if rate is not None and rate.wait_s:
        raise GatewayError(
            f"Only {rate.limit} calls a minute are yours.",
            code="rate_limited",
            http_status=429,
            transient=True,
            retry_after_s=rate.wait_s,
        )


async def _call(http: Exchange, asked: GatewayRoute) -> None:
    raw = await http.body(settings.LLM_REQUEST_LIMIT_MB << 20)
    admission = await admission_of(http.bearer, asked.scope)
    session_id = admission.caller.session_id
    await _count(session_id)
    registry = await registry_at(admission.registry_version)
    facts = known_facts(session_id)
    if facts is None:
        facts = await in_thread(session_facts, session_id)
    request = parse_request(
        dialect=asked.dialect,
        endpoint=asked.endpoint,
        raw=raw,
        headers=http.headers,
        caller=admission.caller,
        facts=facts,
    )
    work = asyncio.create_task(answer(http, request, registry))
    gone = asyncio.create_task(http.gone())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()  # the client left: so does the provider's work for it
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        gone.cancel()
        work.cancel()
