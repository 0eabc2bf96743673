"""A week built by hand on the bundled boundaries: no engine is needed to draw a briefing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from allocator.plan import BoroughCoverage, PatrolPlan, RunnerUp, UnitPlacement
from hotspots.assessment import (
    AreaScore,
    Contribution,
    EvidenceLine,
    RiskAssessment,
    WardPlace,
)
from hotspots.boundaries.study_area import StudyArea, borough_neighbours, ward_centres

SETTINGS: dict[str, object] = {
    "service_standard_s": 900,
    "turnout_s": 60,
    "assumption": "invented for the example",
    "travel_time_source": "embedded ward graph",
    "busy_fraction": 0.25,
    "gap_tolerance": 0.001,
    "robustness": {
        "mean": 0.672, "n_draws": 4000, "worst_tenth": 0.664, "worst_tenth_bound": None,
    },
    "events": [
        {
            "name": "Fair", "first_day": "2026-11-24", "last_day": "2026-11-25",
            "extra_share": 0.5, "extra_calls": 0.0, "units": [], "n_units": 1,
        }
    ],
}  # fmt: skip


def hand_made_week(
    area: StudyArea, *, n_draws: int = 400
) -> tuple[RiskAssessment, PatrolPlan, pd.DataFrame]:
    """Return an assessment, a plan of sixteen areas and cells; every figure is invented."""
    policed = area.wards[area.wards["policed"]].reset_index(drop=True)
    random = np.random.default_rng(7)
    borough_level = dict(
        zip(
            area.boroughs["borough_code"],
            random.gamma(2.0, 0.02, len(area.boroughs)),
            strict=True,
        )
    )
    means = np.array([borough_level[code] for code in policed["borough_code"]])
    means = means * random.gamma(6.0, 1 / 6, len(means))
    draws = random.gamma(4.0, means / 4.0, (n_draws, len(means))).astype(np.float32)
    wards = _scores(policed["ward_code"], policed["ward_name"], policed["borough_code"], draws)
    boroughs = area.boroughs[area.boroughs["policed"]]
    owner = policed["borough_code"].to_numpy()
    sums = np.column_stack([draws[:, owner == c].sum(axis=1) for c in boroughs["borough_code"]])
    codes = boroughs["borough_code"]
    assessment = _assessment(area, policed, wards, draws)
    assessment = _with(assessment, _scores(codes, boroughs["borough_name"], codes, sums))
    centres = ward_centres(policed)
    cells = pd.DataFrame(
        {"x_m": centres[:, 0], "y_m": centres[:, 1], "expected_per_week": draws.mean(axis=0)}
    )
    return assessment, _plan(area, assessment), cells


def _with(assessment: RiskAssessment, boroughs: tuple[AreaScore, ...]) -> RiskAssessment:
    values = {**vars(assessment), "boroughs": boroughs}
    return RiskAssessment(**values)


def _scores(codes, names, boroughs, draws) -> tuple[AreaScore, ...]:  # type: ignore[no-untyped-def]  # pandas columns of str
    means = draws.mean(axis=0)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    order = np.argsort(np.argsort(-draws, axis=1), axis=1) + 1
    rank_low, rank_high = np.quantile(order, [0.05, 0.95], axis=0, method="nearest")
    top = (order <= max(1, draws.shape[1] // 10)).mean(axis=0)
    rank = np.argsort(np.argsort(-means)) + 1
    return tuple(
        AreaScore(
            code=str(code),
            name=str(name),
            borough_code=str(borough),
            expected_per_week=float(means[i]),
            lower_90=float(low[i]),
            upper_90=float(high[i]),
            rank=int(rank[i]),
            rank_lower_90=int(rank_low[i]),
            rank_upper_90=int(rank_high[i]),
            probability_top_decile=float(top[i]),
            tier="high" if top[i] > 0.9 else "not distinguishable",
            coverage="known",
            contributions=(Contribution("recorded_gun_crime", float(means[i])),),
            reasons=(f"{name}: recorded gun crime gives most of the rate (invented).",),
        )
        for i, (code, name, borough) in enumerate(zip(codes, names, boroughs, strict=True))
    )


def _assessment(
    area: StudyArea, policed: pd.DataFrame, wards: tuple[AreaScore, ...], draws: np.ndarray
) -> RiskAssessment:
    centres = ward_centres(policed)
    places = tuple(
        WardPlace(ward.code, ward.name, ward.borough_code, float(x), float(y), 2.0)
        for ward, (x, y) in zip(wards, centres, strict=True)
    )
    evidence = tuple(
        EvidenceLine(
            source=key,
            title=title,
            accepted=used + seen,
            used=used,
            discovered_shown_only=seen,
            stale_shown_only=0,
            rejected=3,
            first_day=date(2025, 4, 1),
            last_day=date(2026, 11, 22),
            coverage="32 boroughs, every day (stated)",
            effective_weight=used * 0.8,
        )
        for key, title, used, seen in (
            ("reported_shooting", "Reported shootings", 1380, 0),
            ("recorded_gun_crime", "Recorded gun crime", 3700, 0),
            ("co19_handover", "CO19 handovers", 900, 0),
            ("blunt_2", "Operation Blunt 2", 0, 1100),
        )
    )
    return RiskAssessment(
        assessment_id="a-hand-made",
        as_of=date(2026, 11, 23),
        horizon_days=7,
        timezone="Europe/London",
        classification="OFFICIAL",
        notice="SYNTHETIC",
        boundary_name=area.name,
        boundary_approximate=area.approximate,
        boundary_sha256=area.sha256,
        attribution=area.attribution,
        policy_version="2026.1",
        policy_sha256="0" * 64,
        seed=0,
        wards=wards,
        boroughs=(),
        places=places,
        borough_links=(),
        ward_links=(),
        evidence=evidence,
        data_gaps=("Operation Blunt 2 is discovered evidence: shown, never scored.",),
        inputs_sha256="1" * 64,
        draws=draws,
    )


def _plan(area: StudyArea, assessment: RiskAssessment) -> PatrolPlan:
    names = {score.code: score.name for score in assessment.boroughs}
    groups = _groups(area, sorted(names), 16)
    units = tuple(
        UnitPlacement(
            unit_id=f"ARV-{number:02d}",
            provenance="CO19",
            boroughs=group,
            support=(),
            wards=tuple(w.code for w in assessment.wards if w.borough_code in group),
            marginal_coverage=0.02 + number / 1000,
            reason=(
                f"{' and '.join(names[c] for c in group)} hold "
                f"{number + 3} % of expected demand; 94 % of it is reached in standard."
            ),
            runner_up=RunnerUp(group[:1], 0.0012) if number % 2 else None,
        )
        for number, group in enumerate(groups, start=1)
    )
    holder = {code: unit.unit_id for unit in units for code in unit.boroughs}
    places = tuple(BoroughCoverage(c, names[c], holder[c], 0.9) for c in sorted(names))
    return PatrolPlan(
        plan_id="p-hand-made",
        week="2026-W48",
        status="optimal",
        objective=0.9312,
        bound=0.9315,
        gap=0.0003 / 0.9312,
        units=units,
        boroughs=places,
        settings=SETTINGS,
        assessment_id="a-hand-made",
        inputs_sha256="2" * 64,
    )


def _groups(area: StudyArea, codes: list[str], n_groups: int) -> list[tuple[str, ...]]:
    """Merge the smallest group with its smallest neighbour until ``n_groups`` are left."""
    near = borough_neighbours(area)
    groups = [{code} for code in codes]
    while len(groups) > n_groups:
        smallest = min(groups, key=lambda group: (len(group), min(group)))
        around = {other for code in smallest for other in near[code]}
        others = [group for group in groups if group is not smallest and group & around]
        best = min(others, key=lambda group: (len(group), min(group)))
        groups = [group for group in groups if group is not smallest and group is not best]
        groups.append(smallest | best)
    return sorted(tuple(sorted(group)) for group in groups)
