"""Emptying the database after a test that committed.

`flush` truncates each table and puts permissions back: a quarter of a second of a core, when few
tables hold anything. Here rows are deleted from those that do. What is left is the same.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

# Made with the tables. `flush` makes them anew.
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}
_WAIT = "30s"
_OTHERS = """
SELECT pid, state, now() - xact_start, left(query, 200) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""


def empty_database(*_: Any) -> None:
    """Take out all rows, those too that a transaction under way is about to commit."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Triggers and foreign keys rest: all rows go. (It needs a superuser.)
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"SET LOCAL lock_timeout = '{_WAIT}'")
            everything = sql.SQL(", ").join(_tables())
            cursor.execute(sql.SQL("LOCK {} IN SHARE ROW EXCLUSIVE MODE").format(everything))
            for table in _filled(cursor):
                cursor.execute(sql.SQL("DELETE FROM {}").format(table))
    except OperationalError as error:
        raise RuntimeError(f"The database could not be emptied: {error}\n{_others()}") from error


@cache
def _tables() -> Sequence[sql.Identifier]:
    names = set(connection.introspection.django_table_names(only_existing=True)) - _KEPT
    return [sql.Identifier(name) for name in sorted(names)]


def _filled(cursor: CursorWrapper) -> list[sql.Identifier]:
    probe = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    probes = [probe.format(sql.Literal(at), table) for at, table in enumerate(_tables())]
    cursor.execute(sql.SQL(" UNION ALL ").join(probes))
    return [_tables()[at] for (at,) in cursor.fetchall()]


def _others() -> str:
    """Who is in a transaction: one of them holds what was waited for."""
    with connection.cursor() as cursor:
        cursor.execute(_OTHERS)
        return "\n".join(" | ".join(map(str, row)) for row in cursor.fetchall())
