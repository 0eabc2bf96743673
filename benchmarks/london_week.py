"""Processor time of one London week from more than 100,000 real records.

Timed, in a process of its own that has imported everything and done nothing else: loading the
bundled boundaries, reading every feed file, validating it, and assessing the week up to the
published assessment with its content id and cells. Not timed: imports and writing the feed
files. The week is then done again in the same process on the same boundaries, as the
sensitivity panel does, so that what follows from their geometry alone is already known.

The records are the MPS gun and knife counts by ward, 2021-08 to 2023-07, and six months of
police.uk street crime of 2017 in the publisher's layout. Their months are moved six years on,
because the public street file ends in 2017: then none is stale and all of them weigh.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from itertools import pairwise
from pathlib import Path

import pandas as pd

from api import week as weekly
from api.files.policy_file import read_policy
from hotspots.boundaries.study_area import StudyArea
from hotspots.feeds.reader import ReadOptions

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "crime"
COUNTS = "mps_gun_knife_ward_monthly_2021-08_2023-07.parquet"
STREET = "police_uk_street_2016-01_2017-12.parquet"
MONTHS = tuple(f"2017-{month:02d}" for month in range(2, 8))
TYPES = ("Violence and sexual offences", "Robbery", "Possession of weapons")
AS_OF = date(2023, 8, 1)
RUNS = 5


def run() -> str:
    """Return the table of processor seconds."""
    if not REAL.is_dir():
        return "london_week: the public test data (../shared/data) is not beside this checkout"
    with tempfile.TemporaryDirectory(prefix="arv-week-") as folder:
        _write_street_files(Path(folder))
        runs = [_measured(folder) for _ in range(RUNS)]
    head = f"{'CPU seconds, median (least) of ' + str(RUNS) + ' processes':58} {'s':>8}  target"
    labels = ("load the bundled boundaries", "read and validate the feeds", "assess and publish")
    lines = [
        f"{label:58} {statistics.median(run[column] for run in runs):8.2f}"
        for column, label in enumerate(labels, start=1)
    ]
    first = [sum(run[1:4]) for run in runs]
    again = [run[4] for run in runs]
    what = f"London week, {int(runs[0][0]):,} records: the first in a process"
    lines.append(f"{what:58} {statistics.median(first):8.2f}  < 2 (least {min(first):.2f})")
    what = "  the same week again in the same process"
    lines.append(f"{what:58} {statistics.median(again):8.2f}  < 2 (least {min(again):.2f})")
    return "\n".join([head, *lines])


def _write_street_files(folder: Path) -> None:
    """Write six monthly street files in the publisher's layout, gzipped as it publishes none."""
    street = pd.read_parquet(REAL / STREET)
    street = street[street["month"].isin(MONTHS) & street["crime_type"].isin(TYPES)]
    for month, rows in street.groupby("month"):
        moved = f"{int(str(month)[:4]) + 6}{str(month)[4:]}"
        frame = pd.DataFrame(
            {
                "Crime ID": rows["api_id"].map("{:064x}".format),
                "Month": moved,
                "Reported by": rows["reported_by"],
                "Falls within": rows["reported_by"],
                "Longitude": rows["longitude"],
                "Latitude": rows["latitude"],
                "Location": rows["location"],
                "LSOA code": rows["lsoa_code"],
                "LSOA name": "",
                "Crime type": rows["crime_type"],
                "Last outcome category": rows["last_outcome_category"],
                "Context": "",
            }
        )
        frame.to_csv(folder / f"{moved}-metropolitan-street.csv", index=False)


def _measured(folder: str) -> tuple[float, ...]:
    code = f"from benchmarks.london_week import timed_week; timed_week({folder!r})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return tuple(float(one) for one in out.stdout.split())


def timed_week(folder: str) -> None:
    """Print records, seconds of the three steps, and seconds of the whole week done again."""
    paths = [REAL / COUNTS, *sorted(Path(folder).glob("*.csv"))]
    start = time.process_time()
    area = weekly.study_area(None, None)
    loaded = time.process_time() - start
    records, first = _week(paths, area)
    _, again = _week(paths, area)
    print(records, loaded, *first, sum(again))


def _week(paths: list[Path], area: StudyArea) -> tuple[int, list[float]]:
    policy = read_policy(None)
    marks = [time.process_time()]
    readings = weekly.read_feeds(paths, area, ReadOptions())
    marks.append(time.process_time())
    weekly.assess(
        readings, area, as_of=AS_OF, policy=policy, seed=0, classification="OFFICIAL"
    )  # fmt: skip
    marks.append(time.process_time())
    records = sum(len(one.records) + len(one.counts) for one in readings)
    return records, [after - before for before, after in pairwise(marks)]
