"""Roll-ups: any grouping of wards or boroughs by a lookup table.

A group's draw is the sum of its areas' draws, so its interval carries what they share. The
bundled lookup names the 12 Basic Command Units into which the Metropolitan Police grouped
the 32 boroughs in 2017 to 2019 (Metropolitan Police Service, "Strengthening local policing",
and the force's published list of Basic Command Units).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hotspots.assessment import AreaScore, GroupScore, rounded
from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import AssessmentRefusedError
from hotspots.ranking import rank_areas

COLUMNS = ("area_code", "group_code", "group_name")
BASIC_COMMAND_UNIT = "basic_command_unit"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Grouping:
    """A named lookup: the group (code, name) of each ward or borough code."""

    name: str
    group_of: Mapping[str, tuple[str, str]]


@cache
def basic_command_units() -> Grouping:
    """Return the bundled grouping of the 32 boroughs into 12 Basic Command Units."""
    place = resources.files("hotspots") / "lookups" / "basic_command_units.csv"
    return parse_grouping(place.read_text(encoding="utf-8"), name=BASIC_COMMAND_UNIT)


def bundled_groupings(study_area: StudyArea) -> tuple[Grouping, ...]:
    """Return the bundled groupings that name every policed borough of a study area."""
    policed = study_area.boroughs["policed"].to_numpy(dtype=bool)
    codes = set(study_area.boroughs["borough_code"][policed])
    units = basic_command_units()
    return (units,) if codes <= set(units.group_of) else ()


def parse_grouping(text: str, *, name: str) -> Grouping:
    """Read a lookup table from CSV text.

    Parameters
    ----------
    text
        CSV with the columns ``area_code``, ``group_code`` and ``group_name``; an area stands
        in one row, wards and boroughs are not mixed.
    name
        What the grouping is called in every table.

    Raises
    ------
    AssessmentRefusedError
        A missing column, an empty cell, an area listed twice, a group with two names, or no
        row at all.
    """
    rows = csv.DictReader(io.StringIO(text))
    missing = [one for one in COLUMNS if one not in (rows.fieldnames or [])]
    if missing:
        raise _refused("the lookup lacks a column", f"use {', '.join(COLUMNS)}", missing[0])
    group_of: dict[str, tuple[str, str]] = {}
    names: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        area, group, title = (str(row[one] or "").strip() for one in COLUMNS)
        if not (area and group and title):
            raise _refused("an empty cell", "fill in the three columns", "area_code", number, row)
        if area in group_of:
            raise _refused("an area listed twice", "keep one row", "area_code", number, area)
        if names.setdefault(group, title) != title:
            raise _refused("a group with two names", "use one", "group_name", number, title)
        group_of[area] = (group, title)
    if not group_of:
        raise _refused("the lookup has no row", "give one row an area", "area_code")
    if len({code[:3] for code in group_of}) > 1:
        raise _refused("wards and boroughs are mixed", "use one kind of area", "area_code")
    return Grouping(name, MappingProxyType(group_of))


def group_scores(
    grouping: Grouping,
    *,
    target: str,
    wards: Sequence[AreaScore],
    rates: NDArray[np.float32],
    draws: NDArray[np.float32],
) -> tuple[GroupScore, ...]:
    """Return the score of every group that holds a scored ward, sorted by code.

    Parameters
    ----------
    grouping
        Lookup by ward code or by borough code; areas it names and nobody scores are left out.
    target
        demand or harm.
    wards
        Ward scores.
    rates, draws
        float32 (n_draws, n_wards), in the same order: of long-run rates, which rank the
        groups, and of the week ahead, which give the intervals.
    """
    keys = [
        grouping.group_of.get(one.code, grouping.group_of.get(one.borough_code)) for one in wards
    ]
    groups = sorted({key for key in keys if key is not None})
    if not groups:
        return ()
    member = np.array([[key == group for key in keys] for group in groups])
    mean = np.array([one.expected_per_week for one in wards])
    long_run, summed = (_summed(one, member) for one in (rates, draws))
    means = np.array([mean[row].sum() for row in member])
    ranking = rank_areas(means, long_run.astype(np.float32))
    low, high = np.quantile(summed, [0.05, 0.95], axis=0)
    by_ward = any(one.code in grouping.group_of for one in wards)
    return tuple(
        GroupScore(
            grouping=grouping.name,
            code=code,
            name=name,
            target=target,
            members=_members(wards, member[i], by_ward=by_ward),
            expected_per_week=rounded(float(means[i])),
            lower_90=rounded(float(low[i])),
            upper_90=rounded(float(high[i])),
            rank=int(ranking.rank[i]),
            rank_lower_90=int(ranking.rank_lower_90[i]),
            rank_upper_90=int(ranking.rank_upper_90[i]),
        )
        for i, (code, name) in enumerate(groups)
    )


def _summed(draws: NDArray[np.float32], member: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.stack([draws[:, row].sum(axis=1, dtype=np.float64) for row in member], axis=1)


def _members(
    wards: Sequence[AreaScore], mine: NDArray[np.bool_], *, by_ward: bool
) -> tuple[str, ...]:
    chosen = [one for one, own in zip(wards, mine, strict=True) if own]
    return tuple(sorted({one.code if by_ward else one.borough_code for one in chosen}))


def _refused(
    problem: str, remedy: str, column: str, row: int | None = None, value: object = None
) -> AssessmentRefusedError:
    return AssessmentRefusedError(problem, remedy=remedy, column=column, row=row, value=value)
