"""The usual transitions in one statement each: a step has succeeded, and exactly one other follows
it, or with it the run is complete.

The decision is taken upon a state that the worker kept from its last lock. The statement writes all
or nothing: it starts with the run's row and asks whether its `version` is still the one that the
state was read at, and whether the execution is still held. When it is not, nothing has happened,
and the caller goes the long way (`services.finish`), which writes the very same rows.
"""

import orjson
from django.conf import settings

from apps.core.events import APPEND_PARTS, NewEvent, append_params, appended
from apps.core.prepared import Value, fetch_prepared
from apps.pipelines.decisions import Outcome, QueueStep
from apps.runs import machine
from apps.runs.choices import RunStatus, StepStatus
from apps.runs.claims import StepOutcome
from apps.runs.events import run_event, run_topic, status_event, step_event
from apps.runs.models import RunOutput
from apps.runs.slots import BUSY_AND_WAITING
from apps.runs.state import ExecutionRow, OutputRow, RunState
from apps.runs.variables import step_limits

_HELD = f"{{{','.join(machine.sources(machine.STEP_MOVES, StepStatus.COMPLETED))}}}"

# The own slot is given up and taken again: kept while all who wait would find one beside it.
_SLOT_PART = """
WITH slot AS (
  SELECT NOT %(taken)s OR %(slots)s = 0 OR %(slots)s >= {busy_and_waiting} AS is_free
),
"""
_MINE = """e.id = %(execution)s AND e.fence = %(fence)s AND e.abort_reason = ''
     AND e.status = ANY(%(held)s::text[])"""
# Found by its key: the planner would walk through all running runs for the condition after it.
_THIS_RUN = f"""id = %(run)s AND version = %(version)s AND status || '' = 'running'
     AND EXISTS (SELECT 1 FROM runs_stepexecution e WHERE {_MINE})"""  # noqa: S608  as below
_GOES_ON = f"""
run AS (
  UPDATE runs_run SET version = version + 1, updated_at = clock_timestamp(),
                      current_step_id = %(step)s
   WHERE {_THIS_RUN} AND (SELECT is_free FROM slot)
  RETURNING id, workspace_id
),
"""  # noqa: S608  all parts stand in this file
_IS_COMPLETE = f"""
WITH run AS (
  UPDATE runs_run SET version = version + 1, updated_at = clock_timestamp(),
                      current_step_id = %(step)s, status = 'completed',
                      completed_at = clock_timestamp(), outputs = %(run_outputs)s::jsonb,
                      error_code = '', error = '',
                      finalized_at = CASE WHEN workspace_type = 'none' THEN clock_timestamp() END
   WHERE {_THIS_RUN}
  RETURNING id
),
"""  # noqa: S608  all parts stand in this file
_DONE = f"""
done AS (
  UPDATE runs_stepexecution e
     SET status = 'completed', outputs = %(outputs)s::json::jsonb, result_key = %(result_key)s,
         commit_hash = %(commit_hash)s, model_used = %(model_used)s,
         inputs = e.inputs || %(inputs)s::jsonb, finished_at = clock_timestamp(),
         advanced_at = clock_timestamp(), lease_until = NULL
    FROM run
   WHERE {_MINE}
  RETURNING e.id
), replaced AS (
  UPDATE runs_runoutput o SET current = false
    FROM done WHERE o.run_id = %(run)s AND o.current
     AND o.key IN (SELECT json_object_keys(%(outputs)s))
  RETURNING o.id
), output AS (
  INSERT INTO runs_runoutput (run_id, generation, key, value, step_execution_id, scope,
                              loop_item_id, current)
  SELECT %(run)s, %(generation)s, o.key, o.value, done.id, %(scope)s, %(item)s::bigint, true
    FROM done, json_each_text(%(outputs)s) AS o(key, value),
         (SELECT count(*) FROM replaced) AS before_these
),
"""  # noqa: S608  as above
_NEXT = """
next AS (
  INSERT INTO runs_stepexecution (
      run_id, generation, step_id, visit, attempt, agent_id, status, timeout_s, max_retries,
      loop_item_id, result_retries, queued_after_id, fence, lease_owner, lease_until, base_commit,
      dispatched_at, dispatch_count, inputs, outputs, result_key, error, error_code, retry_count,
      lost_count, repair, repair_for, human_context, model_used, commit_hash, superseded,
      abort_reason, stream_position)
  SELECT %(run)s, %(generation)s, %(next_step)s, %(next_visit)s, 1, %(next_agent)s,
         %(next_status)s, %(next_timeout)s, %(next_max_retries)s, %(next_item)s::bigint,
         %(next_result_retries)s, done.id,
         CASE WHEN %(taken)s THEN nextval('runs_fence_seq') ELSE 0 END, %(owner)s,
         CASE WHEN %(taken)s THEN clock_timestamp() + make_interval(secs => %(lease_s)s) END,
         CASE WHEN %(taken)s THEN coalesce(
           (SELECT head_commit FROM repos_workspace w WHERE w.id = run.workspace_id), '')
         ELSE '' END,
         clock_timestamp(), 0, '{}', '{}', '', '', '', 0,
         0, false, '', '', '', '', false,
         '', '0'
    FROM done, run
  RETURNING id, fence
),
"""
_TRANSITION = " ".join(
    (
        _SLOT_PART.format(busy_and_waiting=BUSY_AND_WAITING.format(before="")),
        _GOES_ON,
        _DONE,
        _NEXT,
        APPEND_PARTS.format(guard="next"),
        "SELECT next.id, next.fence, event.* FROM next, event",
    )
)
_COMPLETION = " ".join(
    (_IS_COMPLETE, _DONE, APPEND_PARTS.format(guard="done"), "SELECT * FROM event")
)


