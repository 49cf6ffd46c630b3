"""The statements of the ledger: each does a whole step of a call in one round trip."""

from apps.core.events import APPEND_PARTS

# What an untyped parameter becomes.
_TYPES = {
    "step_execution_id": "bigint",
    "key_id": "bigint",
    "share_id": "bigint",
    "context_window": "integer",
    "http_status": "smallint",
    "ttft_ms": "integer",
    "retry_at": "timestamptz",
    "cost_input": "numeric",
    "cost_output": "numeric",
    "cost_total": "numeric",
    "reserved_micro": "bigint",
    "reserved_tokens": "bigint",
}

OPENING = (
    *("id", "request_id", "attempt", "fallback_of", "session_id", "run_id", "project_id"),
    *("step_execution_id", "step_id", "agent_id", "user_id", "kind", "provider", "model"),
    *("requested_model", "dialect", "endpoint", "stream", "key_source", "key_id", "key_masked"),
    *("share_id", "thinking_level", "price_version", "cost_approximate", "context_window"),
    *("reserved_micro", "reserved_tokens"),
)
ENDING = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("cost_input", "cost_output", "cost_total", "duration_ms", "ttft_ms", "tries"),
    *("tool_call_count", "has_thinking", "stop_reason", "http_status", "error_class", "retry_at"),
)
# Columns of an open row that an end will say.
_NOT_YET = {
    **dict.fromkeys(
        ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"), "0"
    ),
    **{"duration_ms": "0", "tries": "1", "tool_call_count": "0", "has_thinking": "false"},
    **{"stop_reason": "''", "error_class": "''"},
}


def _value(name: str) -> str:
    kind = _TYPES.get(name)
    return f"%({name})s::{kind}" if kind else f"%({name})s"


def _values(names: tuple[str, ...]) -> str:
    return ", ".join(_value(name) for name in names)


ADMIT = f"""
WITH verdict AS MATERIALIZED (
  SELECT * FROM llm_budget_reserve(
    %(id)s, %(subjects)s, %(asked_model)s, %(reserved_micro)s::bigint,
    %(reserved_tokens)s::bigint, %(lease_s)s::double precision)
), opened AS (
  INSERT INTO llm_llmcall ({", ".join(OPENING)}, {", ".join(_NOT_YET)}, budget_ids)
  SELECT {_values(OPENING)}, {", ".join(_NOT_YET.values())}, verdict.budget_ids
    FROM verdict WHERE verdict.verdict <> 'refused'
) SELECT * FROM verdict
"""  # noqa: S608  all parts stand in this file

_SUMS = """
sums AS (
  INSERT INTO llm_usagetotal AS u
         (kind, ref, calls, failed_calls, input_tokens, output_tokens, cache_read_tokens,
          cache_write_tokens, cost_total, cost_unknown_calls, tool_calls, duration_ms)
  SELECT t.kind, t.ref, ended.is_new, (ended.error_class <> '')::int - 1 + ended.is_new,
         ended.input_tokens, ended.output_tokens, ended.cache_read_tokens,
         ended.cache_write_tokens, ended.cost_total,
         (ended.cost_total IS NULL AND ended.error_class = '')::int, ended.tool_call_count,
         ended.duration_ms
    FROM ended CROSS JOIN LATERAL (VALUES
           ('run', ended.run_id), ('session', ended.session_id),
           ('step', coalesce(ended.step_execution_id::text, ''))) AS t(kind, ref)
   WHERE t.ref <> '' ORDER BY t.kind
  ON CONFLICT (kind, ref) DO UPDATE SET
         calls = u.calls + excluded.calls,
         failed_calls = u.failed_calls + excluded.failed_calls,
         input_tokens = u.input_tokens + excluded.input_tokens,
         output_tokens = u.output_tokens + excluded.output_tokens,
         cache_read_tokens = u.cache_read_tokens + excluded.cache_read_tokens,
         cache_write_tokens = u.cache_write_tokens + excluded.cache_write_tokens,
         cost_total = CASE WHEN excluded.cost_total IS NULL THEN u.cost_total
                           ELSE coalesce(u.cost_total, 0) + excluded.cost_total END,
         cost_unknown_calls = u.cost_unknown_calls + excluded.cost_unknown_calls,
         tool_calls = u.tool_calls + excluded.tool_calls,
         duration_ms = u.duration_ms + excluded.duration_ms
)
"""
_EVENT = APPEND_PARTS.format(guard="ended")
# All agents of an instance share a row of its budgets: it must not be locked while a disk writes.
# `ledger` then waits for the disk without any lock.
_QUICK = "set_config('synchronous_commit', 'off', true) = 'off'"

# `is_new` 0: the sweep had given the call up and counted it as failed.
SETTLE = f"""
WITH open AS (
  SELECT id, CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END AS is_new FROM llm_llmcall
   WHERE id = %(id)s AND (ended_at IS NULL OR error_class = %(lost)s) AND {_QUICK} FOR UPDATE
), ended AS (
  UPDATE llm_llmcall c SET ended_at = clock_timestamp(), rolled_at = NULL,
         {", ".join(f"{name} = {_value(name)}" for name in ENDING)}
    FROM open WHERE c.id = open.id
  RETURNING c.*, open.is_new
), booked AS MATERIALIZED (
  SELECT b.* FROM ended, llm_budget_settle(
    %(id)s, %(booked_micro)s::bigint, %(booked_tokens)s::bigint, %(booked_calls)s::bigint) b
), {_SUMS}, {_EVENT}
SELECT (SELECT jsonb_agg(to_jsonb(booked)) FROM booked), event.* FROM event
"""  # noqa: S608  all parts stand in this file

# A row written at once, for a request that was never sent.
WRITE = f"""
WITH ended AS (
  INSERT INTO llm_llmcall ({", ".join((*OPENING, *ENDING))}, budget_ids, ended_at)
  SELECT {_values((*OPENING, *ENDING))}, '{{}}'::varchar[], clock_timestamp()
   WHERE {_QUICK}
  ON CONFLICT (id) DO NOTHING
  RETURNING llm_llmcall.*, 1 AS is_new
), {_SUMS}, {_EVENT}
SELECT NULL::jsonb, event.* FROM event
"""  # noqa: S608  all parts stand in this file
