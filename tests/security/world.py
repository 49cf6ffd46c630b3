"""Three people, each with one of everything that somebody can own, marked with a word of its own.

Whoever meets another's word has seen what is not theirs.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.utils import timezone

from apps.accounts.models import ApiKey, DataExport, User
from apps.accounts.services import api_key_create, session_token_create, user_create
from apps.accounts.services.personal import export_make
from apps.core.events import NewEvent, events_append
from apps.evals.models import Case, Evaluation, EvaluationRun
from apps.llm.models import Budget, LlmCall, ProviderConfig
from apps.llm.services import key_set
from apps.llm.usage.rollup import usage_roll_up
from apps.notifications.models import Notification, Webhook
from apps.repos.models import Workspace
from apps.runs.models import (
    Approval,
    LoopItem,
    LoopState,
    Run,
    RunKnowledge,
    RunOutput,
    StepCheck,
    StepExecution,
)
from apps.secrets.services import secret_create
from apps.sessions.models import AgentSession, ContainerInstance, EgressRecord
from tests.apps.repos.conftest import git, make_repository
from tests.support.runs import make_agents, make_run

AGENT = "finn"
STEP = "BUILD"
PASSWORD = "correct horse battery"
EVERY_SCOPE = ["read", "write", "chat", "runs", "usage:read"]


@dataclass(frozen=True, kw_only=True)
class Person:
    user: User
    word: str  # stands in every text that is theirs
    ids: dict[str, str]  # by the name of a path parameter: `run_id`, `session_id`, …
    key: str  # an API key with every scope the person may have
    session_token: str  # of the agent that works for them

    @property
    def private(self) -> frozenset[str]:
        """What only they may meet: their word, and the ids of what they own."""
        return frozenset({self.word, *(self.ids[name] for name in OWNED)})


# Path parameters that name something a person owns; the others name what all may see.
OWNED = (
    *("run_id", "session_id", "approval_id", "call_id", "case_id", "evaluation_id"),
    *("secret_id", "notification_id", "webhook_id"),
)


@dataclass(kw_only=True)
class World:
    people: dict[str, Person] = field(default_factory=dict)
    root: Path

    def __getitem__(self, name: str) -> Person:
        return self.people[name]


def make_world(root: Path) -> World:
    """An owner `root`, the members `ada` and `bob`, the viewer `vic`."""
    world = World(root=root)
    make_agents(AGENT, "dev")
    # Nobody is asked from here for what a key is good for.
    ProviderConfig.objects.create(
        id="openai", kind="builtin", base_url="http://127.0.0.1:1/v1", allow_private=True
    )
    for name, role in (("root", "owner"), ("ada", "member"), ("bob", "member"), ("vic", "viewer")):
        world.people[name] = _person(name, role, root)
    usage_roll_up()
    return world


def _person(name: str, role: str, root: Path) -> Person:
    word = f"word-of-{name}-4711"
    user = user_create(email=f"{name}@example.org", by=None, role=role, password=PASSWORD)
    key = api_key_create(user, word, sorted(user.scope_ceiling))
    run = _run(user, word)
    execution = _execution(run, word)
    session = _session(run, execution, user, word)
    ids = {
        "run_id": run.id,
        "step_id": STEP,
        "session_id": session.id,
        "agent_id": AGENT,
        "pipeline_id": "test-simple",
        "user_id": user.pk,
        "key_id": ApiKey.objects.get(user=user).prefix,
        "container_id": str(_box(session, word).pk),
        "approval_id": _approval(run, execution, word).pk,
        "call_id": _call(run, session, user, word).pk,
        **_evaluation(run, user, word),
        "budget_id": _budget(user).pk,
        "commit": _workspace(run, root / name, word),
        "path": f"{word}.txt",
        "provider_id": "openai",
        "project_id": word,
        "task_id": word,
        "name": "SOUL.md",
        "tool_name": "read",
        **_secret(user, word),
        **_notification(user, word),
        "model": "gpt-4o",
        "export_id": _export(user).pk,
    }
    _provider_key(user, word)
    token = session_token_create(
        session.id, AGENT, run_id=run.id, user=user, grants={"scopes": EVERY_SCOPE, "models": ["*"]}
    )
    return Person(user=user, word=word, ids=ids, key=key, session_token=token)


def _export(user: User) -> DataExport:
    """Of the account alone, as it is so far."""
    row = DataExport.objects.create(user=user)
    export_make(row.pk)
    return row


def _run(user: User, word: str) -> Run:
    run = make_run(
        [{"id": STEP, "agent": AGENT, "input": "Do it."}],
        user=user,
        task=f"Task {word}",
        variables={"note": word},
        project_id=word,
        task_id=word,
        workspace_type="git_worktree",
        human_context=word,
    )
    events_append(
        f"run:{run.id}",
        [NewEvent(type="STEP_OUTPUT", payload={"chunk": word}, step_id=STEP)],
        run_id=run.id,
    )
    RunKnowledge.objects.create(run=run, agent_id=AGENT, category="pattern", content=word)
    return run


def _execution(run: Run, word: str) -> StepExecution:
    execution = StepExecution.objects.create(
        run=run, step_id=STEP, agent_id=AGENT, status="running", outputs={"note": word},
        human_context=word, error=word, started_at=timezone.now(),
    )  # fmt: skip
    StepCheck.objects.create(
        step_execution=execution, index=0, name=word, command=word, verdict="passed", output=word
    )
    loop = LoopState.objects.create(run=run, step_id=STEP)
    LoopItem.objects.create(loop=loop, index=0, data=word)
    RunOutput.objects.create(run=run, key="note", value=word, step_execution=execution)
    return execution


def _session(run: Run, execution: StepExecution, user: User, word: str) -> AgentSession:
    session = AgentSession.objects.create(
        source="pipeline", source_id=str(execution.pk), agent_id=AGENT, run_id=run.id,
        step_id=STEP, user=user, status="running", model="scripted/test", system_prompt=word,
        user_prompt=word, output=word, error=word, started_at=timezone.now(),
    )  # fmt: skip
    StepExecution.objects.filter(pk=execution.pk).update(session=session)
    EgressRecord.objects.create(
        session=session, host=f"{word}.example", port=443, verdict="allowed"
    )
    events_append(
        f"run:{run.id}",
        [NewEvent(type="STEP_OUTPUT", payload={"chunk": word}, session_id=session.id)],
        run_id=run.id,
    )
    return session


def _box(session: AgentSession, word: str) -> ContainerInstance:
    return ContainerInstance.objects.create(
        session=session, backend="bubblewrap", name=word, status="ready", log_tail=word, node=word
    )


def _approval(run: Run, execution: StepExecution, word: str) -> Approval:
    return Approval.objects.create(
        run=run, step_execution=execution, text=word, comment=word,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip


def _call(run: Run, session: AgentSession, user: User, word: str) -> LlmCall:
    return LlmCall.objects.create(
        session_id=session.id, run_id=run.id, step_id=STEP, agent_id=AGENT, user_id=user.pk,
        project_id=word, provider="scripted", model=word, dialect="openai", input_tokens=7,
        output_tokens=5, cost_total=Decimal("0.01"), error_class=word, ended_at=timezone.now(),
    )  # fmt: skip


def _evaluation(run: Run, user: User, word: str) -> dict[str, str]:
    case = Case.objects.create(
        name=word, source_run_id=run.id, pipeline_id=run.pipeline_id, snapshot=run.snapshot,
        task_description=word, workspace_type="none", status="completed", outputs={"note": word},
        created_by_id=user.pk,
    )  # fmt: skip
    evaluation = Evaluation.objects.create(mode="replay", created_by_id=user.pk)
    EvaluationRun.objects.create(evaluation=evaluation, case=case, run=run)
    return {"case_id": case.pk, "evaluation_id": evaluation.pk}


def _budget(user: User) -> Budget:
    return Budget.objects.create(
        scope="user", ref=user.pk, window="month", hard_micro=1_000_000, soft_micro=500_000
    )


def _secret(user: User, word: str) -> dict[str, str]:
    secret = secret_create(
        by=user, name=word, type="env", env_key="API_TOKEN", value=f"value-{word}", reveal=True
    )
    return {"secret_id": secret.pk}


def _notification(user: User, word: str) -> dict[str, str]:
    made = Notification.objects.create(
        kind="run.failed", level="error", title=word, body=word, user=user
    )
    webhook = Webhook.objects.create(user=user, name=word, url=f"https://{word}.example/")
    return {"notification_id": made.pk, "webhook_id": webhook.pk}


def _provider_key(user: User, word: str) -> None:
    key_set(provider_id="openai", secret=f"sk-{word}", by=user, user=user)


def _workspace(run: Run, place: Path, word: str) -> str:
    """A repository with one file of theirs. The commit of that file."""
    tree = make_repository(place / "tree")
    (tree / f"{word}.txt").write_text(f"{word}\n")
    git(tree, "checkout", "-qb", f"run-{word}")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", f"Add {word}.")
    base = git(tree, "rev-parse", "main")
    head = git(tree, "rev-parse", "HEAD")
    workspace = Workspace.objects.create(
        kind="git_worktree", repository=str(tree), project_id=word, run_id=run.id, path=str(tree),
        mirror_path=str(tree / ".git"), branch=f"run-{word}", base_commit=base, head_commit=head,
        status="ready",
    )  # fmt: skip
    Run.objects.filter(pk=run.pk).update(workspace=workspace, repository=str(tree))
    return head
