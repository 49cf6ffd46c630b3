"""The box of a session as the run tells of it: made ahead, stopped by its limits."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from apps.repos.models import Workspace
from apps.runs.errors import STEP_ERROR_CODES
from apps.runs.models import StepExecution
from apps.sessions.models import AgentSession, ContainerInstance
from tests.apps.repos.conftest import git
from tests.support.boxes import BACKENDS, ISOLATED, mounts_of
from tests.support.live import eventually
from tests.support.model_server import calls
from tests.workers.agent.conftest import AGENT, Start
from tests.workers.agent.test_faults import leaves_nothing
from workers.engine.boxes import chosen, warm_up
from workers.engine.reaper import reap_boxes
from workers.runners.docker import DockerRunner
from workers.runners.mounts import mounting_unavailable


@pytest.mark.docker
@pytest.mark.skipif(bool(mounting_unavailable()), reason=mounting_unavailable())
def test_a_session_gets_a_container_that_waits(world: Start) -> None:
    here = world(
        "docker",
        [
            calls("bash", command="pwd && git status --short && echo kept > ~/kept && ls src"),
            calls("edit", path="src/stock.py", oldText="return 1", newText="return 2"),
            calls("complete", summary="Count two"),
        ],
    )
    reap_boxes()  # what installs of an hour ago left on this host
    warm_up()
    runner = chosen().runner
    assert isinstance(runner, DockerRunner)
    eventually(runner.waiting, timeout_s=60)
    assert reap_boxes() == 0, "the reaper leaves alone what waits"
    run = here.run()
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    assert outcome.commit_hash
    session = AgentSession.objects.get(run_id=run.pk)
    (end, *_) = here.events(run, "TOOL_CALL_END")
    assert "/home/agent/run-workspace" in end["result"]
    assert "stock.py" in end["result"]
    container = ContainerInstance.objects.get(session=session)
    assert "the runtime waits" in container.log_tail, "it was made ahead"
    assert (here.home / "sandboxes" / "yukihiro" / "kept").read_text() == "kept\n"
    leaves_nothing(here, session.pk)
    assert not mounts_of("run-workspace")


@pytest.mark.parametrize("backend", ISOLATED)
def test_the_projects_git_cannot_be_written_nor_made_to_run_anything(
    world: Start, backend: str, tmp_path: Path
) -> None:
    """Its own repository is the agent's affair; nothing of it runs when the platform commits."""
    canary = tmp_path / "canary"
    evil = f"#!/bin/sh\ntouch {canary}\n"
    plant = (
        "objects=$(cat $(git rev-parse --git-dir)/objects/info/alternates | tail -n 1);"
        " mirror=$(dirname $objects); common=$(git rev-parse --git-common-dir);"
        " for place in $mirror/hooks $objects $mirror $common/hooks; do mkdir -p $place;"
        f" printf '{evil}' > $place/post-commit; chmod +x $place/post-commit;"
        " cp $place/post-commit $place/pre-commit; done;"
        " echo '[core] bare = false' >> $mirror/config; rm -rf $objects/pack $mirror/refs;"
        f" git config core.hooksPath $common/hooks; git config core.fsmonitor 'touch {canary}';"
        f" git config filter.evil.clean 'touch {canary}'; echo '* filter=evil' > .gitattributes;"
        " ln -s /etc/passwd stolen; echo done >> src/stock.py"
    )
    here = world(backend, [calls("bash", command=plant), calls("complete", summary="Planted")])
    run = here.run()
    workspace = Workspace.objects.get(run_id=run.pk)
    mirror = Path(workspace.mirror_path)
    kept = [
        mirror / "config",
        mirror / "HEAD",
        *mirror.glob("hooks/*"),
        *mirror.glob("objects/*/*"),
    ]
    before = {path: path.read_bytes() for path in kept}
    assert len(before) > 2
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    assert outcome.commit_hash
    assert not canary.exists()
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in mirror.rglob("*-commit") if path.read_text() == evil]
    shown = git(here.repository, "--git-dir", str(mirror), "show", f"{outcome.commit_hash}:stolen")
    assert shown == "/etc/passwd", "a link is kept as a link"


