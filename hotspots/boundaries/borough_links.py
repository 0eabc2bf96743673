"""The table of boroughs that a motor vehicle can drive between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hotspots.boundaries.schema import BOROUGH_LINK_COLUMNS, StudyArea
from hotspots.errors import BoundaryRefusedError


def read_borough_links(path: Path) -> pd.DataFrame:
    """Read a table of borough links, sorted by code, with ``code_a < code_b``.

    Parameters
    ----------
    path
        CSV with the columns ``code_a, code_b, kind, crossing, open_to_motor_vehicles``;
        further columns are ignored.

    Raises
    ------
    BoundaryRefusedError
        Naming the column or row that is wrong.
    """
    try:
        table = pd.read_csv(path, dtype={"crossing": "str"}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise BoundaryRefusedError(
            f"the borough links cannot be read ({error})",
            file=path.name,
            remedy="give a CSV with the columns of data/boundaries/borough_links.csv",
        ) from error
    for column in BOROUGH_LINK_COLUMNS:
        if column not in table.columns:
            raise BoundaryRefusedError(
                f"the column {column!r} is missing",
                file=path.name,
                column=column,
                remedy="give a CSV with the columns of data/boundaries/borough_links.csv",
            )
    _refuse_bad_links(table, path.name)
    table = table[list(BOROUGH_LINK_COLUMNS)]
    table = table.assign(open_to_motor_vehicles=table["open_to_motor_vehicles"].astype(int) == 1)
    return table.sort_values(["code_a", "code_b"], ignore_index=True)


def _refuse_bad_links(table: pd.DataFrame, file: str) -> None:
    bad = {
        "code_a": ~(table["code_a"] < table["code_b"]),
        "code_b": table.duplicated(["code_a", "code_b"]),
        "kind": ~table["kind"].isin(["land", "river"]),
        "open_to_motor_vehicles": ~table["open_to_motor_vehicles"].astype(str).isin(["0", "1"]),
    }
    rules = {
        "code_a": "code_a must come before code_b",
        "code_b": "the pair is listed twice",
        "kind": "kind must be land or river",
        "open_to_motor_vehicles": "open_to_motor_vehicles must be 1 or 0",
    }
    for column, wrong in bad.items():
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BoundaryRefusedError(
                rules[column],
                file=file,
                row=row + 1,
                column=column,
                value=table[column].iloc[row],
                remedy="correct the row",
            )


def borough_neighbours(study_area: StudyArea) -> dict[str, tuple[str, ...]]:
    """Return for every borough code the codes a vehicle can drive to directly, sorted.

    Only links open to motor vehicles count; a borough without any has an empty tuple.
    """
    codes = study_area.boroughs["borough_code"].tolist()
    near: dict[str, set[str]] = {code: set() for code in codes}
    links = study_area.borough_links
    for link in links[links["open_to_motor_vehicles"]].itertuples(index=False):
        if link.code_a in near and link.code_b in near:
            near[str(link.code_a)].add(str(link.code_b))
            near[str(link.code_b)].add(str(link.code_a))
    return {code: tuple(sorted(near[code])) for code in codes}