def transition(
    state: RunState,
    row: ExecutionRow,
    *,
    ended: Outcome,
    outcome: StepOutcome,
    result_key: str,
    effect: QueueStep,
    events: list[NewEvent],
    owner: str,
) -> ExecutionRow | None:
    """Complete `row` and queue what `effect` names; with `owner`, take it at once.

    None: not possible any more, and nothing is written. `state` is brought up to date.
    """
    limits = step_limits(state, effect.step_id)
    item = state.item(effect.loop_item) if effect.loop_item else None
    new = ExecutionRow(
        id=0,
        first_id=0,
        step_id=effect.step_id,
        visit=effect.visit,
        attempt=1,
        status=StepStatus.STARTING if owner else StepStatus.QUEUED,
        agent_id=limits.agent_id,
        result_retries=effect.result_retries,
        loop_item_id=item.id if item else None,
        timeout_s=limits.timeout_s,
    )
    queued = step_event("STEP_QUEUED", new, agentId=new.agent_id)
    topic = run_topic(state.id)
    params = {
        **_done_params(state, row, ended, outcome, result_key),
        "agent": row.agent_id,
        "slots": settings.MAX_CONCURRENT_STEPS_PER_AGENT,
        "taken": bool(owner),
        "owner": owner,
        "lease_s": settings.LEASE_S,
        "next_step": new.step_id,
        "next_visit": new.visit,
        "next_agent": new.agent_id,
        "next_status": new.status,
        "next_timeout": new.timeout_s,
        "next_max_retries": limits.max_retries,
        "next_item": new.loop_item_id,
        "next_result_retries": new.result_retries,
        **append_params(topic, [*events, queued], state.id),
    }
    rows = fetch_prepared(_TRANSITION, params)
    if not rows:
        return None
    appended(topic, (each[2:] for each in rows))
    new.id = new.first_id = rows[0][0]
    new.fence = rows[0][1]
    state.version += 1
    state.current_step_id = row.step_id
    row.status = StepStatus.COMPLETED
    for key, value in ended.outputs.items():
        state.outputs[key] = OutputRow(value, state.open_item_id(row))
    state.put(new)
    return new


def completion(
    state: RunState,
    row: ExecutionRow,
    *,
    ended: Outcome,
    outcome: StepOutcome,
    result_key: str,
    events: list[NewEvent],
) -> bool:
    """Complete `row`, the only one that still moved, and with it the run. False: not possible any
    more, and nothing is written. The caller throws `state` away."""
    values = {**state.values(), **ended.outputs}
    told = [
        status_event(RunStatus.COMPLETED, state.status),
        run_event("RUN_COMPLETE", outputs=values),
    ]
    topic = run_topic(state.id)
    params = {
        **_done_params(state, row, ended, outcome, result_key),
        "run_outputs": orjson.dumps(values).decode(),
        **append_params(topic, [*events, *told], state.id),
    }
    rows = fetch_prepared(_COMPLETION, params)
    if rows:
        appended(topic, rows)
    return bool(rows)


def _done_params(
    state: RunState, row: ExecutionRow, ended: Outcome, outcome: StepOutcome, result_key: str
) -> dict[str, Value]:
    """What the parts `run` and `done` want to know."""
    missing = list(outcome.missing_outputs)
    inputs = {"missing_outputs": missing} if missing else {}
    item = state.open_item_id(row)
    return {
        "run": state.id,
        "version": state.version,
        "generation": state.generation,
        "execution": row.id,
        "fence": row.fence,
        "held": _HELD,
        "step": row.step_id,
        "outputs": orjson.dumps(dict(ended.outputs)).decode(),
        "scope": RunOutput.Scope.LOOP_ITEM if item else RunOutput.Scope.RUN,
        "item": item,
        "result_key": result_key,
        "commit_hash": outcome.commit_hash,
        "model_used": outcome.model_used,
        "inputs": orjson.dumps(inputs).decode(),
    }


def is_usual(state: RunState) -> bool:
    """Whether the kept state is of the kind that the statements can carry on."""
    return (
        state.status == RunStatus.RUNNING
        and not state.stopping
        and not state.in_status({StepStatus.QUEUED, StepStatus.PENDING})
        and state.workspace_is_ready
    )