@pytest.mark.parametrize("backend", ISOLATED)
def test_limits_that_bite_are_told_of_while_the_agent_goes_on(world: Start, backend: str) -> None:
    """S06"""
    forks = "for i in $(seq 200); do sleep 5 & done 2>/dev/null; sleep 2; kill $(jobs -p); wait"
    heap = "python3 -c 'b=[]\nwhile True: b.append(bytearray(4<<20))'"
    here = world(
        backend,
        [
            calls("bash", command=f"bash -c '{forks}'; echo went on"),
            calls("bash", command=f"echo 1000 > /proc/self/oom_score_adj; {heap}; sleep 2"),
            calls("complete", summary="alive"),
        ],
        BOX_PIDS=60,
        BOX_MEMORY_MB=400,
    )
    run = here.run()
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    told = {event["limit"]: event["count"] for event in here.events(run, "CONTAINER_LIMIT")}
    assert set(told) == {"pids", "memory"}
    assert min(told.values()) >= 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_box_that_fills_the_disk_is_stopped(world: Start, backend: str) -> None:
    fill = "while :; do n=$((n+1)); head -c 8M /dev/zero > fill.$n; sleep 0.1; done"
    here = world(backend, [calls("bash", command=f"cd ~; {fill}")], BOX_DISK_MB=64)
    run = here.run()
    outcome = here.execute(run)
    assert outcome.error_code == "container_disk_full", outcome
    assert not outcome.retryable
    (hit,) = here.events(run, "CONTAINER_LIMIT")
    assert (hit["limit"], hit["count"]) == ("disk", 1)
    session = AgentSession.objects.get(run_id=run.pk)
    leaves_nothing(here, session.pk)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_home_that_outgrows_its_quota_stops_the_step(world: Start, backend: str) -> None:
    fill = "while :; do n=$((n+1)); head -c 8M /dev/zero > fill.$n; sleep 0.1; done"
    here = world(backend, [calls("bash", command=f"cd ~; {fill}")], SANDBOX_QUOTA_MB=48)
    run = here.run()
    outcome = here.execute(run)
    assert (outcome.error_code, outcome.retryable) == ("sandbox_quota_exceeded", False), outcome
    assert "yukihiro" in outcome.error
    assert "48 MB" in outcome.error
    assert STEP_ERROR_CODES[outcome.error_code].remedy
    (hit,) = here.events(run, "CONTAINER_LIMIT")
    assert (hit["limit"], hit["count"]) == ("quota", 1)
    leaves_nothing(here, AgentSession.objects.get(run_id=run.pk).pk)


def test_a_home_over_its_quota_takes_no_further_step(world: Start) -> None:
    answers = [calls("bash", command="sleep 60"), calls("complete", summary="room")]
    here = world("process", answers, SANDBOX_QUOTA_MB=8)
    home = here.home / "sandboxes" / AGENT
    home.mkdir(parents=True)
    (home / "old").write_bytes(bytes(9 * 2**20))
    run = here.run()
    assert here.execute(run).error_code == "sandbox_quota_exceeded"
    StepExecution.objects.filter(run=run).update(status="failed")
    (home / "old").unlink()
    assert here.execute(here.run()).succeeded


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_file_cannot_be_larger_than_the_box_may_write(world: Start, backend: str) -> None:
    here = world(
        backend,
        [
            calls("bash", command="head -c 100M /dev/zero > big; ls -l big"),
            calls("complete", summary="tried"),
        ],
        BOX_DISK_MB=64,
    )
    run = here.run()
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    (end, *_) = here.events(run, "TOOL_CALL_END")
    assert str(64 * 2**20) in end["result"]


_SOCKET = "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"{}\"); {}'"
_ASK = 's.send(b"{}\\r\\n"); a = s.recv(99); print(a); raise SystemExit(a[:1] == b"-")'


@pytest.mark.parametrize("backend", ISOLATED)
def test_each_attempt_to_get_out_is_refused_and_told_of(
    world: Start, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an agent tries stands in its run as a tool call that failed."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    (tmp_path / "canary").write_text("canary-of-the-host")
    redis_url = urlsplit(settings.REDIS_URL)
    redis_socket = f"/run/djinnbot/redis/{Path(redis_url.path).name}"
    database = settings.DATABASES["default"]
    home = Path(settings.DATA_ROOT)
    attempts = {
        "the host's files": f"cat {tmp_path}/canary",
        "the host's passwords": "cat /etc/shadow",
        "the platform's data": f"ls {home}/sandboxes {home}/runs",
        "another sandbox": f"cat {home}/sandboxes/grace/notes",
        "another's home by a link": f"ln -s {home}/sandboxes/grace ~/grace && cat ~/grace/notes",
        "the host by a link": f"ln -sfn {tmp_path} ~/out && cat ~/out/canary",
        "another session's stream": _SOCKET.format(
            redis_socket, _ASK.format("XREAD STREAMS djinnbot:s:ses_other:out 0")
        ),
        "Redis": _SOCKET.format(redis_socket, _ASK.format("GET celery")),
        "PostgreSQL": _SOCKET.format(f"{database['HOST']}/.s.PGSQL.{database['PORT']}", ""),
        "PostgreSQL by TCP": 'python3 -c \'import socket; socket.create_connection(("127.0.0.1",'
        f" {database['PORT'] or 5432}), 3)'",
        "the provider's key": 'grep -qa canary-key /proc/*/environ; test -n "$OPENAI_API_KEY"',
        "the project's git": "cd $(git rev-parse --git-dir)/objects/info;"
        " touch $(tail -n 1 alternates)/x",
        "the network": "curl -sS -m 5 --noproxy '*' http://93.184.216.34/?canary",
        "metadata": "curl -sS -m 5 --noproxy '*' http://169.254.169.254/",
        "a mount": "unshare --map-root-user --mount true",
    }
    grace = home / "sandboxes" / "grace"
    grace.mkdir(parents=True, exist_ok=True)
    (grace / "notes").write_text("canary-of-another")
    grace.chmod(0o755)
    tries = [calls("bash", command=command) for command in attempts.values()]
    here = world(backend, [*tries, calls("complete", summary="Tried")])
    here.redis.xadd("djinnbot:s:ses_other:out", {"data": "canary-of-a-stream"})
    here.redis.set("celery", "canary-of-redis")
    run = here.run()
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    told = [e for e in here.events(run, "TOOL_CALL_END") if e["toolName"] == "bash"]
    assert len(told) == len(attempts)
    allowed = {n: e["result"] for n, e in zip(attempts, told, strict=True) if not e["isError"]}
    assert allowed == {}
    assert "canary-of" not in str([e["result"] for e in told])
