"""A session as its supervisor holds it: row, token, Redis account and box, opened and closed."""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from apps.accounts.services import session_token_create, session_tokens_revoke
from apps.core.errors import DjinnError, TransientError
from apps.repos.models import Workspace
from apps.secrets.models import Secret, SecretGrant
from apps.secrets.usable import grants_for, session_grants
from apps.sessions.machine import box_move
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import (
    box_create,
    box_ended,
    box_starting,
    session_create,
    session_credentials,
    session_credentials_keep,
    session_finish,
    session_seen,
    session_stop_requested,
)
from workers.engine.box_watch import BoxWatch
from workers.engine.boxes import HOME, WORKSPACE, box_places, chosen, plan_box
from workers.engine.channel import SessionChannel
from workers.engine.executor import Cancelled, ClaimedStep, LeaseLost, StepControl
from workers.engine.harness import harness_of
from workers.engine.known import KnownValues
from workers.engine.outage import outage_survived
from workers.engine.transcript import Transcript
from workers.protocol.messages import Abort, Shutdown
from workers.runners.base import LABEL_SESSION, Box, BoxState, LimitName, Runner

log = structlog.get_logger(__name__)

TOKEN_SLACK_S = 600
STOP_GRACE_S = 2
# An agent at a step also tells: knowledge for later steps, outputs midway, an executor's result.
STEP_SCOPES = ("chat", "read", "write")
DISK_FULL = "container_disk_full"
OVER_QUOTA = "sandbox_quota_exceeded"
Value = TypeVar("Value")
Status = ContainerInstance.Status


def stored(call: Callable[[], Value]) -> Value:
    """Write through a database outage, and give the connection back: sessions last long."""
    try:
        return outage_survived(call)
    finally:
        if not connection.in_atomic_block:
            connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The session ends without a word of its agent. `code` is a step error code."""

    code: str
    error: str


def _grants(step: ClaimedStep) -> list[SecretGrant]:
    return grants_for(agent_id=step.agent_id, user_id=step.user_id, project_id=step.project_id)


def secret_tools(grants: Sequence[SecretGrant]) -> tuple[str, ...]:
    """The tools that are of use with these secrets; none without any."""
    if not grants:
        return ()
    in_commands = any(grant.secret.type != Secret.Type.TOTP for grant in grants)
    codes = any(grant.secret.has_totp for grant in grants)
    names = ("run_with_secrets",) if in_commands else ()
    return ("get_secret", *names, *(("get_totp_code",) if codes else ()))


def _models(step: ClaimedStep) -> list[str]:
    """Models that the session may call: its own, those it may fall back on, and its helpers'."""
    more = (*settings.FALLBACK_MODELS, settings.FOCUSED_ANALYSIS_MODEL, settings.RESEARCH_MODEL)
    return list(dict.fromkeys(name for name in (step.model, *more) if name))


