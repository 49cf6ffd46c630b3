"""Budgets that every install begins with, and the sums of calls that are in the log already."""

from django.db import migrations

EARLIER = """
UPDATE llm_llmcall SET ended_at = created_at + duration_ms * interval '1 ms' WHERE ended_at IS NULL;
INSERT INTO llm_usagetotal (kind, ref, calls, failed_calls, input_tokens, output_tokens,
       cache_read_tokens, cache_write_tokens, cost_total, cost_unknown_calls, tool_calls,
       duration_ms)
SELECT t.kind, t.ref, count(*), count(*) FILTER (WHERE c.error_class <> ''), sum(c.input_tokens),
       sum(c.output_tokens), sum(c.cache_read_tokens), sum(c.cache_write_tokens),
       sum(c.cost_total), count(*) FILTER (WHERE c.cost_total IS NULL AND c.error_class = ''),
       sum(c.tool_call_count), sum(c.duration_ms)
  FROM llm_llmcall c CROSS JOIN LATERAL (VALUES
       ('run', c.run_id), ('session', c.session_id),
       ('step', coalesce(c.step_execution_id::text, ''))) AS t(kind, ref)
 WHERE t.ref <> '' GROUP BY t.kind, t.ref;
"""
RUN_LIMIT_MICRO = 10_000_000
DAY_LIMIT_MICRO = 100_000_000


def first_budgets(apps, schema_editor):
    budgets = apps.get_model("llm", "Budget")
    for id, scope, window, limit in (
        ("bgt_each_run", "run", "total", RUN_LIMIT_MICRO),
        ("bgt_instance_day", "instance", "day", DAY_LIMIT_MICRO),
    ):
        budgets.objects.get_or_create(
            scope=scope, ref="", window=window, defaults={"id": id, "hard_micro": limit}
        )


class Migration(migrations.Migration):
    dependencies = [("llm", "0004_budget_functions")]

    operations = [
        migrations.RunSQL(EARLIER, migrations.RunSQL.noop),
        migrations.RunPython(first_budgets, migrations.RunPython.noop),
    ]
