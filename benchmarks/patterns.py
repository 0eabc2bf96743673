"""Patterns on null data and on planted ones, the feedback loop, coverage, and what they cost.

On null data every rate must lie at or below 5 %, or its 99 % interval reach down to it. Beside
our neighbourhood test stands the usual shuffle of the values with the smaller tail taken, which
is what breaks down on sparse counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import date

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse, stats

from benchmarks import coverage
from hotspots.boundaries.study_area import load_bundled, ward_centres
from hotspots.clusters import IncidentPoints, find_hot_spots
from hotspots.feedback import LoopSettings, simulate_feedback
from hotspots.patterns import cluster_areas
from hotspots.places import policed_places
from hotspots.scan import scan, scan_zones
from hotspots.significance import fit_null, linked_neighbours, neighbourhood_tests
from hotspots.sources import load_default_policy

#: Maps for each rate; ARV_BENCH_MAPS makes a quicker or a longer run.
MAPS = int(os.environ.get("ARV_BENCH_MAPS", "200"))
#: Rounds between two reviews of the feedback loop.
REVIEW_EVERY = int(os.environ.get("ARV_BENCH_REVIEW_EVERY", "10"))
ALPHA = 0.05


def run() -> str:
    """Return the table of rates, power and cost."""
    lines = [f"{'what':<62}{'figure':>10}  99 % interval", *_neighbourhoods(), *_scan()]
    return "\n".join([*lines, *_hot_spots(), *_feedback(), coverage.run()])


def _london() -> tuple[sparse.csr_array, NDArray[np.float64]]:
    area = load_bundled()
    places = policed_places(area)
    first, second = (places.wards(area.ward_links[name]) for name in ("code_a", "code_b"))
    both = (first >= 0) & (second >= 0)
    wards = area.wards.set_index("ward_code").loc[list(places.ward_codes)]
    near = linked_neighbours(len(wards), first[both], second[both])
    return near, ward_centres(wards)


def _rate(name: str, hits: int, of: int) -> str:
    interval = stats.binomtest(hits, of).proportion_ci(0.99, method="exact")
    return f"{name:<62}{hits / of:>10.1%}  {interval.low:.1%} to {interval.high:.1%}"


def _neighbourhoods() -> list[str]:
    near, _ = _london()
    n_wards = near.shape[0]
    lines = []
    for level in (0.05, 0.3, 1.5, 6.0):
        areas, maps, shuffled, cost = [], 0, [], 0.0
        for seed in range(MAPS):
            random = np.random.default_rng(seed)
            exposure = random.uniform(0.5, 1.5, n_wards)
            counts = random.poisson(level * exposure)
            start = time.process_time()
            null = fit_null(counts, exposure)
            tests = neighbourhood_tests(
                counts, null.rate * exposure, near, shape=null.shape, seed=seed
            )
            cost += time.process_time() - start
            areas.append(float((tests.p_value <= ALPHA).mean()))
            maps += bool(tests.significant.any())
            if seed < MAPS // 5:
                shuffled.append(float((_shuffle_p(counts, near, random) <= ALPHA).mean()))
        spread = 2.58 * np.std(areas) / np.sqrt(MAPS)
        mean = float(np.mean(areas))
        lines += [
            f"{f'wards below p = .05 on null data, {level:g} incidents a ward':<62}{mean:>10.1%}"
            f"  {mean - spread:.1%} to {mean + spread:.1%}",
            f"{'  the same statistic, values shuffled, smaller tail taken':<62}"
            f"{np.mean(shuffled):>10.1%}",
            _rate("  maps with any Benjamini-Hochberg finding", maps, MAPS),
            f"{'  CPU seconds a map of 679 wards':<62}{cost / MAPS:>10.2f}",
        ]
    return [*lines, *_neighbourhood_power(near)]


def _shuffle_p(
    counts: NDArray[np.int64], near: sparse.csr_array, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the folded pseudo-p of neighbourhood sums under 999 shuffles of the values."""
    seen = near @ counts
    larger = np.zeros(len(counts))
    for _ in range(999):
        larger += (near @ random.permutation(counts)) >= seen
    return (np.minimum(larger, 999 - larger) + 1) / 1000


