"""What a plan means for areas by their residents: a statement beside the plan, never in it.

The figures come from a table the user brings (one row an area, characteristic and group). Nothing
of it reaches the model: no score, weight, covariate or calibration reads it. Where an area has no
row the statement says so; nothing is filled in. Without a table the plan is "not assessed".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from allocator.plan import PatrolPlan
from api.plans.equality_table import AreaTable
from api.refusals import EqualityRefusedError
from api.wording import percent
from hotspots.assessment import RiskAssessment

SCHEMA_VERSION = "1"
NOT_ASSESSED = "not assessed"
#: Groups whose dosage differs from everybody's by more than this are named in a sentence.
WORTH_SAYING = 0.10
_DECIMALS = 6


@dataclass(frozen=True)
class GroupFigures:
    """What a plan means for a group, and beside it for everybody in the areas of the table.

    ``coverage`` is the expected share of demand reached in time, averaged over the group's
    residents; ``vehicles_per_10000`` and ``expected_per_10000`` are patrol vehicles and expected
    incidents a week where they live. A ratio of 1 is the same as for everybody.
    """

    characteristic: str
    group: str
    residents: float
    coverage: float
    coverage_ratio: float
    vehicles_per_10000: float
    vehicles_ratio: float
    expected_per_10000: float
    expected_ratio: float


def equality_statement(
    plan: PatrolPlan, assessment: RiskAssessment, table: AreaTable | None
) -> dict[str, Any]:
    """Return the statement that is kept with a plan, as plain JSON values.

    A vehicle's time in its primary area is divided over the wards in proportion to their
    expected incidents; this assumption is in the statement.

    Parameters
    ----------
    plan
        The plan.
    assessment
        The assessment it was made from.
    table
        The user's table; ``None`` gives a statement that says "not assessed".

    Raises
    ------
    EqualityRefusedError
        When the plan was made from another assessment.
    """
    if plan.assessment_id and plan.assessment_id != assessment.assessment_id:
        raise EqualityRefusedError(
            f"the plan was made from assessment {plan.assessment_id}, not from "
            f"{assessment.assessment_id}",
            remedy="give the assessment the plan was made from",
        )
    head: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "plan_id": plan.plan_id,
        "week": plan.week,
        "assessment_id": assessment.assessment_id,
        "classification": assessment.classification,
        "notice": assessment.notice,
    }
    if table is None:
        words = ["The equality impact was not assessed: no characteristics of areas were given."]
        return head | {"status": NOT_ASSESSED, "words": words}
    figures = _figures(plan, assessment, table)
    without = _areas_without(assessment, table)
    return head | {
        "status": "assessed",
        "level": table.level,
        "table_sha256": table.sha256,
        "areas_with_data": len({row.area_code for row in table.rows}),
        "areas_without_data": without,
        "groups": [_rounded(one) for one in figures],
        "words": _words(figures, table, without),
    }


def _figures(
    plan: PatrolPlan, assessment: RiskAssessment, table: AreaTable
) -> tuple[GroupFigures, ...]:
    """Return a line for every group, in the order of characteristic and name."""
    coverage, vehicles, expected = _by_area(plan, assessment, table.level)
    population = {row.area_code: row.population for row in table.rows}
    everybody = _means(population, population, (coverage, vehicles, expected))
    lines = []
    for characteristic, group in sorted({(row.characteristic, row.group) for row in table.rows}):
        residents = {
            row.area_code: row.share * row.population
            for row in table.rows
            if (row.characteristic, row.group) == (characteristic, group)
        }
        if sum(residents.values()) <= 0:
            continue
        own = _means(residents, population, (coverage, vehicles, expected))
        ratios = [
            mine / all_ if all_ > 0 else 1.0 for mine, all_ in zip(own, everybody, strict=True)
        ]
        lines.append(
            GroupFigures(
                characteristic, group, sum(residents.values()), own[0], ratios[0],
                own[1] * 1e4, ratios[1], own[2] * 1e4, ratios[2],
            )
        )  # fmt: skip
    return tuple(lines)


def _means(
    residents: Mapping[str, float],
    population: Mapping[str, float],
    measures: tuple[Mapping[str, float], ...],
) -> list[float]:
    """Return the means over residents of coverage, vehicles a head and incidents a head."""
    coverage, *totals = measures
    heads = sum(residents.values())
    means = [sum(count * coverage[code] for code, count in residents.items()) / heads]
    means += [
        sum(count * total[code] / population[code] for code, count in residents.items()) / heads
        for total in totals
    ]
    return means


def _by_area(
    plan: PatrolPlan, assessment: RiskAssessment, level: str
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return coverage, patrol vehicles and expected incidents a week of every area."""
    of_borough = {line.code: line.coverage for line in plan.boroughs}
    expected = {ward.code: ward.expected_per_week for ward in assessment.wards}
    home = {ward.code: ward.borough_code for ward in assessment.wards}
    vehicles = dict.fromkeys(home, 0.0)
    for unit in plan.units:
        area = [code for code in home if home[code] in unit.boroughs]
        total = sum(expected[code] for code in area)
        for code in area:
            vehicles[code] += expected[code] / total if total > 0 else 1.0 / len(area)
    if level == "wards":
        return {code: of_borough.get(home[code], 0.0) for code in home}, vehicles, expected
    boroughs = [score.code for score in assessment.boroughs]
    return (
        {code: of_borough.get(code, 0.0) for code in boroughs},
        _summed(vehicles, home, boroughs),
        _summed(expected, home, boroughs),
    )


def _summed(
    of_ward: Mapping[str, float], home: Mapping[str, str], boroughs: Sequence[str]
) -> dict[str, float]:
    sums = dict.fromkeys(boroughs, 0.0)
    for code, value in of_ward.items():
        sums[home[code]] += value
    return sums


def _areas_without(assessment: RiskAssessment, table: AreaTable) -> list[str]:
    scores = assessment.wards if table.level == "wards" else assessment.boroughs
    given = {row.area_code for row in table.rows}
    return sorted(score.code for score in scores if score.code not in given)


def _words(figures: Sequence[GroupFigures], table: AreaTable, without: Sequence[str]) -> list[str]:
    words = []
    for one in figures:
        if abs(one.vehicles_ratio - 1) > WORTH_SAYING or abs(one.coverage_ratio - 1) > WORTH_SAYING:
            words.append(
                f"{one.characteristic}, {one.group}: patrol where they live is "
                f"{_compared(one.vehicles_ratio)}, expected incidents are "
                f"{_compared(one.expected_ratio)}, and {percent(one.coverage)} of demand is "
                "reached in time."
            )
    if not words:
        words.append(
            "No group of the table lives with a patrol or a coverage that differs from "
            "everybody's by more than 10%."
        )
    if without:
        words.append(
            f"{len(without)} {table.level} have no row in the table; nothing is said about them."
        )
    words.append(
        "A vehicle's time is taken to follow the expected incidents of the wards in its area. "
        "The table is used for this statement alone and reaches no score and no placement."
    )
    return words


def _compared(ratio: float) -> str:
    change = round((ratio - 1) * 100)
    if change == 0:
        return "the same as everybody's"
    return f"{abs(change)}% {'above' if change > 0 else 'below'} everybody's"


def _rounded(line: GroupFigures) -> dict[str, object]:
    return {
        key: round(value, _DECIMALS) if isinstance(value, float) else value
        for key, value in asdict(line).items()
    }
