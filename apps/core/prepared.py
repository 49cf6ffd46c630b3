"""Statements so large or so frequent that planning them costs more than running them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg import Cursor

Value = str | int | float | bool | None


def fetch_prepared(
    statement: str, params: Sequence[Value] | Mapping[str, Value]
) -> list[tuple[Any, ...]]:
    """Run a statement that is planned once a connection, in the present transaction.

    Parameters travel as text, and the statement alone says their types: the driver would look for
    a type and a writer for each, which costs more than all else it does.
    """
    texts = (
        {name: _text(value) for name, value in params.items()}
        if isinstance(params, Mapping)
        else [_text(value) for value in params]
    )
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        return cursor.execute(statement, texts, prepare=True).fetchall()


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
