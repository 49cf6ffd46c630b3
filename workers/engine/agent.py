"""Executes a step with an agent: a session, its box, one command, its stream, an outcome.

    session row → token, Redis account → box starts (and imports) → prompt → command
    → stream to events → outputs → commit → outcome; whatever happens, everything is removed

The supervisor holds no state that another could not find again: position and session stand on the
execution, so a box that outlived its worker is adopted and its stream read on.
"""

import time
from dataclasses import replace

import structlog
from django.conf import settings

from apps.agents.selectors import disabled_tools
from apps.core.errors import DjinnError
from apps.core.space import storage_away
from apps.pipelines import resolve
from apps.repos.models import Workspace
from apps.repos.services import workspace_commit, workspace_save_wip
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import session_prompt_set, session_running
from workers.engine.boxes import agent_author
from workers.engine.executor import Cancelled, ClaimedStep, LeaseLost, StepControl, StepOutcome
from workers.engine.outputs import ResultFiles, collected, commit_summary, structured_outputs
from workers.engine.progress import progress_append
from workers.engine.prompts import (
    StepPrompt,
    build_step_prompt,
    mark_notes_read,
    step_tools,
)
from workers.engine.session import DISK_FULL, OVER_QUOTA, Crash, HeldSession, stored
from workers.engine.traces import message_traced
from workers.protocol.messages import (
    AgentStep,
    Busy,
    Command,
    Heartbeat,
    OutputSchema,
    Ready,
    Steer,
    StepEnd,
    StepStart,
    StructuredOutput,
)
from workers.protocol.wire import Envelope

log = structlog.get_logger(__name__)

READ_BLOCK_MS = 500
INSPECT_S = 1.0
SILENCE_S = 90.0  # heartbeats come every 10 s
DEADLINE_SLACK_S = 30.0
LAST_WORDS_S = 1.0
STORAGE_AWAY = "storage_unavailable"
MALFORMED_LIMIT = 100
MALFORMED_TOLD = 10


class AgentExecutor:
    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        """Run the step to its end. Blocks. Raises Cancelled, LeaseLost, RunnerError, OSError."""
        if not step.model:
            return StepOutcome(
                succeeded=False,
                error_code="no_provider_key",
                error="No model is set for this step; set one in the pipeline or DJINNBOT_MODEL.",
                retryable=False,
            )
        return _Attempt(step, control).run()


