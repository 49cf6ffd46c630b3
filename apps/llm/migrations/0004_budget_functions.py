"""The accounting of budgets, as functions: a reservation over all scopes is one round trip.

Locks: counters in the order (scope, window, subject, window_start), which each function keeps; a
hold's own row before them. A call's row and its events are locked before either.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION llm_window_start(kind text, moment timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT CASE kind WHEN 'total' THEN timestamptz 'epoch' ELSE date_trunc(kind, moment, 'UTC') END
$$;

CREATE FUNCTION llm_budget_counter(
  in_scope text, in_subject text, in_window text, starts timestamptz)
RETURNS llm_budgetcounter LANGUAGE plpgsql AS $$
DECLARE
  c llm_budgetcounter;
  of_scope text := CASE in_scope WHEN 'instance' THEN ''
                                 ELSE format('%I = $1 AND', in_scope || '_id') END;
BEGIN
  LOOP
    SELECT * INTO c FROM llm_budgetcounter k
     WHERE k.scope = in_scope AND k.subject = in_subject AND k."window" = in_window
       AND k.window_start = starts
       FOR UPDATE;
    EXIT WHEN FOUND;
    EXECUTE format($sql$
      INSERT INTO llm_budgetcounter (scope, subject, "window", window_start, spent_micro,
                                     spent_tokens, spent_calls, held_micro, held_tokens,
                                     held_calls, told_percent)
      SELECT $2, $1, $3, $4, coalesce(ceil(sum(cost_total) * 1000000), 0),
             coalesce(sum(input_tokens::bigint + output_tokens + cache_read_tokens
                          + cache_write_tokens), 0),
             count(*) FILTER (WHERE error_class = ''), 0, 0, 0, 0
        FROM llm_llmcall WHERE %s created_at >= $4 AND ended_at IS NOT NULL
      ON CONFLICT DO NOTHING $sql$, of_scope)
    USING in_subject, in_scope, in_window, starts;
  END LOOP;
  RETURN c;
END $$;

CREATE FUNCTION llm_budget_reserve(
  in_call text, subjects jsonb, in_model text, in_micro bigint, in_tokens bigint,
  lease_s double precision,
  OUT verdict text, OUT budget_ids varchar[], OUT budget_id text, OUT scope text, OUT subject text,
  OUT window_kind text, OUT measure text, OUT hard bigint, OUT used bigint, OUT held bigint,
  OUT wanted bigint, OUT window_end timestamptz, OUT downgrade_model text, OUT is_first boolean)
LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  b record;
  c llm_budgetcounter;
  stopped llm_budgetcounter;
  locked bigint[] := '{}';
  cheaper boolean;
  over text;
  found_verdict text;
BEGIN
  -- A hold that a crash of the database forgets is worth less than waiting for the disk.
  PERFORM set_config('synchronous_commit', 'off', true);
  verdict := 'admitted';
  budget_ids := '{}';
  FOR b IN
    SELECT DISTINCT ON (l.scope, l."window") l.*, s.value AS subject_is,
           llm_window_start(l."window", now_at) AS starts
      FROM llm_budget l JOIN jsonb_each_text(subjects) s ON s.key = l.scope
     WHERE l.enabled AND l.ref IN ('', s.value)
     ORDER BY l.scope, l."window", l.ref DESC
  LOOP
    c := llm_budget_counter(b.scope, b.subject_is, b."window", b.starts);
    locked := locked || c.id;
    budget_ids := budget_ids || b.id;
    cheaper := b.action = 'downgrade' AND in_model <> b.downgrade_model;
    over := CASE
      WHEN in_micro > 0 AND c.spent_micro + c.held_micro + in_micro
           > CASE WHEN cheaper THEN least(b.soft_micro, b.hard_micro) ELSE b.hard_micro END
        THEN 'cost'
      WHEN c.spent_tokens + c.held_tokens + in_tokens
           > CASE WHEN cheaper THEN least(b.soft_tokens, b.hard_tokens) ELSE b.hard_tokens END
        THEN 'tokens'
      WHEN c.spent_calls + c.held_calls + 1
           > CASE WHEN cheaper THEN least(b.soft_calls, b.hard_calls) ELSE b.hard_calls END
        THEN 'calls'
    END;
    CONTINUE WHEN over IS NULL;
    found_verdict := CASE WHEN cheaper THEN 'downgrade' WHEN b.action = 'warn' THEN 'warned'
                          ELSE 'refused' END;
    CONTINUE WHEN array_position(ARRAY['admitted', 'warned', 'downgrade', 'refused'], found_verdict)
               <= array_position(ARRAY['admitted', 'warned', 'downgrade', 'refused'], verdict);
    verdict := found_verdict;
    stopped := c;
    budget_id := b.id; scope := b.scope; subject := b.subject_is; window_kind := b."window";
    measure := over; downgrade_model := b.downgrade_model; is_first := c.refused_at IS NULL;
    hard := CASE over WHEN 'cost' THEN b.hard_micro WHEN 'tokens' THEN b.hard_tokens
                      ELSE b.hard_calls END;
    used := CASE over WHEN 'cost' THEN c.spent_micro WHEN 'tokens' THEN c.spent_tokens
                      ELSE c.spent_calls END;
    held := CASE over WHEN 'cost' THEN c.held_micro WHEN 'tokens' THEN c.held_tokens
                      ELSE c.held_calls END;
    wanted := CASE over WHEN 'cost' THEN in_micro WHEN 'tokens' THEN in_tokens ELSE 1 END;
    window_end := CASE b."window" WHEN 'total' THEN NULL
                       ELSE b.starts + ('1 ' || b."window")::interval END;
  END LOOP;
  IF is_first THEN
    UPDATE llm_budgetcounter k SET refused_at = now_at WHERE k.id = stopped.id;
  END IF;
  IF verdict IN ('admitted', 'warned') THEN
    UPDATE llm_budgetcounter k
       SET held_micro = k.held_micro + in_micro, held_tokens = k.held_tokens + in_tokens,
           held_calls = k.held_calls + 1
     WHERE k.id = ANY(locked);
    INSERT INTO llm_budgethold (call_id, counters, micro, tokens, lease_until)
    VALUES (in_call, locked, in_micro, in_tokens, now_at + make_interval(secs => lease_s));
  END IF;
END $$;

CREATE FUNCTION llm_budget_settle(in_call text, in_micro bigint, in_tokens bigint, in_calls bigint)
RETURNS TABLE (budget_id text, scope text, subject text, window_kind text, percent integer)
LANGUAGE plpgsql AS $$
DECLARE
  h llm_budgethold;
  back bigint;
  c llm_budgetcounter;
  b llm_budget;
  share double precision;
BEGIN
  DELETE FROM llm_budgethold d WHERE d.call_id = in_call RETURNING * INTO h;
  IF NOT FOUND THEN RETURN; END IF;
  back := CASE WHEN h.released_at IS NULL THEN 1 ELSE 0 END;
  PERFORM 1 FROM llm_budgetcounter k WHERE k.id = ANY(h.counters)
    ORDER BY k.scope, k."window", k.subject, k.window_start FOR UPDATE;
  FOR c IN
    UPDATE llm_budgetcounter k
       SET spent_micro = k.spent_micro + in_micro, spent_tokens = k.spent_tokens + in_tokens,
           spent_calls = k.spent_calls + in_calls, held_micro = k.held_micro - back * h.micro,
           held_tokens = k.held_tokens - back * h.tokens, held_calls = k.held_calls - back
     WHERE k.id = ANY(h.counters) RETURNING k.*
  LOOP
    CONTINUE WHEN c.told_percent >= 100;
    SELECT l.* INTO b FROM llm_budget l
     WHERE l.scope = c.scope AND l."window" = c."window" AND l.enabled AND l.ref IN ('', c.subject)
     ORDER BY l.ref DESC LIMIT 1;
    share := greatest(
      c.spent_micro / nullif(coalesce(b.soft_micro, b.hard_micro), 0)::double precision,
      c.spent_tokens / nullif(coalesce(b.soft_tokens, b.hard_tokens), 0)::double precision,
      c.spent_calls / nullif(coalesce(b.soft_calls, b.hard_calls), 0)::double precision);
    percent := CASE WHEN share >= 1 THEN 100 WHEN share >= 0.8 THEN 80 ELSE 0 END;
    CONTINUE WHEN percent <= c.told_percent;
    UPDATE llm_budgetcounter k SET told_percent = percent WHERE k.id = c.id;
    budget_id := b.id; scope := c.scope; subject := c.subject; window_kind := c."window";
    RETURN NEXT;
  END LOOP;
END $$;

CREATE FUNCTION llm_budget_release_expired(most integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  gone varchar[];
BEGIN
  WITH due AS (
    SELECT d.call_id FROM llm_budgethold d
     WHERE d.released_at IS NULL AND d.lease_until < clock_timestamp()
     ORDER BY d.lease_until LIMIT most FOR UPDATE SKIP LOCKED
  ), marked AS (
    UPDATE llm_budgethold d SET released_at = clock_timestamp() FROM due
     WHERE d.call_id = due.call_id RETURNING d.call_id
  ) SELECT array_agg(m.call_id) INTO gone FROM marked m;
  PERFORM 1 FROM llm_budgetcounter k
    WHERE k.id IN (SELECT unnest(d.counters) FROM llm_budgethold d WHERE d.call_id = ANY(gone))
    ORDER BY k.scope, k."window", k.subject, k.window_start FOR UPDATE;
  UPDATE llm_budgetcounter k
     SET held_micro = k.held_micro - r.micro, held_tokens = k.held_tokens - r.tokens,
         held_calls = k.held_calls - r.calls
    FROM (SELECT of_counter, sum(d.micro) AS micro, sum(d.tokens) AS tokens, count(*) AS calls
            FROM llm_budgethold d, unnest(d.counters) of_counter
           WHERE d.call_id = ANY(gone) GROUP BY of_counter) r
   WHERE k.id = r.of_counter;
  RETURN QUERY SELECT unnest(gone)::text;
END $$;
"""

DROPPED = """
DROP FUNCTION llm_budget_release_expired(integer);
DROP FUNCTION llm_budget_settle(text, bigint, bigint, bigint);
DROP FUNCTION llm_budget_reserve(text, jsonb, text, bigint, bigint, double precision);
DROP FUNCTION llm_budget_counter(text, text, text, timestamptz);
DROP FUNCTION llm_window_start(text, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("llm", "0003_providers")]

    operations = [migrations.RunSQL(FUNCTIONS, DROPPED)]
