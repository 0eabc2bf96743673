"""A made-up week on the bundled boundaries, for tests of what is drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from allocator.plan import BoroughCoverage, PatrolPlan, RunnerUp, UnitPlacement
from hotspots.assessment import (
    AreaScore,
    BoroughLink,
    Contribution,
    EvidenceLine,
    RiskAssessment,
    WardPlace,
)
from hotspots.boundaries.study_area import StudyArea, borough_neighbours, locate_wards

UNKNOWN_BOROUGHS = ("E09000004", "E09000012")


def make_assessment(study_area: StudyArea, *, seed: int = 1) -> RiskAssessment:
    """Return scores drawn at random; the wards of two boroughs have no data."""
    rng = np.random.default_rng(seed)
    wards = study_area.wards[study_area.wards["policed"]]
    boroughs = study_area.boroughs[study_area.boroughs["policed"]]
    rates = rng.gamma(0.8, 0.05, len(wards)) + 0.002
    ward_scores = _scores(wards["ward_code"], wards["ward_name"], wards["borough_code"], rates)
    totals = pd.Series(rates).groupby(wards["borough_code"].to_numpy()).sum()
    borough_scores = _scores(
        boroughs["borough_code"],
        boroughs["borough_name"],
        boroughs["borough_code"],
        totals[boroughs["borough_code"]].to_numpy(),
    )
    centres = wards.geometry.representative_point()
    return RiskAssessment(
        assessment_id="A-TEST-1",
        as_of=date(2026, 11, 23),
        horizon_days=7,
        timezone="Europe/London",
        classification="OFFICIAL",
        notice="SYNTHETIC",
        boundary_name=study_area.name,
        boundary_approximate=study_area.approximate,
        boundary_sha256=study_area.sha256,
        attribution=study_area.attribution,
        policy_version="1",
        policy_sha256="0" * 64,
        seed=seed,
        wards=ward_scores,
        boroughs=borough_scores,
        places=tuple(
            WardPlace(score.code, score.name, score.borough_code, point.x, point.y, 1.0)
            for score, point in zip(ward_scores, centres, strict=True)
        ),
        borough_links=tuple(
            BoroughLink(str(row.code_a), str(row.code_b), str(row.kind))
            for row in study_area.borough_links.itertuples()
        ),
        ward_links=(),
        evidence=(
            EvidenceLine(
                *("reported_shooting", "Reported shootings", 1372, 1360, 0, 12, 0),
                *(date(2025, 4, 1), date(2026, 11, 22), "stated", 1.0),
            ),
        ),
        data_gaps=("Bexley and Hackney: no feed covers them",),
        inputs_sha256="1" * 64,
        draws=np.zeros((2, len(wards)), dtype=np.float32),
    )


def _scores(
    codes: pd.Series, names: pd.Series, boroughs: pd.Series, rates: np.ndarray
) -> tuple[AreaScore, ...]:
    ranks = np.argsort(np.argsort(-rates)) + 1
    top = len(rates) // 10
    return tuple(
        AreaScore(
            code=code,
            name=name,
            borough_code=borough,
            expected_per_week=float(rate),
            lower_90=float(rate) * 0.5,
            upper_90=float(rate) * 1.7,
            rank=int(rank),
            rank_lower_90=max(1, int(rank) - 20),
            rank_upper_90=min(len(rates), int(rank) + 30),
            probability_top_decile=0.4,
            tier="very high" if rank <= top else "middle",
            coverage="unknown" if borough in UNKNOWN_BOROUGHS else "known",
            contributions=(Contribution("reported_shooting", float(rate)),),
            reasons=("Reported shootings in the last year weigh most.",),
        )
        for code, name, borough, rate, rank in zip(
            codes, names, boroughs, rates, ranks, strict=True
        )
    )


def make_plan(study_area: StudyArea, *, n_units: int = 16) -> PatrolPlan:
    """Return connected areas grown from neighbours; coverage figures are made up."""
    boroughs = study_area.boroughs[study_area.boroughs["policed"]]
    names = dict(zip(boroughs["borough_code"], boroughs["borough_name"], strict=True))
    groups = _groups(borough_neighbours(study_area), sorted(names), n_units)
    units = tuple(
        UnitPlacement(
            unit_id=f"ARV-{number:02d}" if number < 14 else f"SO18-{number - 13}",
            provenance="CO19" if number < 14 else "SO18",
            boroughs=group,
            support=(),
            wards=(),
            marginal_coverage=0.031,
            reason=f"Covers {names[group[0]]} at the least loss elsewhere.",
            runner_up=RunnerUp(group[:1], 0.002),
        )
        for number, group in enumerate(groups, start=1)
    )
    covered = tuple(
        BoroughCoverage(code, names[code], unit.unit_id, 0.71)
        for unit in units
        for code in unit.boroughs
    )
    return PatrolPlan(
        plan_id="P-TEST-1",
        week="2026-W48",
        status="optimal",
        objective=0.7123,
        bound=0.7125,
        gap=0.0002 / 0.7123,
        units=units,
        boroughs=tuple(sorted(covered, key=lambda b: b.code)),
        settings={"service_standard_s": 540},
        assessment_id="A-TEST-1",
        inputs_sha256="1" * 64,
    )


def _groups(
    neighbours: dict[str, tuple[str, ...]], codes: list[str], n_groups: int
) -> list[tuple[str, ...]]:
    groups = [{code} for code in codes]
    while len(groups) > n_groups:
        groups.sort(key=lambda group: (len(group), min(group)))
        small = groups.pop(0)
        near = {other for code in small for other in neighbours[code]}
        target = min((g for g in groups if g & near), key=lambda g: (len(g), min(g)))
        target |= small
    return [tuple(sorted(group)) for group in sorted(groups, key=min)]


def make_cells(study_area: StudyArea, *, size_m: int = 250, seed: int = 2) -> pd.DataFrame:
    """Return a smooth made-up risk on every cell whose centre is in a policed ward."""
    west, south, east, north = study_area.boroughs.total_bounds
    columns, rows = np.meshgrid(
        np.arange(west // size_m * size_m + size_m / 2, east, size_m),
        np.arange(south // size_m * size_m + size_m / 2, north, size_m),
    )
    x, y = columns.ravel(), rows.ravel()
    codes = locate_wards(study_area, x, y)
    policed = study_area.wards.loc[study_area.wards["policed"], "ward_code"]
    inside = np.isin(codes, policed)
    x, y = x[inside], y[inside]
    rng = np.random.default_rng(seed)
    risk = np.full(len(x), 0.0002)
    for at_x, at_y in zip(rng.choice(x, 60), rng.choice(y, 60), strict=True):
        risk += 0.004 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 1200.0**2))
    return pd.DataFrame({"x_m": x, "y_m": y, "expected_per_week": risk})


def with_hostile_text(
    assessment: RiskAssessment, plan: PatrolPlan, text: str
) -> tuple[RiskAssessment, PatrolPlan]:
    """Return both with ``text`` planted in every field of text that the page shows."""

    def plant(score: AreaScore) -> AreaScore:
        return replace(score, name=text, tier=text, reasons=(text,))

    assessment = replace(
        assessment,
        classification=text,
        notice=text,
        policy_version=text,
        assessment_id=text,
        wards=tuple(plant(score) for score in assessment.wards),
        boroughs=tuple(plant(score) for score in assessment.boroughs),
        evidence=tuple(replace(line, title=text) for line in assessment.evidence),
        data_gaps=(text,),
    )
    units = tuple(replace(unit, unit_id=text, provenance=text, reason=text) for unit in plan.units)
    covered = tuple(replace(row, unit_id=text, name=text) for row in plan.boroughs)
    return assessment, replace(
        plan, plan_id=text, assessment_id=text, units=units, boroughs=covered
    )
