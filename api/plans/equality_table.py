"""The user's table of area characteristics: read, checked row by row, never completed."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.refusals import EqualityRefusedError
from hotspots.assessment import RiskAssessment

COLUMNS = ("area_code", "population", "characteristic", "group", "share")
MOST_BYTES = 16 * 2**20
MOST_TEXT = 120
#: What shares of one characteristic may sum to: rounding, no more.
MOST_SUM = 1.001


@dataclass(frozen=True)
class AreaShare:
    """The share of an area's residents that belong to a group."""

    area_code: str
    population: float
    characteristic: str
    group: str
    share: float


@dataclass(frozen=True)
class AreaTable:
    """The user's table: rows as read, which level they describe, and the digest of the file."""

    rows: tuple[AreaShare, ...]
    level: str  # wards | boroughs
    sha256: str


def read_area_table(content: bytes, name: str, assessment: RiskAssessment) -> AreaTable:
    """Read a table of area characteristics.

    Parameters
    ----------
    content
        UTF-8 CSV with the columns of :data:`COLUMNS`; ``share`` is in [0, 1].
    name
        What messages call the file.
    assessment
        Its wards and boroughs are those the table may name; all rows are of one level.

    Raises
    ------
    EqualityRefusedError
        Naming the row, the column and the value.
    """
    if len(content) > MOST_BYTES:
        raise _refused(name, f"the file has {len(content):,} bytes, more than {MOST_BYTES:,}")
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise _refused(name, f"the column {missing[0]!r} is missing")
        rows = tuple(_row(name, number, line) for number, line in enumerate(reader, 1))
    except (UnicodeDecodeError, csv.Error) as fault:
        raise _refused(name, f"the file is not UTF-8 CSV ({fault})") from fault
    if not rows:
        raise _refused(name, "the file has no rows")
    level = _level(name, rows, assessment)
    _check_shares(name, rows)
    return AreaTable(rows, level, hashlib.sha256(content).hexdigest())


def _row(name: str, number: int, line: Mapping[str, str | None]) -> AreaShare:
    texts = {column: (line.get(column) or "").strip() for column in COLUMNS}
    for column in ("area_code", "characteristic", "group"):
        value = texts[column]
        if not 1 <= len(value) <= MOST_TEXT or not value.isprintable():
            raise _refused(name, f"is not 1 to {MOST_TEXT} printable characters", number, column,
                           value)  # fmt: skip
    population = _number(name, number, "population", texts["population"])
    share = _number(name, number, "share", texts["share"])
    if population <= 0:
        raise _refused(name, "is not more than 0", number, "population", texts["population"])
    if not 0 <= share <= 1:
        raise _refused(name, "is not within 0 and 1", number, "share", texts["share"])
    return AreaShare(texts["area_code"], population, texts["characteristic"], texts["group"], share)


def _number(name: str, number: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _refused(name, "is not a number", number, column, text)
    return value


def _level(name: str, rows: Sequence[AreaShare], assessment: RiskAssessment) -> str:
    known = {
        "wards": {score.code for score in assessment.wards},
        "boroughs": {score.code for score in assessment.boroughs},
    }
    level = "wards" if rows[0].area_code in known["wards"] else "boroughs"
    for number, row in enumerate(rows, 1):
        if row.area_code not in known[level]:
            raise _refused(
                name, f"is none of the {level} of the assessment", number, "area_code",
                row.area_code,
            )  # fmt: skip
    return level


def _check_shares(name: str, rows: Sequence[AreaShare]) -> None:
    sums: dict[tuple[str, str], float] = {}
    populations: dict[str, float] = {}
    seen: set[tuple[str, str, str]] = set()
    for number, row in enumerate(rows, 1):
        key = (row.area_code, row.characteristic, row.group)
        if key in seen:
            raise _refused(
                name, "the same group of an area comes twice", number, "group", row.group
            )
        seen.add(key)
        if populations.setdefault(row.area_code, row.population) != row.population:
            raise _refused(
                name, "differs from the population of the same area above", number, "population",
                row.population,
            )  # fmt: skip
        total = sums[key[:2]] = sums.get(key[:2], 0.0) + row.share
        if total > MOST_SUM:
            raise _refused(
                name, f"the shares of {row.characteristic} in {row.area_code} sum to {total:.3f}, "
                "more than 1", number, "share", row.share,
            )  # fmt: skip


def _refused(
    name: str,
    problem: str,
    row: int | None = None,
    column: str | None = None,
    value: object = None,
) -> EqualityRefusedError:
    return EqualityRefusedError(
        problem,
        remedy="docs/access.md describes the columns: area_code, population, characteristic, "
        "group, share",
        file=name,
        row=row,
        column=column,
        value=value,
    )
