"""A step from its claim to its outcome, in a box of each kind."""

import pytest

from apps.accounts.models import SessionToken
from apps.repos.models import Workspace
from apps.sessions.models import AgentSession, ContainerInstance
from tests.apps.repos.conftest import git
from tests.support.boxes import (
    BACKENDS,
    accounts_of,
    cgroups_of,
    kept_by_launcher,
    mounts_of,
    processes_of,
)
from tests.support.model_server import Answer, calls, says
from tests.workers.agent.conftest import Start


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_works_commits_and_leaves_nothing(world: Start, backend: str) -> None:
    here = world(
        backend,
        [
            Answer(text="Reading first.", tools=[("read", {"path": "src/stock.py"})]),
            calls("edit", path="src/stock.py", oldText="return 1", newText="return 2"),
            calls("bash", command="git diff --stat && git log --oneline -1 && git status --short"),
            calls("complete", outputs={"result": "APPROVED"}, summary="Count two"),
        ],
    )
    run = here.run(steps=[{"id": "BUILD", "outputs": ["result"]}])
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    assert outcome.outputs == {"result": "APPROVED"}
    assert not outcome.missing_outputs

    # It is committed on the run's branch, by the agent.
    workspace = Workspace.objects.get(run_id=run.pk)
    shown = git(here.repository, "--git-dir", workspace.mirror_path, "show", outcome.commit_hash)
    assert "step/BUILD (yukihiro): Count two" in shown
    assert "+    return 2" in shown

    # It was told as it happened.
    ends = here.events(run, "TOOL_CALL_END")
    assert [end["toolName"] for end in ends] == ["read", "edit", "bash", "complete"]
    assert not any(end["isError"] for end in ends), ends
    bash = ends[2]["result"]
    assert "src/stock.py | 2 +-" in bash
    assert "Start." in bash
    text = here.events(run, "STEP_OUTPUT")
    assert "".join(e["chunk"] for e in text if "source" not in e) == "Reading first."
    boxes = [e["type"] for e in here.events(run) if e["type"].startswith("CONTAINER_")]
    assert boxes == [
        "CONTAINER_CREATED", "CONTAINER_STARTING", "CONTAINER_READY", "CONTAINER_DESTROYED",
    ]  # fmt: skip

    # The session is over, and nothing of it is left.
    session = AgentSession.objects.get(run_id=run.pk)
    assert session.status == AgentSession.Status.COMPLETED
    assert session.user_prompt
    assert session.system_prompt
    container = ContainerInstance.objects.get(session=session)
    assert (container.backend, container.status) == (backend, "stopped")
    token = SessionToken.objects.get(session_id=session.pk)
    assert token.revoked_at
    assert token.scope_set == {"chat", "read", "write"}
    assert not accounts_of(here.redis, session.pk)
    assert not processes_of(session.pk)
    assert not kept_by_launcher()
    assert not mounts_of(session.pk)
    assert not cgroups_of(session.pk)
    assert not list((here.home / "boxes").glob("*"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_agent_that_says_no_more_than_text_has_not_completed(world: Start, backend: str) -> None:
    here = world(backend, [says("I am done.")] * 4)
    run = here.run(steps=[{"id": "BUILD", "outputs": ["result"]}])
    outcome = here.execute(run)
    assert not outcome.succeeded
    assert outcome.error_code == "no_completion"
    assert "result" in outcome.error


def test_a_server_behind_tls_is_reached_by_its_socket_without(world: Start) -> None:
    """TLS ends at the proxy; the socket leads past it."""
    here = world(
        "process", [calls("complete", summary="heard")], BASE_URL="https://agents.example.org"
    )
    outcome = here.execute(here.run())
    assert (outcome.succeeded, outcome.summary) == (True, "heard"), outcome
    headers = {name.lower(): value for name, value in here.server.headers[0].items()}
    assert headers["host"] == "agents.example.org"
