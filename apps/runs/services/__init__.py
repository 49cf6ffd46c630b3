"""Everything that changes a run. One transaction each; the run's row is locked first."""

from apps.runs.services.checks import check_end, check_start, claim_find, claim_store
from apps.runs.services.claim import (
    step_claim,
    step_events_append,
    step_finishing,
    step_hints_take,
    step_note,
    step_poll,
    step_position,
    step_renew,
    step_running,
    step_session_started,
    step_take,
)
from apps.runs.services.control import (
    approval_decide,
    approval_expire,
    run_cancel,
    run_cancel_overdue,
    run_change,
    run_fail,
    run_pause,
    run_resume,
    step_inject,
)
from apps.runs.services.create import run_create
from apps.runs.services.delete import run_delete, runs_delete, runs_prune
from apps.runs.services.dispatch import run_queued
from apps.runs.services.finish import run_advance, run_unstall, step_aborted, step_finish
from apps.runs.services.foretell import runs_drift, runs_foretell
from apps.runs.services.fork import run_fork
from apps.runs.services.lost import step_hand_over, step_lost, step_stale
from apps.runs.services.outputs import (
    executor_result_put,
    run_knowledge_add,
    run_output_put,
)
from apps.runs.services.park import PARKING, step_park, steps_unpark
from apps.runs.services.restart import run_restart, step_restart
from apps.runs.services.start import (
    run_finalized,
    run_send_start,
    run_start,
    run_workspace_set,
)

__all__ = [
    "PARKING",
    "approval_decide",
    "approval_expire",
    "check_end",
    "check_start",
    "claim_find",
    "claim_store",
    "executor_result_put",
    "run_advance",
    "run_cancel",
    "run_cancel_overdue",
    "run_change",
    "run_create",
    "run_delete",
    "run_fail",
    "run_finalized",
    "run_fork",
    "run_knowledge_add",
    "run_output_put",
    "run_pause",
    "run_queued",
    "run_restart",
    "run_resume",
    "run_send_start",
    "run_start",
    "run_unstall",
    "run_workspace_set",
    "runs_delete",
    "runs_drift",
    "runs_foretell",
    "runs_prune",
    "step_aborted",
    "step_claim",
    "step_events_append",
    "step_finish",
    "step_finishing",
    "step_hand_over",
    "step_hints_take",
    "step_inject",
    "step_lost",
    "step_note",
    "step_poll",
    "step_park",
    "step_position",
    "step_renew",
    "step_restart",
    "step_running",
    "step_session_started",
    "step_stale",
    "step_take",
    "steps_unpark",
]
