"""Many rows at once: COPY into PostgreSQL, one prepared statement in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, Table

from api.store.types import SRID

Row = Sequence[Any]


def insert_rows(tx: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows of plain values; times and shapes come from :func:`times` and :func:`points`.

    Parameters
    ----------
    tx
        The transaction the rows belong to.
    columns
        Names of columns of ``table``, in the order of the values of each row.
    """
    unknown = [name for name in columns if name not in table.columns]
    if unknown:
        raise KeyError(f"{table.name} has no column {unknown[0]}")
    named = ", ".join(f'"{name}"' for name in columns)
    driver = tx.connection.driver_connection
    if driver is None:  # a closed connection: nothing can be written
        raise RuntimeError("the transaction is over")
    if tx.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        driver.executemany(f"INSERT INTO {table.name} ({named}) VALUES ({marks})", rows)  # noqa: S608 - names of the schema
        return
    with driver.cursor().copy(f"COPY {table.name} ({named}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def times(values: NDArray[np.datetime64]) -> list[str | None]:
    """Return UTC moments as both databases read them, ``None`` for missing ones.

    Parameters
    ----------
    values
        datetime64 (n,), UTC.
    """
    if not len(values):
        return []
    micros = values.astype("datetime64[us]")
    texts = np.char.replace(np.datetime_as_string(micros, unit="us"), "T", " ").tolist()
    missing = np.isnat(micros)
    return [None if gone else text for text, gone in zip(texts, missing.tolist(), strict=True)]


def points(
    tx: Connection, x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> list[str | bytes | None]:
    """Return points as the database stores them, ``None`` where a coordinate is missing.

    Parameters
    ----------
    x_m, y_m
        float64 (n,), EPSG:27700, NaN where only an area is known.
    """
    placed = np.isfinite(x_m) & np.isfinite(y_m)
    shapes = shapely.points(x_m[placed], y_m[placed])
    if tx.dialect.name == "sqlite":
        found = np.asarray(shapely.to_wkb(shapes), dtype=object)
    else:
        marked = shapely.set_srid(shapes, SRID)
        found = np.asarray(shapely.to_wkb(marked, hex=True, include_srid=True), dtype=object)
    made: list[str | bytes | None] = [None] * len(x_m)
    for at, shape in zip(np.flatnonzero(placed).tolist(), found.tolist(), strict=True):
        made[at] = shape
    return made
