"""The scripted model as an upstream of the gateway: it fails, waits and breaks off as told."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from apps.core.aio import in_thread
from apps.llm.errors import GatewayError
from apps.llm.facts import SessionFacts
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.upstream import UpstreamResponse, problem
from apps.llm.scripted.auto import auto_turn
from apps.llm.scripted.conversation import Conversation, conversation_of
from apps.llm.scripted.library import AUTO, script_get
from apps.llm.scripted.play import Played, has_step, play
from apps.llm.scripted.reply import Reply, reply_of, stream, whole
from apps.llm.scripted.script import Fault, Script, Turn
from apps.llm.selectors import failures_since_answer

Failures = Callable[[str], int]


class ScriptedUpstream:
    """`failures_of` a session says how often its newest turn has failed before, for `times`."""

    def __init__(self, failures_of: Failures = failures_since_answer) -> None:
        self._failures_of = failures_of
        self._failed_here = 0

    async def open(self, request: ModelRequest) -> UpstreamResponse:
        if request.endpoint not in ("chat", "messages"):
            raise GatewayError(
                f"A script answers chats, not {request.endpoint}.",
                code="endpoint_unsupported",
                http_status=422,
            )
        conversation = conversation_of(request.dialect, request.body)
        script, played = played_turn(request.model, request.facts, conversation)
        turn = await self._healed(played.turn, request)
        await asyncio.sleep(turn.delay_s)
        if turn.error is not None:
            raise self._failure(turn.error, request.name)
        reply = reply_of(
            turn,
            seed=f"{_seed(request.facts)}:{played.number}",
            model=request.model,
            conversation=conversation,
            chunk_chars=script.chunk_chars,
        )
        chunks = _stream if request.stream else _whole
        return UpstreamResponse(status=200, chunks=chunks(request, script, turn, reply))

    async def _healed(self, turn: Turn, request: ModelRequest) -> Turn:
        """The turn without its faults, once it has failed as often as it should."""
        if turn.times is None:
            return turn
        before = await in_thread(self._failures_of, request.caller.session_id)
        if before + self._failed_here < turn.times:
            return turn
        return turn.model_copy(update={"error": None, "cut": False, "hang": False})

    def _failure(self, fault: Fault, name: str) -> GatewayError:
        self._failed_here += 1
        error = problem(
            name,
            status=fault.status,
            said=fault.message,
            retry_after_s=fault.retry_after,
            retry=fault.retry,
        )
        error.code = fault.code or error.code
        return error


def played_turn(
    name: str, facts: SessionFacts, conversation: Conversation
) -> tuple[Script, Played]:
    """The script and its turn. `auto` answers where a script leaves a step to it."""
    script = Script(otherwise="auto") if name == AUTO else script_get(name)
    if script.otherwise == "auto" and not has_step(script, facts):
        turn = auto_turn(facts, conversation)
        return script, Played(turn=turn, number=len(conversation.rounds))
    return script, play(script, name, facts, conversation)


def _seed(facts: SessionFacts) -> str:
    if facts.execution_id is None:
        return facts.session_id
    return f"{facts.run_id}:{facts.step}:{facts.visit}:{facts.attempt}"


async def _stream(
    request: ModelRequest, script: Script, turn: Turn, reply: Reply
) -> AsyncGenerator[bytes, None]:
    pause_s = script.chunk_delay_s if turn.chunk_delay_s is None else turn.chunk_delay_s
    events = list(stream(request.dialect, reply))
    half = max(1, len(events) // 2)
    for number, event in enumerate(events):
        if number == half and turn.cut:
            return
        if number == half and turn.hang:
            await asyncio.Event().wait()  # ended by the gateway's time limit or the client
        if pause_s:
            await asyncio.sleep(pause_s)
        yield event


async def _whole(
    request: ModelRequest, script: Script, turn: Turn, reply: Reply
) -> AsyncGenerator[bytes, None]:
    body = whole(request.dialect, reply)
    if turn.hang:
        await asyncio.Event().wait()
    yield body[: len(body) // 2] if turn.cut else body
