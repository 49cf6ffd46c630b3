"""States of runs, step executions, loops and approvals, and sets of them that mean something."""

from django.db.models import TextChoices


class RunKind(TextChoices):
    PIPELINE = "pipeline"
    EXECUTOR = "executor"
    APPROACH = "approach"
    PLANNING = "planning"
    RESOLVE = "resolve"
    IMPORT = "import"


class RunStatus(TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    WAITING_HUMAN = "waiting_human"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    FAILED = "failed"


RUN_TERMINAL = frozenset({RunStatus.CANCELLED, RunStatus.COMPLETED, RunStatus.FAILED})
RUN_ACTIVE = frozenset(RunStatus) - RUN_TERMINAL


class StepStatus(TextChoices):
    PENDING = "pending"  # waits for an approval
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHING = "finishing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"


STEP_HELD = frozenset({StepStatus.STARTING, StepStatus.RUNNING, StepStatus.FINISHING})
STEP_ACTIVE = STEP_HELD | {StepStatus.PENDING, StepStatus.QUEUED}
STEP_TERMINAL = frozenset(StepStatus) - STEP_ACTIVE


class CheckVerdict(TextChoices):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    ERROR = "error"  # it could not be run; that is not the agent's fault
    CANCELLED = "cancelled"


class AbortReason(TextChoices):
    """Why a held step must stop, asked of its worker through the execution's row."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESTART = "restart"


class LoopItemStatus(TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class LoopItemKind(TextChoices):
    ITEM = "item"
    REWORK = "rework"


class ApprovalStatus(TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


# How the list of runs may be ordered; a minus means the highest first.
RUN_ORDERS = ("-created_at", "created_at", "-updated_at", "updated_at")
