"""The registry's version moves at every change, also at the second one of a transaction."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION llm_registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  this bigint := pg_current_xact_id()::text::bigint << 20;
BEGIN
  INSERT INTO llm_registryversion AS v (id, xid) VALUES (1, this)
  ON CONFLICT (id) DO UPDATE
    SET xid = CASE WHEN v.xid >= this THEN v.xid + 1 ELSE this END;
  RETURN NULL;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("llm", "0005_first_budgets")]

    operations = [migrations.RunSQL(FUNCTION, migrations.RunSQL.noop)]