def _neighbourhood_power(near: sparse.csr_array) -> list[str]:
    n_wards, lines = near.shape[0], []
    for times in (2.0, 3.0, 5.0):
        found = 0
        for seed in range(MAPS // 4):
            random = np.random.default_rng(seed)
            centre = int(random.integers(n_wards))
            mean = np.full(n_wards, 2.0)
            mean[near[[centre]].indices] *= times
            counts = random.poisson(mean)
            null = fit_null(counts, np.ones(n_wards))
            expected = np.full(n_wards, null.rate)
            tests = neighbourhood_tests(counts, expected, near, shape=null.shape, seed=seed)
            found += bool(tests.significant[centre])
        name = f"planted neighbourhood of {times:g} times the rate is found (2 a ward)"
        lines.append(_rate(name, found, MAPS // 4))
    return lines


def _scan() -> list[str]:
    _, centres = _london()
    zones = scan_zones(centres[:, 0], centres[:, 1])
    weight = np.random.default_rng(0).gamma(1.5, 1.0, len(centres))

    def usual(random: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        ward = random.choice(len(centres), 1_500, p=weight / weight.sum())
        return ward, random.integers(0, 365, 1_500)

    hits, cost = 0, 0.0
    for seed in range(MAPS):
        ward, days = usual(np.random.default_rng(seed))
        start = time.process_time()
        hits += bool(scan(ward, days, zones, seed=seed, n_simulations=499))
        cost += time.process_time() - start
    lines = [
        _rate("scans with any emerging cluster on null data", hits, MAPS),
        f"{'  CPU seconds a scan of 1,500 incidents, 499 shuffles':<62}{cost / MAPS:>10.2f}",
    ]
    for window, extra in ((1, 3), (1, 4), (7, 5), (7, 7), (28, 8), (28, 12)):
        found = 0
        for seed in range(MAPS // 4):
            random = np.random.default_rng(seed)
            ward, days = usual(random)
            place = int(random.integers(len(centres)))
            ward = np.concatenate([ward, np.full(extra, place)])
            days = np.concatenate([days, random.integers(0, window, extra)])
            clusters = scan(ward, days, zones, seed=seed, n_simulations=499)
            found += any(place in one.wards for one in clusters)
        name = f"  {extra} more incidents in a ward within {window} days are found"
        lines.append(_rate(name, found, MAPS // 4))
    return lines


def _hot_spots() -> list[str]:
    area = load_bundled()
    places = policed_places(area)
    areas = cluster_areas(area, places)
    shapes = np.asarray(areas.borough_shapes, dtype=object)
    codes = np.arange(len(shapes))
    hits, cost = 0, 0.0
    for seed in range(MAPS):
        random = np.random.default_rng(seed)
        number = random.multinomial(2_500, random.dirichlet(np.full(len(shapes), 4.0)))
        points = _scattered(random, areas.borough_of_ward, shapes, np.repeat(codes, number))
        start = time.process_time()
        hits += bool(find_hot_spots(points, areas, as_of=date(2026, 1, 1)))
        cost += time.process_time() - start
    return [
        _rate("maps with any hot spot on null data, 2,500 incidents", hits, MAPS),
        f"{'  CPU seconds a map':<62}{cost / MAPS:>10.2f}",
    ]


def _scattered(
    random: np.random.Generator,
    borough_of_ward: NDArray[np.intp],
    shapes: NDArray[np.object_],
    borough: NDArray[np.intp],
) -> IncidentPoints:
    """Return points spread evenly over each one's borough; the ward only names it."""
    x_m, y_m = np.zeros(len(borough)), np.zeros(len(borough))
    for number in np.unique(borough):
        mine = np.flatnonzero(borough == number)
        west, south, east, north = shapes[number].bounds
        while len(mine):
            x_m[mine] = west + random.random(len(mine)) * (east - west)
            y_m[mine] = south + random.random(len(mine)) * (north - south)
            mine = mine[~shapely.contains_xy(shapes[number], x_m[mine], y_m[mine])]
    first_ward = np.array([np.flatnonzero(borough_of_ward == one)[0] for one in borough])
    ago = random.integers(1, 600, len(borough)).astype("timedelta64[D]")
    weight = np.exp2(-random.random(len(borough)))
    return IncidentPoints(x_m, y_m, weight, np.datetime64("2026-01-01") - ago, first_ward)


def _feedback() -> list[str]:
    policy = load_default_policy()
    settings = LoopSettings(review_every=REVIEW_EVERY)
    games: dict[str, Callable[[], float]] = {
        "guarded": lambda: simulate_feedback(policy, seed=1, settings=settings).farthest_from_half,
        "naive": lambda: (
            simulate_feedback(policy, seed=1, settings=settings, naive=True).farthest_from_half
        ),
    }
    return [
        f"{f'feedback, 1,000 rounds, {name}: farthest share from one half':<62}{play():>10.1%}"
        for name, play in games.items()
    ]
