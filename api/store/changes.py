"""Changing a record that others may change, too: only the version that was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table

from api.store.errors import StaleRecordError


def change_one(
    tx: Connection, table: Table, identifier: str, version: int, values: Mapping[str, Any]
) -> None:
    """Change the record of an identifier and count its version up.

    Parameters
    ----------
    table
        Has one key column and a column ``version``.
    version
        The version the change was made for.

    Raises
    ------
    StaleRecordError
        The record has another version now.
    """
    (key,) = table.primary_key.columns
    done = tx.execute(
        table.update()
        .where(key == identifier, table.c.version == version)
        .values(**values, version=version + 1)
    )
    if done.rowcount != 1:
        raise StaleRecordError(
            f"the record was changed since version {version} was read",
            remedy="read it again and decide anew",
            value=identifier,
        )
