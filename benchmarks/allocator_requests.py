"""A thousand random requests on worlds of 8 to 12 boroughs, and twenty on the real city.

Every plan is verified independently; every refusal that names rules is tested by dropping the
rules it says are enough. `ARV_REQUESTS=100` and `ARV_FULL_SIZE=2` ask for fewer. The small
worlds are those of the tests.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from allocator.conflicts import ConflictError, Rule
from allocator.errors import LockRefusedError, PlanInfeasibleError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import embedded_travel_time
from allocator.verifier import verify_plan
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from api.files.sample_data import sample_fleet
from benchmarks.allocator_plan import COUNTS, london
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import make_world

REQUESTS, FULL_SIZE = "ARV_REQUESTS", "ARV_FULL_SIZE"
REQUESTS_OF_WORLD = 10
QUICK = PlanSettings(gap_tolerance=0.02)
CITY = PlanSettings(gap_tolerance=0.005)
CITY_LIMIT_S = 60.0
SEED = 20_260_801
Codes = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Request:
    """What is asked of one plan."""

    world: RiskAssessment
    fleet: Fleet
    locks: Codes
    excludes: Codes
    settings: PlanSettings
    previous: PatrolPlan | None = None
    max_changes: int | None = None


def run() -> str:
    """Ask everything and count the outcomes."""
    lines = [_small(int(os.environ.get(REQUESTS, "1000")))]
    if COUNTS.is_file():
        lines.append(_full_size(int(os.environ.get(FULL_SIZE, "20"))))
    else:
        lines.append("full size: the public test data (../shared/data) is not beside this checkout")
    return "\n".join(lines)


def _small(count: int) -> str:
    random = np.random.default_rng(SEED)
    outcomes: Counter[str] = Counter()
    start = time.process_time()
    world = make_world(0, n_boroughs=8)
    previous: PatrolPlan | None = None
    for number in range(count):
        if number % REQUESTS_OF_WORLD == 0:
            world = make_world(number, n_boroughs=int(random.integers(8, 13)))
            previous = None
        request = random_request(random, world, previous)
        outcome, plan = ask(request)
        outcomes[outcome] += 1
        previous = plan or previous
    return _told(f"{count} requests on 8 to 12 boroughs", outcomes, start)


def _full_size(count: int) -> str:
    random = np.random.default_rng(SEED)
    world, fleet = london(), read_fleet(sample_fleet())
    outcomes: Counter[str] = Counter()
    start = time.process_time()
    codes = [borough.code for borough in world.boroughs]
    for _ in range(count):
        few = int(random.integers(1, 5))
        out = set(random.choice(len(fleet.units), int(random.integers(0, 4)), False).tolist())
        left = tuple(unit for n, unit in enumerate(fleet.units) if n not in out)
        free = [unit.unit_id for unit in left if not unit.eligible_boroughs]
        owners = random.choice(free, few, replace=False).tolist()
        places = random.choice(codes, few, replace=False).tolist()
        locks: Codes = {str(a): (str(b),) for a, b in zip(owners, places, strict=True)}
        outcome, _ = ask(Request(world, replace(fleet, units=left), locks, {}, CITY))
        outcomes[outcome] += 1
    return _told(f"{count} requests on London, 679 wards", outcomes, start)


def _told(what: str, outcomes: Counter[str], start: float) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    return f"{what}: {counts} ({time.process_time() - start:.0f} s of processor time)"


def random_request(
    random: np.random.Generator, world: RiskAssessment, previous: PatrolPlan | None
) -> Request:
    """A fleet with narrow eligibility, locks, exclusions and at times a limit on changes."""
    codes = [borough.code for borough in world.boroughs]
    units = []
    for number in range(int(random.integers(2, 6))):
        size = int(random.integers(1, 4 if number % 2 else len(codes)))
        few = tuple(sorted(random.choice(codes, size, replace=False).tolist()))
        units.append(Unit(f"U{number}", "X", few if random.random() < 0.6 else ()))
    free = set(codes)
    locks: Codes = {}
    excludes: Codes = {}
    for unit in units:
        options = sorted(free & set(unit.eligible_boroughs or codes))
        if options and random.random() < 0.4:
            locks[unit.unit_id] = (str(random.choice(options)),)
            free -= set(locks[unit.unit_id])
        elif random.random() < 0.2:
            excludes[unit.unit_id] = (str(random.choice(codes)),)
    limit = int(random.integers(0, 4)) if previous is not None and random.random() < 0.3 else None
    fleet = Fleet(tuple(units), 540, 60)
    return Request(
        world, fleet, locks, excludes, QUICK, previous if limit is not None else None, limit
    )


def ask(request: Request) -> tuple[str, PatrolPlan | None]:
    """Plan a request, verify the plan or test the refusal, and name the outcome."""
    try:
        return "verified", _planned(request)
    except ConflictError as refusal:
        _planned(_without(request, refusal.relaxation))
        return "refused with rules whose removal helps", None
    except PlanInfeasibleError:
        bare = replace(
            request, locks={}, excludes={}, max_changes=None, previous=None,
            fleet=replace(
                request.fleet,
                units=tuple(replace(u, eligible_boroughs=()) for u in request.fleet.units),
            ),
        )  # fmt: skip
        try:
            _planned(bare)
        except PlanInfeasibleError:
            return "refused, impossible under any rules", None
        return "WRONGLY refused without naming rules", None
    except LockRefusedError as refusal:
        told = "Remedy: " in str(refusal)
        return "refused as contradictory" if told else "WRONGLY refused without a remedy", None


def _planned(request: Request) -> PatrolPlan:
    world, fleet, settings = request.world, request.fleet, request.settings
    plan = plan_week(
        world,
        fleet,
        settings=settings,
        time_limit_s=CITY_LIMIT_S,
        locks=request.locks,
        excludes=request.excludes,
        previous=request.previous,
        max_changes=request.max_changes,
    )
    verify_plan(
        plan,
        world,
        fleet,
        embedded_travel_time(world),
        settings,
        locks=request.locks,
        excludes=request.excludes,
        previous=request.previous,
        max_changes=request.max_changes,
    )
    return plan


def _without(request: Request, rules: tuple[Rule, ...]) -> Request:
    freed = {rule.unit_id for rule in rules if rule.kind == "eligible"}
    units = tuple(
        replace(unit, eligible_boroughs=()) if unit.unit_id in freed else unit
        for unit in request.fleet.units
    )
    kept = replace(
        request,
        fleet=replace(request.fleet, units=units),
        locks=_less(request.locks, "lock", rules),
        excludes=_less(request.excludes, "exclude", rules),
    )
    if any(rule.kind == "changes" for rule in rules):
        kept = replace(kept, max_changes=None)
    return kept


def _less(asked: Codes, kind: str, rules: tuple[Rule, ...]) -> Codes:
    dropped = {(rule.unit_id, code) for rule in rules if rule.kind == kind for code in rule.codes}
    left = {
        unit_id: tuple(code for code in codes if (unit_id, code) not in dropped)
        for unit_id, codes in asked.items()
    }
    return {unit_id: codes for unit_id, codes in left.items() if codes}
