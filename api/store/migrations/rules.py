"""Triggers that keep rows as they were written, on both databases."""

from __future__ import annotations

from alembic import op

_FUNCTION = """
CREATE OR REPLACE FUNCTION arv_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: its rows are never altered', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$
"""


def immutable(table: str) -> None:
    """Refuse every update of a table's rows."""
    _refuse(table, "UPDATE")


def append_only(table: str) -> None:
    """Refuse every update and every deletion of a table's rows."""
    _refuse(table, "UPDATE")
    _refuse(table, "DELETE")
    if _postgres():
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION arv_refuse_change()"
        )


def drop_rules(table: str) -> None:
    """Take the triggers of a table away again."""
    for event in ("update", "delete", "truncate"):
        name = f"{table}_no_{event}"
        op.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if _postgres() else ""))


def drop_rule_function() -> None:
    """Take away what the triggers call."""
    if _postgres():
        op.execute("DROP FUNCTION IF EXISTS arv_refuse_change()")


def _refuse(table: str, event: str) -> None:
    name = f"{table}_no_{event.lower()}"
    if _postgres():
        op.execute(_FUNCTION)
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION arv_refuse_change()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, '{event} of {table} is refused: its rows are never altered'); END"
        )


def _postgres() -> bool:
    return op.get_context().dialect.name == "postgresql"
