"""Make the synthetic sample: twenty months of invented records, calibrated on published totals.

Run ``python data/sample/generate.py --out DIR``. The same seed and boundaries give the same
bytes on every machine: the only random source is ``numpy.random.Generator.random``, places
are whole metres and times whole minutes, and nothing is compressed.

No record describes a real event. A record's borough follows published totals; inside the
borough the ward is drawn with equal chance and the point uniformly in the ward, so that no
real ward is accused. ``README.md`` in this folder gives the sources of every figure.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from calibration import (
    END_MIN,
    FEEDS,
    FIRST_DAY,
    INJURY_SHARE,
    LAST_DAY,
    NIGHT_HOURS,
    NOT_SEEN_SHARE,
    SEED,
    SHOOTING_SHARE,
    THREAT_SHARE,
    WINDOWS,
    Feed,
    Window,
)
from draws import (
    Events,
    Geography,
    apportion,
    draw,
    draw_ends,
    draw_known,
    draw_starts,
    draw_wards,
    load_geography,
    place,
    shuffled,
    skip_clock_changes,
)
from numpy.random import Generator
from numpy.typing import NDArray
from rows import (
    COLUMNS,
    Row,
    coarsen_places,
    correct,
    grade,
    gun_crime_corrections,
    pick,
    shooting_corrections,
    to_rows,
)

WARDS_FILE = Path(__file__).resolve().parent.parent / "boundaries" / "wards.geojson"


def gun_crimes(rng: Generator, geography: Geography) -> Events:
    """Draw every gun crime: exact totals per window, category and borough."""
    parts = []
    for window in WINDOWS:
        n = window.gun_crimes
        borough = shuffled(rng, np.repeat(np.arange(32), apportion(n, geography.offences)))
        ward = draw_wards(rng, geography, borough)
        x_m, y_m = place(rng, geography, ward)
        start = draw_starts(rng, window.first, window.last, NIGHT_HOURS, n)
        end = draw_ends(rng, start, (0.7, 0.3, 0.0))
        known = draw_known(rng, start, end, 48)
        category = shuffled(rng, np.repeat(*_gun_crime_categories(window)))
        parts.append(Events(borough, ward, x_m, y_m, start, end, known, category))
    return Events(*(np.concatenate(column) for column in zip(*map(_columns, parts), strict=True)))


def _gun_crime_categories(window: Window) -> tuple[list[str], list[int]]:
    total = window.gun_crimes
    shootings = round(total * SHOOTING_SHARE)
    injured = round(shootings * INJURY_SHARE)
    seen, not_seen = round(total * THREAT_SHARE), round(total * NOT_SEEN_SHARE)
    counts = {
        "firearm_discharged": shootings - injured - window.deaths,
        "firearm_discharged_injury": injured,
        "firearm_discharged_fatal": window.deaths,
        "firearm_threat": seen,
        "firearm_intimated": not_seen,
        "firearm_other": total - shootings - seen - not_seen,
    }
    return list(counts), list(counts.values())


def _columns(events: Events) -> tuple[NDArray[Any], ...]:
    return tuple(getattr(events, name) for name in Events.__dataclass_fields__)


def _take(events: Events, index: NDArray[np.int64]) -> Events:
    return Events(*(column[index] for column in _columns(events)))


def feed_events(rng: Generator, geography: Geography, feed: Feed, crimes: Events) -> Events:
    """Draw one feed; its first ``echoes`` records tell of a gun crime at the same place."""
    n = feed.count
    borough = draw(rng, geography.offences, n)
    ward = draw_wards(rng, geography, borough)
    x_m, y_m = place(rng, geography, ward)
    start = draw_starts(rng, FIRST_DAY, LAST_DAY, feed.hours, n)
    told = shuffled(rng, np.arange(len(crimes.ward)))[: feed.echoes]
    for own, other in ((borough, crimes.borough), (ward, crimes.ward), (x_m, crimes.x_m),
                       (y_m, crimes.y_m)):  # fmt: skip
        own[: feed.echoes] = other[told]
    after = np.floor(rng.random(feed.echoes) * 30).astype(np.int64)
    start[: feed.echoes] = skip_clock_changes(np.minimum(crimes.start_min[told] + after, END_MIN))
    end = draw_ends(rng, start, feed.times)
    known = draw_known(rng, start, end, feed.delay_h)
    names = np.array([name for name, _, _ in feed.categories])
    category = names[draw(rng, [share for _, _, share in feed.categories], n)]
    events = Events(borough, ward, x_m, y_m, start, end, known, category)
    return _take(events, np.lexsort((known, start)))


def make_feeds(geography: Geography, seed: int = SEED) -> dict[str, list[Row]]:
    """Draw every feed. The keys are the sources, the rows in the order of the files."""
    rng = np.random.Generator(np.random.PCG64(seed))
    crimes = gun_crimes(rng, geography)
    crimes = _take(crimes, np.lexsort((crimes.known_min, crimes.start_min)))
    shot = np.char.startswith(crimes.category.astype(str), "firearm_discharged")
    reported = {str(name): "reported" for name in np.unique(crimes.category)}
    shootings, others = _take(crimes, np.flatnonzero(shot)), _take(crimes, np.flatnonzero(~shot))
    feeds = {
        "reported_shooting": to_rows(shootings, "reported_shooting", "RS", reported),
        "recorded_gun_crime": to_rows(others, "recorded_gun_crime", "GC", reported),
    }
    feeds["reported_shooting"] += shooting_corrections(rng, feeds["reported_shooting"])
    feeds["recorded_gun_crime"] += gun_crime_corrections(
        rng, feeds["recorded_gun_crime"], others, geography
    )
    for feed in FEEDS:
        events = feed_events(rng, geography, feed, crimes)
        basis = {name: kind for name, kind, _ in feed.categories}
        rows = to_rows(events, feed.source, feed.prefix, basis)
        coarsen_places(rng, rows, events, geography, feed)
        grade(rng, rows, feed.grading)
        gone = pick(rng, rows, feed.withdrawn, feed.categories[0][0], WINDOWS)
        feeds[feed.source] = rows + correct(rng, rows, gone, correction="withdrawn")
    return feeds


def write_sample(out: Path, geography: Geography, seed: int = SEED) -> None:
    """Write the feeds, their coverage sidecars and ``SHA256SUMS`` under ``out``."""
    folder = out / "feeds"
    folder.mkdir(parents=True, exist_ok=True)
    for source, rows in make_feeds(geography, seed).items():
        _write(folder / f"{source}.csv", COLUMNS, rows)
        span = {"first_day": FIRST_DAY.isoformat(), "last_day": LAST_DAY.isoformat()}
        covered = [{"area_code": code} | span for code in geography.boroughs]
        _write(folder / f"{source}.coverage.csv", ("area_code", *span), covered)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  feeds/{path.name}\n"
        for path in sorted(folder.glob("*.csv"))
    ]
    (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Parse the command line and write the sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--wards", type=Path, default=WARDS_FILE, help="ward polygons, EPSG:27700")
    arguments = parser.parse_args()
    write_sample(arguments.out, load_geography(arguments.wards), arguments.seed)


if __name__ == "__main__":
    main()
