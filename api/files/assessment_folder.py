"""An assessment as files: what `arv assess` writes and `arv allocate` reads."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from api.files.output import Writer, json_text, text_writer
from api.files.tables import area_table, csv_text, group_table, view_table
from api.marking import marking_of
from hotspots.assessment import RiskAssessment, document, from_document
from hotspots.errors import AssessmentRefusedError, FeedRefusedError
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.typed_tables import read_bounded_parquet
from hotspots.feeds.whole_file import read_whole, read_whole_text
from hotspots.incidents import Rejection

ASSESSMENT, DRAWS, CELLS = "assessment.json", "draws.parquet", "cells.parquet"
REMEDY = "make the folder with `arv assess … --out DIR` and pass that DIR"
MAX_DOCUMENT_BYTES = 64 * 2**20
#: Ten times what a week of London takes.
DRAWS_LIMITS = ReadOptions(
    max_file_bytes=256 * 2**20, max_rows=20_000, max_columns=20_000, max_cells=40_000_000
)
CELL_LIMITS = ReadOptions(max_file_bytes=64 * 2**20, max_rows=1_000_000, max_columns=16)


@dataclass(frozen=True)
class AssessmentFolder:
    """An assessment read back, and its cells: ``x_m``, ``y_m``, ``expected_per_week``."""

    assessment: RiskAssessment
    cells: pd.DataFrame


def writers(
    assessment: RiskAssessment, cells: pd.DataFrame, rejected: Sequence[Rejection]
) -> dict[str, Writer]:
    """Return a writer for every file of an assessment, ``assessment.json`` last."""
    marking = marking_of(assessment).metadata()
    return {
        DRAWS: _parquet_writer(_draws_table(assessment), marking),
        CELLS: _parquet_writer(pa.Table.from_pandas(cells, preserve_index=False), marking),
        "wards.csv": text_writer(csv_text(area_table(assessment, "wards"))),
        "boroughs.csv": text_writer(csv_text(area_table(assessment, "boroughs"))),
        **_beside(assessment),
        "rejected.csv": text_writer(csv_text(_rejected_table(rejected))),
        ASSESSMENT: text_writer(json_text(document(assessment))),
    }


def _beside(assessment: RiskAssessment) -> dict[str, Writer]:
    """Return the tables that stand beside the scores, where the assessment has them."""
    tables = {}
    if assessment.harm_wards:
        tables["harm_wards.csv"] = area_table(assessment, "harm_wards")
        tables["harm_boroughs.csv"] = area_table(assessment, "harm_boroughs")
    if assessment.groups:
        tables["groups.csv"] = group_table(assessment)
    if assessment.area_views:
        tables["views.csv"] = view_table(assessment)
    return {name: text_writer(csv_text(table)) for name, table in tables.items()}


def read(folder: Path) -> AssessmentFolder:
    """Read an assessment folder back.

    Raises
    ------
    AssessmentRefusedError
        When a file is missing, is not what it says, or the draws belong to another assessment.
    """
    text = _document_text(folder / ASSESSMENT)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise AssessmentRefusedError(
            f"not a JSON document ({str(fault)[:120]})", remedy=REMEDY, file=ASSESSMENT
        ) from fault
    draws = _read_parquet(folder / DRAWS, DRAWS_LIMITS)
    assessment = from_document(value, _draws_array(draws, value))
    return AssessmentFolder(assessment, _cells(folder / CELLS))


def _document_text(path: Path) -> str:
    _refuse_absent(path)
    try:
        return read_whole_text(path, max_bytes=MAX_DOCUMENT_BYTES)
    except FeedRefusedError as fault:
        raise AssessmentRefusedError(
            fault.problem, remedy=f"{fault.remedy}; {REMEDY}", file=path.name
        ) from fault


def _refuse_absent(path: Path) -> None:
    if not os.path.lexists(path):
        raise AssessmentRefusedError(
            f"{path} is not there, so this is not an assessment folder", remedy=REMEDY
        )


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number a document may hold")


def _draws_table(assessment: RiskAssessment) -> pa.Table:
    codes = [score.code for score in assessment.wards]
    return pa.table(
        {code: pa.array(assessment.draws[:, column]) for column, code in enumerate(codes)}
    )


def _draws_array(table: pa.Table, value: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    wards = value.get("wards") if isinstance(value, dict) else None
    found = wards if isinstance(wards, list) else []
    codes = [ward.get("code") if isinstance(ward, dict) else None for ward in found]
    if table.column_names != codes:
        raise AssessmentRefusedError(
            "its columns are not the wards of assessment.json, in order",
            remedy=REMEDY,
            file=DRAWS,
        )
    columns = [_numbers(table, name, DRAWS).astype(np.float32) for name in table.column_names]
    return np.column_stack(columns) if columns else np.empty((0, 0), dtype=np.float32)


def _cells(path: Path) -> pd.DataFrame:
    table = _read_parquet(path, CELL_LIMITS)
    wanted = ["x_m", "y_m", "expected_per_week"]
    for name in wanted:
        if name not in table.column_names:
            raise AssessmentRefusedError(
                f"column {name!r} is missing", remedy=REMEDY, file=path.name
            )
    cells = pd.DataFrame({name: _numbers(table, name, path.name) for name in wanted})
    negative = np.flatnonzero(cells["expected_per_week"] < 0)
    if negative.size:
        raise AssessmentRefusedError(
            "a cell expects fewer incidents than none",
            remedy=REMEDY,
            file=path.name,
            row=int(negative[0]) + 1,
            column="expected_per_week",
        )
    return cells


def _numbers(table: pa.Table, name: str, file: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a column as finite float64 (n_rows,), or refuse the file."""
    column = table.column(name)
    plain = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    values = column.to_numpy().astype(np.float64) if plain else np.full(1, np.nan)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise AssessmentRefusedError(
            "the column holds what is not a finite number",
            remedy=REMEDY,
            file=file,
            row=int(wrong[0]) + 1,
            column=name,
        )
    return values


def _read_parquet(path: Path, limits: ReadOptions) -> pa.Table:
    _refuse_absent(path)
    try:
        content = read_whole(path, max_bytes=limits.max_file_bytes)
        return read_bounded_parquet(content, path.name, limits)
    except FeedRefusedError as fault:
        raise AssessmentRefusedError(
            fault.problem, remedy=f"{fault.remedy}; {REMEDY}", file=path.name
        ) from fault
    except Exception as fault:  # pyarrow raises many kinds on a damaged file
        raise AssessmentRefusedError(
            "not a readable Parquet file", remedy=REMEDY, file=path.name
        ) from fault


def _parquet_writer(table: pa.Table, marking: dict[bytes, bytes]) -> Writer:
    marked = table.replace_schema_metadata({**(table.schema.metadata or {}), **marking})

    def write(path: Path) -> None:
        pq.write_table(marked, path, compression="zstd", row_group_size=len(marked) or 1)

    return write


def _rejected_table(rejected: Sequence[Rejection]) -> pd.DataFrame:
    names = ["file", "row", "column", "value", "reason", "remedy"]
    return pd.DataFrame([[getattr(one, name) for name in names] for one in rejected], columns=names)
