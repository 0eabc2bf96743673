"""Which version of the schema a database has, and the way up and down between versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from api.store.database import APPLICATION_ID
from api.store.errors import (
    NewerSchemaError,
    OlderSchemaError,
    StorageReadOnlyError,
    UnknownDatabaseError,
)
from api.store.faults import own_errors

if TYPE_CHECKING:
    from api.store.store import Store

_SCRIPTS = Path(__file__).parent / "migrations"
#: Described once: the library that writes it describes it anew at each question, and what is
#: compiled for each description is kept. `/ready` asks every few seconds.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32)))


def head() -> str:
    """Return the version of the schema that this program writes."""
    return str(_directory().get_current_head())


def versions() -> tuple[str, ...]:
    """Return every version of the schema, earliest first."""
    return tuple(one.revision for one in reversed([*_directory().walk_revisions()]))


def current(connection: Connection) -> str | None:
    """Return the version of a database, ``None`` when it has no schema yet."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()


def bring_up(store: Store, *, upgrade: bool, create: bool) -> None:
    """Make or upgrade the schema as allowed, or refuse with what to do.

    Raises
    ------
    NewerSchemaError, OlderSchemaError, UnknownDatabaseError
        The database has another version, or belongs to something else.
    """
    with store.read() as tx:
        found = current(tx)
        if found == head():
            return
        foreign = found is None and _other_tables(tx)
    if foreign:
        raise UnknownDatabaseError(
            f"{store.name} holds tables of something else ({', '.join(foreign[:4])})",
            remedy="give this product a database of its own",
        )
    if found is not None and found not in versions():
        raise NewerSchemaError(
            f"{store.name} has schema {found}, newer than {head()} which this program knows",
            remedy="run the version of the program that wrote it, or restore an earlier backup",
        )
    if found is None and not create:
        raise UnknownDatabaseError(
            f"{store.name} has no schema yet", remedy="make it with `arv store init`"
        )
    if found is not None and not upgrade:
        raise OlderSchemaError(
            f"{store.name} has schema {found}, older than {head()} which this program needs",
            remedy="make a backup with `arv store backup`, then run `arv store upgrade`",
        )
    move(store, head())


def move(store: Store, version: str) -> None:
    """Bring the schema to a version, up or down, in one transaction.

    Parameters
    ----------
    version
        One of :func:`versions`, or ``base`` for no schema at all.
    """
    with store.write() as tx:
        _prepare(store, tx)
        config = _config()
        config.attributes["connection"] = tx
        known = [None, *versions()]
        target = None if version == "base" else version
        going_up = known.index(target) >= known.index(current(tx))
        (command.upgrade if going_up else command.downgrade)(config, version)


def _prepare(store: Store, tx: Connection) -> None:
    if store.kind == "sqlite":
        tx.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        return
    there = tx.exec_driver_sql("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").scalar()
    if there:
        return
    try:
        with own_errors():
            tx.exec_driver_sql("CREATE EXTENSION postgis")
    except StorageReadOnlyError as fault:
        raise UnknownDatabaseError(
            f"{store.name} has no PostGIS and this account may not add it",
            remedy="ask an administrator to run: CREATE EXTENSION postgis;",
        ) from fault


def _other_tables(connection: Connection) -> list[str]:
    known = {"spatial_ref_sys", "alembic_version"}
    return sorted(set(inspect(connection).get_table_names()) - known)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def _directory() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
