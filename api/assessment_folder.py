"""An assessment as files: what `arv assess` writes and `arv allocate` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from api.output import Writer, json_text, text_writer
from api.tables import area_table, csv_text
from hotspots.assessment import RiskAssessment, document, from_document
from hotspots.errors import AssessmentRefusedError
from hotspots.incidents import Rejection

ASSESSMENT, DRAWS, CELLS = "assessment.json", "draws.parquet", "cells.parquet"
REMEDY = "make the folder with `arv assess … --out DIR` and pass that DIR"
MAX_DOCUMENT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class AssessmentFolder:
    """An assessment read back, and its cells: ``x_m``, ``y_m``, ``expected_per_week``."""

    assessment: RiskAssessment
    cells: pd.DataFrame


def writers(
    assessment: RiskAssessment, cells: pd.DataFrame, rejected: Sequence[Rejection]
) -> dict[str, Writer]:
    """Return a writer for every file of an assessment, ``assessment.json`` last."""
    marking = _marking(assessment)
    return {
        DRAWS: _parquet_writer(_draws_table(assessment), marking),
        CELLS: _parquet_writer(pa.Table.from_pandas(cells, preserve_index=False), marking),
        "wards.csv": text_writer(csv_text(area_table(assessment, "wards"))),
        "boroughs.csv": text_writer(csv_text(area_table(assessment, "boroughs"))),
        "rejected.csv": text_writer(csv_text(_rejected_table(rejected))),
        ASSESSMENT: text_writer(json_text(document(assessment))),
    }


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
    draws = _read_parquet(folder / DRAWS)
    assessment = from_document(value, _draws_array(draws, value))
    return AssessmentFolder(assessment, _cells(folder / CELLS))


def _document_text(path: Path) -> str:
    if not path.is_file():
        raise AssessmentRefusedError(
            f"{path} is not there, so this is not an assessment folder", remedy=REMEDY
        )
    if path.stat().st_size > MAX_DOCUMENT_BYTES:
        raise AssessmentRefusedError(
            f"larger than {MAX_DOCUMENT_BYTES} bytes", remedy=REMEDY, file=path.name
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise AssessmentRefusedError("not UTF-8 text", remedy=REMEDY, file=path.name) from fault


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number a document may hold")


def _marking(assessment: RiskAssessment) -> dict[bytes, bytes]:
    return {
        b"arv.classification": assessment.classification.encode(),
        b"arv.notice": assessment.notice.encode(),
        b"arv.assessment_id": assessment.assessment_id.encode(),
    }


def _draws_table(assessment: RiskAssessment) -> pa.Table:
    codes = [score.code for score in assessment.wards]
    return pa.table(
        {code: pa.array(assessment.draws[:, column]) for column, code in enumerate(codes)}
    )


def _draws_array(table: pd.DataFrame, value: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    codes = [ward.get("code") for ward in value.get("wards", [])] if isinstance(value, dict) else []
    if list(table.columns) != codes:
        raise AssessmentRefusedError(
            "its columns are not the wards of assessment.json, in order",
            remedy=REMEDY,
            file=DRAWS,
        )
    return table.to_numpy(dtype=np.float32)


def _cells(path: Path) -> pd.DataFrame:
    cells = _read_parquet(path)
    wanted = ["x_m", "y_m", "expected_per_week"]
    missing = [name for name in wanted if name not in cells.columns]
    if missing:
        raise AssessmentRefusedError(
            f"column {missing[0]!r} is missing", remedy=REMEDY, file=path.name
        )
    return cells[wanted].astype("float64")


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as fault:
        raise AssessmentRefusedError(
            f"{path} is not there, so this is not an assessment folder", remedy=REMEDY
        ) from fault
    except (pa.ArrowException, OSError, ValueError) as fault:
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