class HeldSession:
    """One attempt's session. After `open` or `adopt` it has a channel and usually a box."""

    def __init__(self, step: ClaimedStep, control: StepControl) -> None:
        self.id = step.session_id
        self.home, self.workspace_path = HOME, WORKSPACE
        self._step = step
        self._control = control
        self._runner: Runner = chosen().runner
        self._channel: SessionChannel | None = None
        self._transcript: Transcript | None = None
        self._known = KnownValues(self.id)
        self.secret_tools: tuple[str, ...] = ()  # what it gets for the secrets granted to it
        self._box: Box | None = None
        self._container: ContainerInstance | None = None
        self._watch = BoxWatch(self._runner, self._masked)
        self._hits: dict[LimitName, int] = {}

    @property
    def channel(self) -> SessionChannel:
        assert self._channel is not None
        return self._channel

    @property
    def transcript(self) -> Transcript:
        assert self._transcript is not None
        return self._transcript

    # Opening

    def open(self, workspace: Workspace | None) -> None:
        """Make the session and start its box, which imports while the prompt is written."""
        step = self._step
        session = stored(
            lambda: session_create(
                source=AgentSession.Source.PIPELINE,
                source_id=str(step.execution_id),
                agent_id=step.agent_id,
                run_id=step.run_id,
                step_id=step.step_id,
                user_id=step.user_id,
                model=step.model,
            )
        )
        self.id = session.pk
        self._channel = SessionChannel(self.id)
        self._control.session_started(self.id)
        standing = stored(lambda: _grants(step))
        harness = harness_of(step)
        # Another agent's program has no tool to ask for them, and shows its model what it prints.
        granted = [] if harness else standing
        token = stored(
            lambda: session_token_create(
                session_id=self.id,
                agent_id=step.agent_id,
                run_id=step.run_id,
                user_id=step.user_id,
                project_id=step.project_id,
                grants={
                    "models": _models(step),
                    "scopes": STEP_SCOPES,
                    "secrets": [grant.pk for grant in granted],
                },
                ttl_s=step.timeout_s + TOKEN_SLACK_S,
            )
        )
        password = self._channel.password
        stored(lambda: session_credentials_keep(session=session, token=token, password=password))
        self._begin_transcript((token, password))
        if harness and standing:
            names = [grant.env_key for grant in standing]
            self.transcript.secrets_withheld(harness, names)
        self.secret_tools = secret_tools(granted)
        self._open_account()
        self._start_box(token, workspace, [grant.env_key for grant in granted])

    def adopt(self) -> None:
        """Go on with a box whose worker died. Its token and Redis account still hold."""
        found = self._runner.list({LABEL_SESSION: self.id})
        self._box = found[0] if found else None
        self._container = stored(
            lambda: ContainerInstance.objects.filter(session_id=self.id).order_by("-id").first()
        )
        known = stored(lambda: session_credentials(session_id=self.id))
        self._channel = SessionChannel(
            self.id, position=self._step.stream_position, password=known.get("password", "")
        )
        self._begin_transcript(tuple(known.values()))
        self.secret_tools = secret_tools(stored(lambda: session_grants(self.id)))
        self._control.session_started(self.id)
        if self._box is not None:
            self._runner.adopt(self._box, box_places(self._step))
        log.info("adopted a session", session_id=self.id, box_found=self._box is not None)

    def _begin_transcript(self, own: Sequence[str]) -> None:
        self._known = KnownValues(self.id, own)
        stored(self._known.load)
        self._transcript = Transcript(self._control, self._known.masker)

    def _open_account(self) -> None:
        """The box needs Redis from its first moment, so a Redis that is away is waited for."""
        began = time.monotonic()
        while True:
            try:
                self.channel.open_account()
            except TransientError:
                if time.monotonic() - began > settings.REDIS_OUTAGE_GRACE_S:
                    raise
                self._control.check()
                time.sleep(0.5)
            else:
                return

    def _start_box(
        self, token: str, workspace: Workspace | None, secret_keys: Sequence[str]
    ) -> None:
        plan = plan_box(
            self._step,
            runner=self._runner,
            session_id=self.id,
            token=token,
            channel=self.channel,
            workspace=workspace,
            secret_keys=secret_keys,
        )
        self.home, self.workspace_path = plan.home, plan.workspace
        self._container = stored(
            lambda: box_create(
                session_id=self.id,
                backend=self._runner.name,
                name=plan.spec.name,
                attempt=self._step.attempt,
                image=plan.spec.image if self._runner.name == "docker" else "",
                node=socket.gethostname(),
                limits=plan.spec.limits.as_json(),
            )
        )
        container_id = self._container.pk
        box = self._runner.create(plan.spec)
        self._box = box
        facts = {"image": self._container.image} if self._container.image else {}
        self.transcript.box("CREATED", detail=self._runner.name, **facts)
        stored(lambda: box_starting(container_id=container_id, external_id=box.external_id))
        self.transcript.box("STARTING")
        self._runner.start(box)

    # While it runs

    def _masked(self, text: str) -> str:
        self._known.refresh()
        return self.transcript.masked(text)

    def learn_secrets(self) -> None:
        """Before telling what the box has said."""
        self._known.refresh()

    def box_is(self, status: Status) -> None:
        container = self._container
        if container is not None:
            stored(lambda: box_move(container.pk, to=status))

    def seen(self, turn: int) -> None:
        """A sign of life. With the database away it is simply not written."""
        try:
            session_seen(session_id=self.id, turn_count=turn)
        except DatabaseError:
            log.info("a sign of life was not written")
        finally:
            if not connection.in_atomic_block:
                connection.close()

    def stop_requested(self) -> bool:
        try:
            return session_stop_requested(session_id=self.id)
        except DatabaseError:
            return False
        finally:
            if not connection.in_atomic_block:
                connection.close()

    def ended_by_itself(self, *, was_ready: bool) -> Crash | None:
        """None while the box lives; else why it does not."""
        if self._box is None:
            return Crash(code="worker_lost", error="The worker died and its box is gone.")
        state = self._runner.state(self._box)
        self._tell_hits(self._box, state.hits)
        if not state.running:
            return self._crash(self._box, state, was_ready)
        if self._container is not None:
            self._watch.look(self._box, self._container.pk)
        return None

    def _tell_hits(self, box: Box, hits: Mapping[LimitName, int]) -> None:
        """A limit that has bitten, since it was last told of. The box may well go on."""
        for limit, count in hits.items():
            if count > self._hits.get(limit, 0):
                self._hits[limit] = count
                self.transcript.box("LIMIT", containerId=box.external_id, limit=limit, count=count)

    def log_note(self) -> str:
        """The end of the box's log, for people who read the error."""
        if self._box is None:
            return ""
        tail = self._masked(self._runner.logs(self._box, tail=20)).strip()
        return f" Its last lines:\n{tail[-2000:]}" if tail else ""

    def _crash(self, box: Box, state: BoxState, was_ready: bool) -> Crash:
        self.transcript.box(
            "CRASHED",
            containerId=box.external_id,
            exitCode=state.exit_code,
            oomKilled=state.oom_killed,
        )
        self._box_ended(box, state, Status.CRASHED)
        if state.oom_killed:
            limit = settings.BOX_MEMORY_MB
            return Crash(
                code="container_oom", error=f"The box used more than its {limit} MB of memory."
            )
        if state.over_disk == "quota":
            quota = settings.SANDBOX_QUOTA_MB
            return Crash(
                code=OVER_QUOTA,
                error=f"The home of {self._step.agent_id} holds more than its {quota} MB.",
            )
        if state.over_disk:
            limit = settings.BOX_DISK_MB
            return Crash(
                code=DISK_FULL, error=f"The box wrote more than the {limit} MB that it may."
            )
        if state.start_failed or not was_ready:
            return Crash(
                code="container_start_failed",
                error=f"The box ended at its start.{self.log_note()}",
            )
        code = "unknown" if state.exit_code is None else state.exit_code
        return Crash(
            code="container_crashed",
            error=f"The box ended with exit code {code}.{self.log_note()}",
        )

    # Ending

    def stop_agent(self) -> None:
        """Stop a box that may be busy: its rights first, then a word, then force."""
        stored(lambda: session_tokens_revoke(self.id))
        box = self._box
        if box is None:
            return
        self.box_is(Status.STOPPING)
        self._tell_box("STOPPING")
        self.channel.send(Abort(request_id=""))
        self.channel.send(Shutdown())
        deadline = time.monotonic() + settings.CANCEL_GRACE_S
        while self._runner.state(box).running and time.monotonic() < deadline:
            time.sleep(0.05)
        self.channel.close_account()
        self._runner.stop(box, grace_s=STOP_GRACE_S)

    def kill_box(self) -> None:
        """End the box and all that runs in it. Its log is kept. Gone already: fine."""
        box = self._box
        if box is None:
            return
        self._tell(self.transcript.release)
        self._box_ended(box, self._runner.state(box), Status.STOPPED)
        self._runner.remove(box)
        self._box = None
        self._tell_box("DESTROYED")

    def finish(
        self,
        status: AgentSession.Status,
        *,
        code: str = "",
        error: str = "",
        output: str = "",
        model: str = "",
        turns: int = 0,
    ) -> None:
        if self.id:
            stored(
                lambda: session_finish(
                    session_id=self.id,
                    status=status,
                    output=output,
                    error_code=code,
                    error=error,
                    model=model,
                    turn_count=turns or None,
                )
            )

    def close(self) -> None:
        """Leave nothing: box, token, Redis account. Each is tried, whatever became of the others;
        what fails here is the reaper's."""
        if not self.id:
            return
        for what, end in (
            ("box", self.kill_box),
            ("token", lambda: stored(lambda: session_tokens_revoke(self.id))),
            ("channel", lambda: self._channel.close() if self._channel else None),
        ):
            try:
                end()
            except Exception:  # the last chance: one failure must not keep the others from ending
                log.exception("cleaning up after a session failed", what=what, session_id=self.id)

    def _box_ended(self, box: Box, state: BoxState, status: Status) -> None:
        container = self._container
        if container is None:
            return
        tail = self._masked(self._runner.logs(box))
        stored(
            lambda: box_ended(
                container_id=container.pk,
                status=status,
                exit_code=state.exit_code,
                oom_killed=state.oom_killed,
                log_tail=tail,
            )
        )

    def _tell_box(self, what: str) -> None:
        self._tell(lambda: self.transcript.box(what))

    def _tell(self, tell: Callable[[], None]) -> None:
        """Events of a session that may have lost its step: then nobody is owed them."""
        try:
            tell()
        except (LeaseLost, Cancelled, DjinnError):
            log.info("a session's end was not told")