class _Attempt:
    """One attempt, from its session's first row to its outcome."""

    def __init__(self, step: ClaimedStep, control: StepControl) -> None:
        self._step = step
        self._control = control
        self._session = HeldSession(step, control)
        self._workspace = stored(lambda: Workspace.objects.filter(id=step.workspace_id).first())
        self._files = ResultFiles.look(step.workspace_path) if step.workspace_path else None
        self._command: Command | None = None
        self._ready_at: float | None = None
        self._is_running = False
        self._heard_at = time.monotonic()
        self._inspected_at = time.monotonic()
        self._turns = 0
        self._malformed = 0  # messages told of

    def run(self) -> StepOutcome:
        session = self._session
        try:
            with self._control.holding():
                self._begin()
            end = self._supervise()
            with self._control.holding():
                outcome = self._outcome(end)
        except Cancelled:
            session.finish(AgentSession.Status.STOPPED, code="cancelled", turns=self._turns)
            with self._control.holding():
                session.stop_agent()
                self._save_unfinished_work()
            raise
        except LeaseLost:
            session.finish(AgentSession.Status.FAILED, code="worker_lost", turns=self._turns)
            raise
        except DjinnError as exc:
            session.finish(AgentSession.Status.FAILED, code=exc.code, error=exc.message)
            raise
        finally:
            session.close()
        session.finish(
            AgentSession.Status.COMPLETED if outcome.succeeded else AgentSession.Status.FAILED,
            code=outcome.error_code,
            error=outcome.error,
            output=outcome.summary,
            model=outcome.model_used,
            turns=self._turns,
        )
        return outcome

    # Telling the agent what to do

    def _begin(self) -> None:
        if self._step.session_id:
            self._session.adopt()
            self._ready_at = time.monotonic()
        else:
            self._session.open(self._workspace)
        tools = step_tools(self._step, self._session.secret_tools)
        prompt = build_step_prompt(
            self._step,
            tools=tools,
            workspace=self._session.workspace_path,
            home=self._session.home,
        )
        self._command = self._command_of(prompt, tools)
        # A box that has been told already, by a worker that died, answers from memory.
        self._session.channel.send(self._command)
        stored(lambda: self._note_prompt(prompt))
        self._control.note({"prompt_sha": prompt.prompt_sha, "missing": list(prompt.missing)})

    def _note_prompt(self, prompt: StepPrompt) -> None:
        masked = self._session.transcript.masked
        session_prompt_set(
            session_id=self._session.id,
            system=masked(prompt.system),
            user=masked(prompt.user),
            parts=prompt.parts_as_json(),
        )
        if prompt.missing:
            self._session.transcript.template_warning(prompt.missing)
        mark_notes_read(prompt)

    @property
    def _request_id(self) -> str:
        return f"{self._session.id}-1"

    def _command_of(self, prompt: StepPrompt, tools: list[str]) -> Command:
        step, pipeline = self._step.step, self._step.pipeline
        if step.output_schema is not None and not self._step.repair:
            return StructuredOutput(
                request_id=self._request_id,
                prompt=prompt.user,
                system_prompt=prompt.system,
                output_schema=OutputSchema(
                    name=step.output_schema.name,
                    schema=dict(step.output_schema.schema),
                    strict=step.output_schema.strict,
                ),
                output_method=step.output_method,
                temperature=resolve.temperature(pipeline, step),
                max_output_tokens=resolve.max_output_tokens(pipeline, step),
                model=self._step.model,
                deadline_s=self._step.timeout_s,
            )
        return AgentStep(
            request_id=self._request_id,
            prompt=prompt.user,
            system_prompt=prompt.system,
            tools=tools,
            tools_mode="strict",  # the list is final: pipeline and agent have had their say
            max_steps=resolve.max_turns(pipeline, step),
            outputs=list(step.outputs),
            model=self._step.model,
            deadline_s=self._step.timeout_s,
            wrap_up_s=settings.STEP_WRAP_UP_S,
            thinking_level=resolve.thinking_level(pipeline, step),
            max_equal_calls=resolve.max_equal_calls(pipeline, step),
            fallback_models=settings.FALLBACK_MODELS,
            exec_code="exec_code" not in disabled_tools(self._step.agent_id),
        )

    # Supervising

    def _supervise(self) -> StepEnd | Crash:
        opened = time.monotonic()
        while True:
            end = self._listen(READ_BLOCK_MS)
            if end is not None:
                return end
            self._control.check()
            for hint in self._control.hints():
                self._session.channel.send(Steer(request_id=self._request_id, message=hint))
            crash = self._inspect() or self._overdue(opened)
            if crash is not None:
                return self._last_words() or crash

    def _listen(self, block_ms: int) -> StepEnd | None:
        """Take what the box has said. Its `stepEnd`, once it comes."""
        channel = self._session.channel
        envelopes = channel.read(block_ms=block_ms)
        if channel.reconnected and self._command is not None:
            channel.reconnected = False
            self._heard_at = time.monotonic()
            channel.send(self._command)  # a Redis that lost its memory has lost it too
        if envelopes:
            self._session.learn_secrets()
        for envelope in envelopes:
            self._take(envelope)
            if isinstance(envelope.message, StepEnd):
                if envelope.message.request_id == self._request_id:
                    # The position stays before it: whoever adopts the session must see it again.
                    return envelope.message
        if envelopes:
            self._heard_at = time.monotonic()
            self._control.position(channel.position)
        self._tell_malformed()
        if channel.malformed > MALFORMED_LIMIT:
            raise DjinnError(
                "The box sends messages that this server does not understand.",
                code="protocol_error",
            )
        return None

    def _tell_malformed(self) -> None:
        """What the box sent and nobody could read, once a look; the first times only."""
        channel = self._session.channel
        if self._malformed < min(channel.malformed, MALFORMED_TOLD):
            self._session.transcript.malformed(channel.malformed - self._malformed)
            self._malformed = channel.malformed

    def _take(self, envelope: Envelope) -> None:
        match envelope.message:
            case Ready():
                self._became_ready()
            case Busy() | StepStart():
                self._became_busy()
            case Heartbeat(turn=turn):
                self._turns = turn
                self._session.seen(turn)
        self._session.transcript.tell(envelope)
        message_traced(self._step, self._session.id, envelope.message)

    def _became_ready(self) -> None:
        if self._ready_at is None:
            self._ready_at = time.monotonic()
            self._session.transcript.box("READY")
            self._session.box_is(ContainerInstance.Status.READY)

    def _became_busy(self) -> None:
        if self._is_running:
            return
        self._is_running = True
        self._became_ready()
        self._session.box_is(ContainerInstance.Status.BUSY)
        stored(lambda: session_running(session_id=self._session.id))
        self._control.running()

    def _inspect(self) -> Crash | None:
        """Once a second: does the box live, has somebody asked the session to stop?"""
        now = time.monotonic()
        if now - self._inspected_at < INSPECT_S:
            return None
        self._inspected_at = now
        if away := storage_away():
            return Crash(code=STORAGE_AWAY, error=away)
        crash = self._session.ended_by_itself(was_ready=self._ready_at is not None)
        if crash is None and self._session.stop_requested():
            self._session.stop_agent()
            return Crash(code="cancelled", error="The session was stopped.")
        return crash

    def _overdue(self, opened: float) -> Crash | None:
        if self._session.channel.is_away:
            return None  # it cannot tell us anything now
        now = time.monotonic()
        if self._ready_at is None:
            limit_s = settings.BOX_READY_TIMEOUT_S
            if now - opened <= limit_s:
                return None
            note = f"The box was not ready after {limit_s} seconds.{self._session.log_note()}"
            return Crash(code="container_start_failed", error=note)
        if now - self._heard_at > SILENCE_S:
            note = f"The box has said nothing for {SILENCE_S:g} seconds.{self._session.log_note()}"
            return Crash(code="container_crashed", error=note)
        longest_s = self._step.timeout_s + settings.STEP_WRAP_UP_S + DEADLINE_SLACK_S
        if now - self._ready_at > longest_s:
            note = f"The step ran longer than {self._step.timeout_s} seconds."
            return Crash(code="timeout", error=note)
        return None

    def _last_words(self) -> StepEnd | None:
        """What the box had sent before it ended may still be unread."""
        deadline = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < deadline:
            before = self._session.channel.position
            end = self._listen(50)
            if end is not None or self._session.channel.position == before:
                return end
        return None

    # Outcome

    def _outcome(self, end: StepEnd | Crash) -> StepOutcome:
        if isinstance(end, Crash) and end.code == STORAGE_AWAY:
            # What it has written is out of reach, and ending the box may take its time.
            return self._failure(end.code, end.error)
        self._session.kill_box()  # nothing writes any more: what is collected is what is committed
        if isinstance(end, Crash):
            if end.code in {DISK_FULL, OVER_QUOTA}:
                # What it wrote is not worth a second copy, nor a second try.
                return self._failure(end.code, end.error, retryable=False)
            self._save_unfinished_work()
            return self._failure(end.code, end.error)
        self._turns = end.turns
        if not end.success:
            self._save_unfinished_work()
            error = self._session.transcript.masked(end.result)
            return self._failure(
                end.error_code or "agent_failed", error, retryable=end.recoverable, model=end.model
            )
        outcome = self._success(end)
        if outcome.missing_outputs and not end.explicit_completion:
            self._save_unfinished_work()
            names = ", ".join(outcome.missing_outputs)
            return self._failure(
                "no_completion",
                f"The agent stopped without ending the step; it left no {names}.",
                model=end.model,
            )
        self._control.finishing()
        progress_append(self._step, outcome)
        return replace(outcome, commit_hash=self._commit(outcome))

    def _success(self, end: StepEnd) -> StepOutcome:
        declared = self._step.step.outputs
        completed = dict(end.outputs)
        if isinstance(self._command, StructuredOutput):
            completed = structured_outputs(end.result, declared, end.model)
        outputs = collected(
            declared,
            completed=completed,
            summary=end.summary,
            files=self._files.outputs(declared) if self._files else {},
            text=end.result,
        )
        masked = self._session.transcript.masked
        return StepOutcome(
            succeeded=True,
            outputs={name: masked(value) for name, value in outputs.items()},
            summary=masked(end.summary or end.result),
            missing_outputs=[name for name in declared if name not in outputs],
            model_used=end.model or self._step.model,
        )

    def _failure(
        self, code: str, error: str, *, retryable: bool = True, model: str = ""
    ) -> StepOutcome:
        return StepOutcome(
            succeeded=False,
            error_code=code,
            error=error,
            retryable=retryable,
            model_used=model or self._step.model,
        )

    def _commit(self, outcome: StepOutcome) -> str:
        """Commit what the step left. A commit that fails does not fail the step."""
        workspace, step = self._workspace, self._step
        if workspace is None:
            return ""
        summary = commit_summary(outcome.outputs, outcome.summary)
        subject = f"step/{step.step_id} ({step.agent_id}): {summary}"
        try:
            return stored(
                lambda: workspace_commit(workspace, subject, agent_author(step.agent_id)) or ""
            )
        except DjinnError as exc:
            if resolve.checks(step.pipeline, step.step):
                raise  # there would be nothing to check but what was there before
            log.warning("the commit of a step failed", error=exc.message)
            self._session.transcript.commit_failed(exc.message)
            return ""

    def _save_unfinished_work(self) -> None:
        """Keep what a step without success left, on a branch of its own."""
        workspace, step = self._workspace, self._step
        if workspace is None or not settings.KEEP_UNFINISHED_WORK:
            return
        self._session.kill_box()
        label = f"{step.step_id}-{step.visit}-{step.attempt}"
        try:
            stored(lambda: workspace_save_wip(workspace, label, agent_author(step.agent_id)))
        except DjinnError as exc:
            log.warning("unfinished work could not be saved", error=exc.message)
