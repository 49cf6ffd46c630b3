"""The executor's hand on its own row: transcript, lease, stop signs and hints."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from apps.core.events import NewEvent
from apps.core.faults import fault_point
from apps.runs import services
from apps.runs.claims import ClaimedStep
from apps.runs.events import TRANSCRIPT
from workers.engine.executor import Cancelled, LeaseLost
from workers.engine.outage import outage_survived
from workers.engine.shutdown import shutting_down

log = structlog.get_logger(__name__)

POLL_S = 1.0
FLUSH_S = 0.25
FLUSH_BYTES = 4096
OUTAGE_LIMIT_S = 600.0  # how long a session goes on without the database
HOLD_LIMIT_S = 900.0  # what blocks for longer than this hangs, and the step is lost
CHUNKED = frozenset({"STEP_OUTPUT", "STEP_THINKING"})
Value = TypeVar("Value")


class HandedOver(LeaseLost):
    """The worker shuts down: stop here, the step goes on elsewhere."""


class Control:
    """One execution's `StepControl`. Safe to use from the threads of one executor.

    Between calls no database connection is held: a session lasts minutes, and hundreds share a
    pool. While the database is away the session goes on; what it has to tell waits in memory.
    """

    def __init__(self, step: ClaimedStep) -> None:
        self._step = step
        self._lock = threading.RLock()
        self._events: list[NewEvent] = []
        self._bytes = 0
        self._oldest = 0.0
        self._session_id = step.session_id
        self._position = ""
        now = time.monotonic()
        self._renewed = self._polled = self._reached = now
        self._hints_wait = False
        self._is_running = False

    # -- progress ------------------------------------------------------------------------------

    def session_started(self, session_id: str) -> None:
        self._session_id = session_id
        self._must(
            lambda: services.step_session_started(
                execution_id=self._step.execution_id,
                fence=self._step.fence,
                session_id=session_id,
            )
        )
        fault_point("step.session_started")

    def note(self, facts: Mapping[str, object]) -> None:
        self._must(
            lambda: services.step_note(
                execution_id=self._step.execution_id, fence=self._step.fence, facts=facts
            )
        )

    @property
    def is_running(self) -> bool:
        """Whether STEP_STARTED has been told."""
        return self._is_running

    def running(self) -> None:
        self._tolerant(self._flush)  # what the box did before it
        self._must(
            lambda: services.step_running(
                run_id=self._step.run_id,
                execution_id=self._step.execution_id,
                fence=self._step.fence,
            )
        )
        self._is_running = True
        fault_point("step.running")

    def finishing(self) -> None:
        self._tolerant(self._flush)
        self._must(
            lambda: services.step_finishing(
                execution_id=self._step.execution_id, fence=self._step.fence
            )
        )

    def position(self, stream_id: str) -> None:
        """Written with the next flush or lease, after the events up to there."""
        with self._lock:
            self._position = stream_id

    # -- transcript ----------------------------------------------------------------------------

    def event(self, type: str, payload: Mapping[str, object]) -> None:
        with self._lock:
            event = self._stamped(type, payload)
            merged = _merged(self._events[-1], event) if self._events else None
            if merged is not None:
                self._events[-1] = merged
            else:
                self._events.append(event)
            if self._oldest == 0.0:
                self._oldest = time.monotonic()
            self._bytes += _size(payload)
            due = self._bytes >= FLUSH_BYTES or time.monotonic() - self._oldest >= FLUSH_S
        if due:
            self._tolerant(self._flush)

    def flush(self) -> None:
        """Write what has gathered. Raises LeaseLost, or DatabaseError while that is away."""
        if self._events or self._position:
            self._reach(self._flush)

    def _flush(self) -> None:
        with self._lock:
            events, position = self._events, self._position
            if not events and not position:
                return
            if events and not services.step_events_append(
                run_id=self._step.run_id,
                execution_id=self._step.execution_id,
                fence=self._step.fence,
                events=events,
            ):
                raise LeaseLost
            if position:
                services.step_position(
                    execution_id=self._step.execution_id,
                    fence=self._step.fence,
                    stream_id=position,
                )
            self._events, self._position, self._bytes, self._oldest = [], "", 0, 0.0

    def _stamped(self, type: str, payload: Mapping[str, object]) -> NewEvent:
        step = self._step
        return NewEvent(
            type=type,
            step_id=step.step_id,
            session_id=self._session_id,
            payload={"visit": step.visit, "attempt": step.attempt, **payload},
            lifecycle=type not in TRANSCRIPT,
        )

    # -- lease, stop signs, hints --------------------------------------------------------------

    def check(self) -> None:
        """Call it often: it is a clock reading most of the time."""
        now = time.monotonic()
        if self._oldest and now - self._oldest >= FLUSH_S:
            self._tolerant(self._flush)
        if now - self._renewed >= settings.LEASE_RENEW_S:
            self._tolerant(self._renew)
        if now - self._polled >= POLL_S:
            self._polled = now
            self._tolerant(self._poll)
        if now - self._reached >= OUTAGE_LIMIT_S:
            raise LeaseLost
        if shutting_down.is_over():
            self._tolerant(self._flush)
            raise HandedOver

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Keep the lease from a thread while this one is held up, by git or a runner say, and
        cannot `check`. A lease that is lost meanwhile shows at the next write."""
        done = threading.Event()
        keeper = threading.Thread(target=self._hold, args=(done,), name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _hold(self, done: threading.Event) -> None:
        for _ in range(round(HOLD_LIMIT_S / settings.LEASE_RENEW_S)):
            if done.wait(settings.LEASE_RENEW_S):
                return
            try:
                self._tolerant(self._renew)
            except LeaseLost:
                return

    def _renew(self) -> None:
        held = services.step_renew(execution_id=self._step.execution_id, fence=self._step.fence)
        if not held:
            raise LeaseLost
        self._renewed = time.monotonic()

    def _poll(self) -> None:
        found = services.step_poll(execution_id=self._step.execution_id, fence=self._step.fence)
        if found is None:
            raise LeaseLost
        reason, self._hints_wait = found
        if reason is not None:
            raise Cancelled(str(reason))

    def hints(self) -> list[str]:
        if not self._hints_wait:
            return []
        self._hints_wait = False
        return self._reach(lambda: services.step_hints_take(execution_id=self._step.execution_id))

    # -- the database --------------------------------------------------------------------------

    def _must(self, write: Callable[[], bool]) -> None:
        if not outage_survived(lambda: self._reach(write)):
            raise LeaseLost

    def _reach(self, call: Callable[[], Value]) -> Value:
        """Call, and give the connection back to the pool."""
        try:
            value = call()
        finally:
            if not connection.in_atomic_block:
                connection.close()
        self._reached = time.monotonic()
        return value

    def _tolerant(self, call: Callable[[], None]) -> None:
        """A database that is away stops no session: the lease may run out, the fence decides."""
        try:
            self._reach(call)
        except DatabaseError as exc:
            log.warning(
                "the database is away; the session goes on",
                run_id=self._step.run_id,
                step_id=self._step.step_id,
                error=str(exc).partition("\n")[0],
            )


def _merged(last: NewEvent, event: NewEvent) -> NewEvent | None:
    """Two chunks of one stream as one event; None when they are not that."""
    same = last.type == event.type and last.type in CHUNKED
    if not same or last.session_id != event.session_id:
        return None
    before, after = dict(last.payload), dict(event.payload)
    first, second = before.pop("chunk", ""), after.pop("chunk", "")
    before.pop("seq", None)
    seq = after.pop("seq", None)
    if before != after:
        return None
    chunk = f"{first}{second}"
    numbered = {"seq": seq} if seq is not None else {}
    return NewEvent(
        type=event.type,
        step_id=event.step_id,
        session_id=event.session_id,
        payload={**after, **numbered, "chunk": chunk},
        lifecycle=event.lifecycle,
    )


def _size(payload: Mapping[str, object]) -> int:
    return sum(len(value) for value in payload.values() if isinstance(value, str)) + 64
