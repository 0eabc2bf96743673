"""Small made-up worlds for the placement tests, and slow exact answers about them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from datetime import date

import numpy as np

from allocator.plan import Fleet
from allocator.settings import PlanSettings
from allocator.travel_time import embedded_travel_time
from hotspots.assessment import (
    AreaScore,
    BoroughLink,
    Contribution,
    RiskAssessment,
    WardLink,
    WardPlace,
)

#: Rules wide open and the proof exact, for comparison with complete enumeration.
FREE = PlanSettings(workload_cap=math.inf, workload_floor=0.0, max_boroughs=64, gap_tolerance=1e-7)


def borough_code(number: int) -> str:
    return f"E09000{number + 2:03d}"


def make_world(
    seed: int, *, n_boroughs: int = 6, wards_each: int = 2, spacing_m: float = 4_000.0
) -> RiskAssessment:
    """Boroughs on a bent chain with a few cross links; every borough can be driven to."""
    random = np.random.default_rng(seed)
    width = max(2, round(math.sqrt(n_boroughs)))
    centres = np.array([divmod(number, width) for number in range(n_boroughs)], dtype=float)
    centres = 520_000.0 + spacing_m * (centres + random.uniform(-0.2, 0.2, centres.shape))
    pairs = {(number, number + 1) for number in range(n_boroughs - 1)}
    for number in range(n_boroughs - width):
        if random.random() < 0.7:
            pairs.add((number, number + width))
    places, owner = [], []
    for number in range(n_boroughs):
        for ward in range(wards_each):
            x_m, y_m = centres[number] + random.uniform(-0.3, 0.3, 2) * spacing_m
            code = f"E05{number:03d}{ward:03d}"
            places.append(
                WardPlace(
                    code, f"Ward {code}", borough_code(number), x_m, y_m, random.uniform(1, 6)
                )
            )
            owner.append(number)
    rates = random.gamma(0.7, 1.0, len(places)) + 1e-3
    return _assessment(places, owner, rates, sorted(pairs))


def _assessment(
    places: list[WardPlace], owner: list[int], rates: np.ndarray, pairs: list[tuple[int, int]]
) -> RiskAssessment:
    n_boroughs = max(owner) + 1
    wards = tuple(
        score(place.code, place.name, place.borough_code, float(rate))
        for place, rate in zip(places, rates, strict=True)
    )
    boroughs = tuple(
        score(
            borough_code(number),
            f"Borough {number}",
            borough_code(number),
            float(sum(r for r, o in zip(rates, owner, strict=True) if o == number)),
        )
        for number in range(n_boroughs)
    )
    joined = {*pairs, *((number, number) for number in range(n_boroughs))}
    ward_links = tuple(
        WardLink(a.code, b.code, "land", math.hypot(a.x_m - b.x_m, a.y_m - b.y_m))
        for (i, a), (j, b) in itertools.combinations(enumerate(places), 2)
        if (owner[i], owner[j]) in joined
    )
    return RiskAssessment(
        assessment_id="made-up",
        as_of=date(2026, 11, 23),
        horizon_days=28,
        timezone="Europe/London",
        classification="OFFICIAL",
        notice="SYNTHETIC",
        boundary_name="made-up",
        boundary_approximate=True,
        boundary_sha256="0" * 64,
        attribution=(),
        policy_version="1",
        policy_sha256="0" * 64,
        seed=0,
        wards=wards,
        boroughs=boroughs,
        places=tuple(places),
        borough_links=tuple(
            BoroughLink(borough_code(a), borough_code(b), "land") for a, b in pairs
        ),
        ward_links=ward_links,
        evidence=(),
        data_gaps=(),
        inputs_sha256="0" * 64,
        draws=np.tile(rates.astype(np.float32), (3, 1)),
    )


def score(code: str, name: str, borough: str, rate: float) -> AreaScore:
    return AreaScore(
        code=code,
        name=name,
        borough_code=borough,
        expected_per_week=rate,
        lower_90=0.8 * rate,
        upper_90=1.2 * rate,
        rank=1,
        rank_lower_90=1,
        rank_upper_90=1,
        probability_top_decile=0.0,
        tier="middle",
        coverage="known",
        contributions=(Contribution("made-up", rate),),
        reasons=(),
    )


def all_plans(
    assessment: RiskAssessment, fleet: Fleet, locks: dict[str, tuple[str, ...]]
) -> Iterator[dict[str, frozenset[str]]]:
    """Every partition of the boroughs into connected eligible areas that keep the locks."""
    codes = [borough.code for borough in assessment.boroughs]
    roads = {frozenset((link.code_a, link.code_b)) for link in assessment.borough_links}
    units = fleet.units
    for owners in itertools.product(range(len(units)), repeat=len(codes)):
        if len(set(owners)) < len(units):
            continue
        areas = [
            frozenset(c for c, o in zip(codes, owners, strict=True) if o == number)
            for number in range(len(units))
        ]
        if all(
            (not unit.eligible_boroughs or area <= set(unit.eligible_boroughs))
            and area >= set(locks.get(unit.unit_id, ()))
            and connected(area, roads)
            for unit, area in zip(units, areas, strict=True)
        ):
            yield {unit.unit_id: area for unit, area in zip(units, areas, strict=True)}


def connected(area: frozenset[str], roads: set[frozenset[str]]) -> bool:
    start = min(area)
    reached, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for other in area - reached:
            if frozenset((here, other)) in roads:
                reached.add(other)
                waiting.append(other)
    return reached == area


class SlowCoverage:
    """The definition of expected coverage, written out ward by ward."""

    def __init__(self, assessment: RiskAssessment, fleet: Fleet, settings: PlanSettings) -> None:
        self._settings = settings
        self._fleet = fleet
        self._places = assessment.places
        rates = [ward.expected_per_week for ward in assessment.wards]
        self._demand = [rate / sum(rates) for rate in rates]
        ground = sum(place.area_km2 for place in self._places)
        mix = settings.demand_mix
        self._time = [
            mix * share + (1 - mix) * place.area_km2 / ground
            for share, place in zip(self._demand, self._places, strict=True)
        ]
        limit_s = fleet.service_standard_s - fleet.turnout_s
        seconds = embedded_travel_time(assessment).seconds
        self._chance = [
            [self._in_time(limit_s, float(seconds[i, j])) for j in range(len(rates))]
            for i in range(len(rates))
        ]
        self._answered: dict[frozenset[str], list[float]] = {}

    def _in_time(self, limit_s: float, seconds: float) -> float:
        margin = math.log(limit_s / seconds) / self._settings.travel_noise
        chance = (1 + math.erf(margin / math.sqrt(2))) / 2
        return chance if chance >= self._settings.negligible_reach else 0.0

    def of(self, areas: dict[str, frozenset[str]]) -> float:
        return self._weighed(areas, range(len(self._demand)))

    def of_borough(self, areas: dict[str, frozenset[str]], code: str) -> float:
        inside = [n for n, place in enumerate(self._places) if place.borough_code == code]
        return self._weighed(areas, inside) / sum(self._demand[ward] for ward in inside)

    def reached(self, areas: dict[str, frozenset[str]], ward: int) -> float:
        """Chance that an incident in a ward on any day of the week is reached in time."""
        return self._weighed(areas, [ward]) / self._demand[ward]

    def _weighed(self, areas: dict[str, frozenset[str]], wards: Iterable[int]) -> float:
        chances = {unit.unit_id: self.answered(areas[unit.unit_id]) for unit in self._fleet.units}
        return sum(
            self._demand[ward] / 7 * (1 - math.prod(1 - on_road[ward] for on_road in out))
            for day in range(7)
            for out in [
                [chances[unit.unit_id] for unit in self._fleet.units if day in unit.on_duty]
            ]
            for ward in wards
        )

    def answered(self, area: frozenset[str]) -> list[float]:
        """Chance that a unit of the area, on duty, answers each ward in time."""
        if area not in self._answered:
            inside = [n for n, p in enumerate(self._places) if p.borough_code in area]
            total = sum(self._time[n] for n in inside)
            free = 1 - self._settings.busy_fraction
            self._answered[area] = [
                free * sum(self._time[n] * self._chance[n][ward] for n in inside) / total
                for ward in range(len(self._places))
            ]
        return self._answered[area]
