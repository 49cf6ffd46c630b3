"""What can go wrong while a box works: each ends with its own reason, and leaves nothing."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import psutil
import pytest
from django.conf import LazySettings
from django.db import connection

from apps.accounts.models import SessionToken
from apps.accounts.services import user_create
from apps.runs import services
from apps.runs.claims import StepOutcome
from apps.runs.models import Run, StepExecution
from apps.secrets.services import secret_create, secret_grant, secret_update
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import session_credentials, session_stop
from tests.apps.repos.conftest import git
from tests.support.boxes import BACKENDS, accounts_of, kept_by_launcher, processes_of
from tests.support.cut_proxy import CutProxy
from tests.support.live import eventually, own_home, own_redis
from tests.support.model_server import Answer, calls, fails, says
from tests.support.runs import claim
from tests.workers.agent.conftest import AGENT, Start, World
from workers.engine import agent
from workers.engine.agent import AgentExecutor
from workers.engine.boxes import chosen
from workers.engine.control import Control
from workers.engine.executor import Cancelled, LeaseLost
from workers.engine.reaper import reap_boxes
from workers.protocol.keys import StreamKeys
from workers.runners.base import LABEL_SESSION

SECRET = "value-of-a-token-Zq7w41"  # noqa: S105
every = pytest.mark.parametrize("backend", BACKENDS)
LOCAL = BACKENDS[1:]


class Background:
    """The executor in a thread, so that a test can do something to it."""

    def __init__(self, here: World, run: Run) -> None:
        self.here = here
        self.run = run
        self.outcome: StepOutcome | None = None
        self.error: BaseException | None = None
        self.step = claim(run)
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        try:
            self.outcome = self.here.execute_claimed(self.step)
        except BaseException as exc:  # noqa: BLE001  handed to the test
            self.error = exc
        finally:
            connection.close()

    def until(self, condition: Callable[[], object], timeout_s: float = 20) -> object:
        def met() -> object:
            assert self.error is None, self.error
            return condition()

        return eventually(met, timeout_s=timeout_s)

    def until_event(self, kind: str) -> None:
        self.until(lambda: self.here.events(self.run, kind))

    def until_request(self, count: int = 1) -> None:
        self.until(lambda: len(self.here.server.requests) >= count)

    def ended(self, timeout_s: float = 30) -> StepOutcome | None:
        self.thread.join(timeout_s)
        assert not self.thread.is_alive()
        return self.outcome

    @property
    def session(self) -> AgentSession:
        return AgentSession.objects.get(run_id=self.run.pk)


def leaves_nothing(here: World, session_id: str) -> None:
    assert not processes_of(session_id)
    assert not kept_by_launcher()
    assert not accounts_of(here.redis, session_id)
    assert not list((here.home / "boxes").glob("*"))
    assert chosen().runner.list({LABEL_SESSION: session_id}) == []


def kill_box(session: AgentSession) -> None:
    container = ContainerInstance.objects.get(session=session)
    if container.backend == "docker":
        import docker

        docker.from_env().api.kill(container.external_id)
        return
    keeper = kept_by_launcher()[0]
    for process in keeper.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@every
def test_a_box_that_is_killed_fails_the_step_within_seconds(world: Start, backend: str) -> None:
    """F24"""
    here = world(backend, [calls("bash", command="echo half > half.txt; sleep 60")])
    work = Background(here, here.run())
    work.until_event("TOOL_CALL_START")
    time.sleep(0.5)
    kill_box(work.session)
    outcome = work.ended(40)  # sooner than the command would
    assert outcome is not None
    assert (outcome.succeeded, outcome.error_code) == (False, "container_crashed")
    assert outcome.retryable
    (crash,) = here.events(work.run, "CONTAINER_CRASHED")
    assert crash["exitCode"] == 137
    assert ContainerInstance.objects.get(session=work.session).status == "crashed"
    assert work.session.status == "failed"
    leaves_nothing(here, work.session.pk)


@every
def test_a_box_without_memory_says_so(world: Start, backend: str) -> None:
    """F23"""
    bomb = "python3 -c 'b=[]\nwhile True: b.append(bytearray(4<<20))'"
    here = world(
        backend,
        [calls("bash", command=f"echo 1000 > /proc/self/oom_score_adj; {bomb}")] * 3,
        BOX_MEMORY_MB=300,
    )
    run = here.run()
    outcome = here.execute(run)
    assert not outcome.succeeded
    # The kernel may take the command first and leave the runtime alive to tell of it.
    assert outcome.error_code in {"container_oom", "model_error"}, outcome


@every
def test_cancel_stops_the_agent_and_keeps_its_work(world: Start, backend: str) -> None:
    here = world(backend, [calls("bash", command="echo half > half.txt; sleep 60")])
    work = Background(here, here.run())
    work.until(lambda: (here.home / "runs" / work.run.pk / "half.txt").exists())
    services.run_cancel(run_id=work.run.pk)
    work.ended(40)  # sooner than the command would
    assert isinstance(work.error, Cancelled)
    assert work.session.status == "stopped"
    leaves_nothing(here, work.session.pk)
    mirror = next((here.home / "workspaces").glob("*.git"))
    kept = git(here.repository, "--git-dir", str(mirror), "branch", "--list", "wip/*")
    assert f"wip/{work.run.pk}-BUILD-1-1" in kept


@pytest.mark.parametrize("backend", LOCAL)
def test_a_session_can_be_stopped_by_itself(world: Start, backend: str) -> None:
    here = world(backend, [says("x", delay_s=60)])
    work = Background(here, here.run())
    work.until_request()
    session_stop(session=work.session)
    outcome = work.ended(20)
    assert outcome is not None
    assert (outcome.succeeded, outcome.error_code) == (False, "cancelled")
    leaves_nothing(here, work.session.pk)


@pytest.mark.parametrize("backend", LOCAL)
def test_a_lease_that_is_lost_ends_the_box(world: Start, backend: str) -> None:
    """F08"""
    here = world(backend, [says("x", delay_s=60)])
    work = Background(here, here.run())
    work.until_request()
    StepExecution.objects.filter(run=work.run).update(fence=999_999)
    work.ended(20)
    assert isinstance(work.error, LeaseLost)
    leaves_nothing(here, work.session.pk)


@pytest.mark.parametrize("backend", LOCAL)
def test_the_time_limit_holds_with_one_more_turn(world: Start, backend: str) -> None:
    here = world(
        backend,
        [calls("bash", command="sleep 60"), calls("complete", summary="in time")],
    )
    run = here.run(steps=[{"id": "BUILD", "timeout": 10}])
    StepExecution.objects.filter(run=run).update(timeout_s=2)
    outcome = here.execute(run)
    assert outcome.succeeded
    assert outcome.summary == "in time"


@pytest.mark.parametrize("backend", LOCAL)
def test_the_time_limit_fails_the_step(world: Start, backend: str, settings: LazySettings) -> None:
    """F26"""
    here = world(backend, [says("x", delay_s=60)] * 2, STEP_WRAP_UP_S=1)
    run = here.run()
    StepExecution.objects.filter(run=run).update(timeout_s=1)
    outcome = here.execute(run)
    assert (outcome.succeeded, outcome.error_code) == (False, "timeout")


@pytest.mark.parametrize("backend", LOCAL)
def test_a_hint_reaches_the_agent(world: Start, backend: str) -> None:
    here = world(backend, [calls("bash", command="sleep 4"), calls("complete")])
    work = Background(here, here.run())
    work.until_event("TOOL_CALL_START")
    services.step_inject(run_id=work.run.pk, step_id="BUILD", text="Use tabs.")
    outcome = work.ended()
    assert outcome is not None
    assert outcome.succeeded
    last = here.server.requests[-1]["messages"][-1]
    assert last["role"] == "user"
    assert "Use tabs." in last["content"]


@pytest.mark.parametrize("backend", LOCAL)
def test_the_agents_reason_is_the_steps_reason(world: Start, backend: str) -> None:
    here = world(backend, [calls("fail", error="No such feature.", recoverable=False)])
    outcome = here.execute(here.run())
    assert (outcome.succeeded, outcome.error_code) == (False, "agent_failed")
    assert outcome.error == "No such feature."
    assert not outcome.retryable


@pytest.mark.parametrize("backend", LOCAL)
def test_an_exhausted_budget_is_not_tried_again(world: Start, backend: str) -> None:
    here = world(backend, [fails(402, "budget_exceeded", "10 USD are spent.")])
    outcome = here.execute(here.run())
    assert (outcome.error_code, outcome.retryable) == ("budget_exceeded", False)
    assert "10 USD are spent." in outcome.error


@pytest.mark.parametrize("backend", LOCAL)
def test_a_step_without_a_model_asks_for_one(world: Start, backend: str) -> None:
    import dataclasses

    here = world(backend, [])
    step = dataclasses.replace(claim(here.run()), model="")
    outcome = here.execute_claimed(step)
    assert (outcome.error_code, outcome.retryable) == ("no_provider_key", False)


@pytest.mark.parametrize("backend", LOCAL)
def test_the_sessions_secrets_are_masked_wherever_they_turn_up(world: Start, backend: str) -> None:
    """S10: an agent that prints its own token."""
    reveal = (
        "tr '\\0' '\\n' < /proc/$PPID/environ | grep dst_; "
        "python3 -c \"import os; print(open('/proc/%d/environ' % os.getppid()).read())\""
    )
    here = world(backend, [calls("bash", command=reveal), calls("complete", summary="dst_x")])
    run = here.run()
    here.execute(run)
    token = here.server.headers[0]["authorization"].removeprefix("Bearer ")
    assert token.startswith("dst_")
    assert token not in str(here.events(run))


@pytest.mark.docker
def test_a_container_that_outlives_its_worker_is_adopted(world: Start) -> None:
    """F03: the new worker reads on where the old one stopped, and the agent notices nothing. What
    the old one knew to be secret, its successor masks too: also a value that was changed since,
    and what the box gets in by, which stands in no row in plain text."""
    tell = f"tr '\\0' '\\n' </proc/$PPID/environ >/proc/$PPID/fd/2; echo {SECRET}; echo late"
    here = world(
        "docker",
        [calls("bash", command=f"sleep 4; {tell}"), calls("complete", summary="adopted")],
    )
    run = here.run()
    by = user_create(email="ada@example.org", by=None, role="admin", password="correct horse")
    secret = secret_create(by=by, scope="instance", name="Token", type="env", value=SECRET)
    secret_grant(secret=secret, agent_id=AGENT, by=by, is_manager=True)
    step = claim(run)
    control = Control(step)
    died = threading.Event()

    class Dead(BaseException):
        pass

    def check() -> None:
        if here.events(run, "TOOL_CALL_START"):
            died.set()
            raise Dead

    executor = AgentExecutor()
    control.check = check  # type: ignore[method-assign]
    from workers.engine.session import HeldSession

    close = HeldSession.close
    HeldSession.close = lambda self: None  # type: ignore[method-assign]  # a kill -9 closes nothing
    try:
        with pytest.raises(Dead):
            executor.execute(step, control)
    finally:
        HeldSession.close = close  # type: ignore[method-assign]
    assert died.is_set()
    control.flush()
    session = AgentSession.objects.get(run_id=run.pk)
    assert chosen().runner.list({LABEL_SESSION: session.pk})
    token = here.server.headers[0]["authorization"].removeprefix("Bearer ")
    known = session_credentials(session_id=session.pk)
    assert known["token"] == token
    assert token not in session.credentials
    secret_update(secret=secret, value="another-value-of-the-token")

    StepExecution.objects.filter(run=run).update(lease_until="2000-01-01T00:00:00Z")
    services.step_lost(run_id=run.pk, execution_id=step.execution_id)
    again = claim(run, owner="second")
    assert again.session_id == session.pk
    outcome = here.execute_claimed(again)
    assert outcome.succeeded
    assert outcome.summary == "adopted"
    assert len(here.server.requests) == 2
    ends = [event["toolName"] for event in here.events(run, "TOOL_CALL_END")]
    assert ends == ["bash", "complete"]
    leaves_nothing(here, session.pk)
    session.refresh_from_db()
    box = ContainerInstance.objects.get(session=session)
    assert "DJINNBOT_SESSION_TOKEN=***" in box.log_tail, "it was told to the new worker"
    rows = (here.events(run), box.log_tail, session.output, session.user_prompt)
    for value in (SECRET, token, known["password"]):
        assert value not in str(rows)
    (ended,) = [e for e in here.events(run, "TOOL_CALL_END") if e["toolName"] == "bash"]
    assert "***" in ended["result"]
    assert session.credentials == ""


def test_a_malformed_message_is_reported_and_stops_nothing(world: Start) -> None:
    here = world("process", [says("x", delay_s=2), calls("complete", summary="went on")])
    work = Background(here, here.run())
    work.until_request()
    keys = StreamKeys(work.session.pk)
    entry = {"seq": "900001", "ts": "1", "type": "toolEnd", "requestId": "r", "data": "no object"}
    for _ in range(2):
        here.redis.xadd(keys.evt, entry)  # type: ignore[arg-type]
    work.until_event("AGENT_ERROR")
    outcome = work.ended()
    assert outcome is not None
    assert (outcome.succeeded, outcome.summary) == (True, "went on")
    told = here.events(work.run, "AGENT_ERROR")
    assert {event["code"] for event in told} == {"protocol_error"}
    assert sum(int(event["message"].split()[0]) for event in told) == 2


@every
def test_the_reaper_takes_what_nobody_supervises(world: Start, backend: str) -> None:
    here = world(backend, [says("x", delay_s=60)])
    work = Background(here, here.run())
    work.until_request()
    session_id = work.session.pk
    reap_boxes()
    assert chosen().runner.list({LABEL_SESSION: session_id})  # a live one is left alone

    from workers.engine.session import HeldSession

    close = HeldSession.close
    HeldSession.close = lambda self: None  # type: ignore[method-assign]  # a kill -9 closes nothing
    try:
        StepExecution.objects.filter(run=work.run).update(fence=999_999)
        work.ended(20)
    finally:
        HeldSession.close = close  # type: ignore[method-assign]
    StepExecution.objects.filter(run=work.run).update(status="lost")
    AgentSession.objects.filter(id=session_id).update(finished_at="2000-01-01T00:00:00Z")
    assert reap_boxes() == 1
    leaves_nothing(here, session_id)


def test_a_session_whose_box_is_gone_too_is_ended(world: Start) -> None:
    """Its worker died before the box was made, or somebody has removed that."""
    here = world("process", [says("x", delay_s=60)])
    work = Background(here, here.run())
    work.until_request()
    session_id = work.session.pk
    reap_boxes()
    assert work.session.status == "running", "somebody holds it"

    from workers.engine.session import HeldSession

    close, finish = HeldSession.close, HeldSession.finish
    HeldSession.close = lambda self: self.kill_box()  # type: ignore[method-assign]
    HeldSession.finish = lambda self, *_, **__: None  # type: ignore[method-assign]
    try:
        StepExecution.objects.filter(run=work.run).update(fence=999_999)
        work.ended(20)
    finally:
        HeldSession.close, HeldSession.finish = close, finish  # type: ignore[method-assign]
    assert accounts_of(here.redis, session_id)
    StepExecution.objects.filter(run=work.run).update(status="lost")
    assert reap_boxes() == 0
    session = work.session
    assert (session.status, session.error_code) == ("failed", "worker_lost")
    assert SessionToken.objects.filter(session_id=session_id, revoked_at=None).count() == 0
    leaves_nothing(here, session_id)


@pytest.mark.parametrize("backend", LOCAL)
def test_a_model_that_answers_while_redis_freezes_loses_no_text(world: Start, backend: str) -> None:
    words = " ".join(f"w{number}" for number in range(300))
    here = world(backend, [Answer(text=words, pause_s=0.02), calls("complete")])
    work = Background(here, here.run())
    work.until_event("STEP_OUTPUT")
    here.redis.client_pause(3000)
    outcome = work.ended(60)
    assert outcome is not None
    assert outcome.succeeded
    chunks = here.events(work.run, "STEP_OUTPUT")
    assert "".join(chunk["chunk"] for chunk in chunks) == words


@pytest.mark.parametrize("backend", LOCAL)
@pytest.mark.parametrize("cut_s", [3, pytest.param(30, marks=pytest.mark.chaos)])
def test_a_cut_of_redis_loses_and_repeats_no_byte(
    world: Start, backend: str, cut_s: float, settings: LazySettings
) -> None:
    """F13: the box and its worker are both cut off, while the agent talks and calls a tool."""
    if cut_s > 10 and backend == "process":
        pytest.skip("the same way as bubblewrap; once is enough")
    words = " ".join(f"w{number}" for number in range(300))
    with own_home() as home:
        upstream = urlsplit(settings.REDIS_URL)
        (home / "cut").mkdir()
        with contextlib.closing(CutProxy(home / "cut" / "redis.sock", upstream.path)) as proxy:
            (home / "cut" / "redis.sock").chmod(0o666)
            settings.REDIS_URL = settings.REDIS_URL.replace(upstream.path, str(proxy.path))
            talk = Answer(text=words, pause_s=0.02, tools=[("bash", {"command": "seq 1 40"})])
            here = world(backend, [talk, calls("complete", summary="all told")])
            work = Background(here, here.run())
            work.until_event("STEP_OUTPUT")
            proxy.cut()
            time.sleep(cut_s)
            proxy.mend()
            outcome = work.ended(90)
    assert outcome is not None
    assert (outcome.succeeded, outcome.summary) == (True, "all told"), outcome
    told = here.events(work.run, "STEP_OUTPUT")
    said = [chunk["chunk"] for chunk in told if chunk.get("source") != "tool"]
    assert "".join(said) == words
    ends = here.events(work.run, "TOOL_CALL_END")
    assert [end["toolName"] for end in ends] == ["bash", "complete"]
    assert ends[0]["result"].split()[:40] == [str(number) for number in range(1, 41)]
    assert len(here.server.requests) == 2
    leaves_nothing(here, work.session.pk)


@pytest.mark.parametrize("backend", LOCAL)
def test_a_redis_that_dies_and_forgets_costs_no_result(
    world: Start, backend: str, settings: LazySettings
) -> None:
    """F14: killed in mid-step and back after seconds, empty: account and command are made anew."""
    with own_home() as home:
        first = own_redis(home)
        settings.REDIS_URL = first.__enter__()
        here = world(
            backend,
            [calls("bash", command="sleep 4; echo woke"), calls("complete", summary="after all")],
        )
        work = Background(here, here.run())
        work.until_event("TOOL_CALL_START")
        first.__exit__(None, None, None)
        time.sleep(2)
        with own_redis(home):
            outcome = work.ended(60)
            assert outcome is not None
            assert outcome.succeeded, outcome
            assert outcome.summary == "after all"
            assert len(here.server.requests) == 2


@pytest.mark.bubblewrap
def test_storage_that_goes_under_a_running_step_ends_it(
    world: Start, settings: LazySettings
) -> None:
    here = world("bubblewrap", [calls("bash", command="sleep 300")])
    work = Background(here, here.run())
    work.until_event("TOOL_CALL_START")
    settings.STORAGE_MOUNT = "/nothing/is/mounted/here"
    outcome = work.ended(60)
    assert outcome is not None
    assert outcome.error_code == "storage_unavailable"
    assert outcome.retryable
    leaves_nothing(here, work.session.pk)


@pytest.mark.bubblewrap
def test_a_box_that_hangs_is_ended(world: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alive, and not even its heartbeats come."""
    here = world("bubblewrap", [calls("bash", command="sleep 300")])
    work = Background(here, here.run())
    work.until_event("TOOL_CALL_START")
    session = work.session
    for pid in processes_of(session.pk):
        os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(agent, "SILENCE_S", 2.0)
    outcome = work.ended(60)
    assert outcome is not None
    assert outcome.error_code == "container_crashed"
    assert "has said nothing for 2 seconds" in outcome.error
    leaves_nothing(here, session.pk)
