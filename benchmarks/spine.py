"""The real week, end to end: what each step costs on this machine.

Single times on a shared machine mean little; the table gives the median of several runs and
each step's share of the whole, which is what to watch.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from allocator.plan import PatrolPlan
from api import week as weekly
from api.files.assessment_folder import AssessmentFolder
from api.files.fleet_file import read_fleet
from api.files.policy_file import read_policy
from api.files.sample_data import sample_fleet
from hotspots.feeds.reader import ReadOptions

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "crime"
FILES = ("mps_gun_knife_ward_monthly_2021-08_2023-07.parquet", "2017-06-metropolitan-street.csv.gz")
RUNS = 3


def run() -> str:
    """Return the table of the steps of the real week of August 2023."""
    if not REAL.is_dir():
        return "spine: the public test data (../shared/data) is not beside this checkout"
    times: dict[str, list[float]] = {}
    plans = [_one_run(times) for _ in range(RUNS)]
    return _table(times) + f"\nplan: {plans[-1].status}, gap {plans[-1].gap:.4%}"


def _one_run(times: dict[str, list[float]]) -> PatrolPlan:
    def timed(step: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        times.setdefault(step, []).append(time.perf_counter() - start)
        return result

    paths = [REAL / name for name in FILES]
    area = timed("load boundaries", lambda: weekly.study_area(None, None))
    readings = timed("read feeds", lambda: weekly.read_feeds(paths, area, ReadOptions()))
    assessed = timed(
        "assess",
        lambda: weekly.assess(
            readings,
            area,
            as_of=date(2023, 8, 1),
            policy=read_policy(None),
            seed=0,
            classification="OFFICIAL",
        ),
    )
    folder = AssessmentFolder(assessed.assessment, assessed.cells)
    request = weekly.PlacementRequest(fleet=read_fleet(sample_fleet()))
    plan: PatrolPlan = timed("place 16 units", lambda: weekly.place(folder, request))
    timed("draw map and briefing", lambda: weekly.plan_writers(plan, folder, area))
    return plan


def _table(times: dict[str, list[float]]) -> str:
    medians = {step: statistics.median(runs) for step, runs in times.items()}
    whole = sum(medians.values())
    lines = [f"{'step':24} {'median s':>9} {'share':>6}"]
    lines += [f"{step:24} {value:9.2f} {value / whole:6.0%}" for step, value in medians.items()]
    return "\n".join([*lines, f"{'whole week':24} {whole:9.2f}"])
