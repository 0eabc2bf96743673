"""The metadata every table joins, and the columns that recur in them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import CheckConstraint, Column, Index, MetaData, Table, Text, event
from sqlalchemy.schema import SchemaItem

from api.store.types import CanonicalJson, NationalGrid, UtcTime

LONGEST_REASON = 2_000
LONGEST_TEXT = 10_000

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    """Return the rule that a column holds one of some words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def identifier(
    name: str, *more: SchemaItem, key: bool = False, optional: bool = False
) -> Column[str]:
    """Return a column for an identifier of 1 to 128 characters."""
    column = Column(name, Text, *more, primary_key=key, nullable=optional)
    return _ruled(column, f"length({name}) BETWEEN 1 AND 128", f"{name}_length")


def sha256(name: str, *more: SchemaItem, key: bool = False, optional: bool = False) -> Column[str]:
    """Return a column for a SHA-256 digest in 64 hexadecimal digits."""
    column = Column(name, Text, *more, primary_key=key, nullable=optional)
    return _ruled(column, f"length({name}) = 64", f"{name}_length")


def text(name: str, *, longest: int = LONGEST_TEXT, optional: bool = False) -> Column[str]:
    """Return a column for a text of bounded length that is not empty."""
    column = Column(name, Text, nullable=optional)
    return _ruled(column, f"length({name}) BETWEEN 1 AND {longest}", f"{name}_length")


def reason(name: str = "reason", *, optional: bool = False) -> Column[str]:
    """Return a column for why something was done."""
    return text(name, longest=LONGEST_REASON, optional=optional)


def moment(name: str, *, optional: bool = False) -> Column[object]:
    """Return a column for a moment, named ``…_utc``."""
    return Column(name, UtcTime, nullable=optional)


def week(name: str = "week", *, optional: bool = False) -> Column[str]:
    """Return a column for an ISO week such as ``2026-W48``."""
    column = Column(name, Text, nullable=optional)
    return _ruled(column, f"{name} LIKE '____-W__'", f"{name}_form")


def document(name: str = "document", *, optional: bool = False) -> Column[object]:
    """Return a column for a JSON value kept as canonical text."""
    return Column(name, CanonicalJson, nullable=optional)


def shape(kind: str) -> Column[object]:
    """Return the geometry column ``geom``; see :func:`shape_index`."""
    return Column("geom", NationalGrid(kind), nullable=True)


def shape_index(table: str) -> Index:
    """Return the spatial (GiST) index of a table's geometry, for PostGIS alone."""
    index = Index(f"ix_{table}_geom", "geom", postgresql_using="gist")
    return index.ddl_if(dialect="postgresql")


def _ruled(column: Column[str], rule: str, name: str) -> Column[str]:
    """Return a column that brings a rule into the table it joins."""

    def join(_column: Column[str], table: Table) -> None:
        table.append_constraint(CheckConstraint(rule, name=name))

    event.listen(column, "after_parent_attach", join)
    return column
