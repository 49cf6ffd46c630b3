"""Every pair of states: moves of the table happen, all others do not."""

import itertools

import pytest

from apps.runs import machine
from apps.runs.choices import ApprovalStatus, LoopItemStatus, RunStatus, StepStatus
from apps.runs.models import Approval, LoopItem, LoopState, Run, StepExecution
from tests.support.runs import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    return make_run([{"id": "A"}])


@pytest.mark.parametrize(("source", "to"), list(itertools.product(RunStatus, RunStatus)))
def test_run(run: Run, source: RunStatus, to: RunStatus) -> None:
    Run.objects.filter(id=run.id).update(status=source)
    moved = machine.run_move(run.id, to=to)
    run.refresh_from_db()
    assert moved == (to in machine.RUN_MOVES[source])
    assert run.status == (to if moved else source)


@pytest.mark.parametrize(("source", "to"), list(itertools.product(StepStatus, StepStatus)))
def test_step(run: Run, source: StepStatus, to: StepStatus) -> None:
    execution = StepExecution.objects.create(run=run, step_id="A", agent_id="dev", status=source)
    moved = machine.step_move(execution.pk, to=to)
    execution.refresh_from_db()
    assert moved == (to in machine.STEP_MOVES[source])
    assert execution.status == (to if moved else source)


@pytest.mark.parametrize(("source", "to"), list(itertools.product(LoopItemStatus, LoopItemStatus)))
def test_item(run: Run, source: LoopItemStatus, to: LoopItemStatus) -> None:
    loop = LoopState.objects.create(run=run, step_id="A")
    item = LoopItem.objects.create(loop=loop, index=0, data="x", status=source)
    moved = machine.items_move(LoopItem.objects.filter(pk=item.pk), to=to)
    item.refresh_from_db()
    assert moved == (to in machine.ITEM_MOVES[source])
    assert item.status == (to if moved else source)


@pytest.mark.parametrize(("source", "to"), list(itertools.product(ApprovalStatus, ApprovalStatus)))
def test_approval(run: Run, source: ApprovalStatus, to: ApprovalStatus) -> None:
    execution = StepExecution.objects.create(run=run, step_id="A", agent_id="dev")
    approval = Approval.objects.create(
        run=run,
        step_execution=execution,
        text="?",
        status=source,
        expires_at=machine.ClockTimestamp(),
    )
    moved = machine.approvals_move(Approval.objects.filter(pk=approval.pk), to=to)
    approval.refresh_from_db()
    assert moved == (to in machine.APPROVAL_MOVES[source])
    assert approval.status == (to if moved else source)


def test_a_stale_holder_moves_nothing(run: Run) -> None:
    execution = StepExecution.objects.create(
        run=run, step_id="A", agent_id="dev", status=StepStatus.RUNNING, fence=7
    )
    assert not machine.step_move(execution.pk, to=StepStatus.COMPLETED, held_by=6)
    assert machine.step_move(execution.pk, to=StepStatus.COMPLETED, held_by=7)


def test_ends_are_ends_but_for_people() -> None:
    for status in StepStatus:
        ended = not machine.STEP_MOVES[status]
        assert ended == (status in {"completed", "failed", "cancelled", "lost", "skipped"})
