"""London wards, next month: the weekly assessment's rates against shrunken means.

Gun crime (the response demand) and lethal barrel discharge (the harm) in the public counts,
each month of 2022-08 to 2023-07 forecast from all history to date through the public door
:func:`hotspots.pipeline.assess_week`. The baselines are gamma-Poisson shrunken means of the
last 12 months and of all months so far. Scores: mean log score a ward-month in nats, and the
share of the month's offences in the top tenth of wards; calibration: Kolmogorov-Smirnov p of
the randomised probability integral transform, for wards and for boroughs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feed
from hotspots.incidents import FeedReading
from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sources import load_default_policy
from hotspots.timeline import next_month

CRIME = Path(__file__).resolve().parents[2] / "shared" / "data" / "crime"
TARGET = "mps_gun_knife_ward_monthly_2021-08_2023-07.parquet"
HISTORY = "mps_ward_monthly_2010-04_2023-07.parquet"
FIRST, MONTHS = date(2022, 8, 1), 12
RANDOMISATIONS = 25
SERIES = {"gun_crime": "demand", "lethal_barrel_discharge": "harm"}
Floats = NDArray[np.float64]


@dataclass
class Scores:
    """What one method scored, month by month."""

    log_score: list[float] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    ward_pit: list[tuple[Floats, Floats]] = field(default_factory=list)
    borough_pit: list[tuple[Floats, Floats]] = field(default_factory=list)


def run() -> str:
    """Return the table of both series."""
    if not CRIME.is_dir():
        return "london_wards: the public test data (../shared/data) is not beside this checkout"
    return table(measure())


def measure() -> dict[str, tuple[dict[str, Scores], float]]:
    """Return the scores by series and method, and the offences of each series."""
    area = load_bundled()
    readings = [read_feed(CRIME / name, area) for name in (TARGET, HISTORY)]
    found = {name: (_methods(), 0.0) for name in SERIES}
    month = FIRST
    for _ in range(MONTHS):
        week = assess_week(readings, area, as_of=month, policy=load_default_policy())
        for series, target in SERIES.items():
            scores, total = found[series]
            counts = _by_month(readings[0], series, week)
            seen = counts.pop(month)
            past = np.array([counts[one] for one in sorted(counts) if one < month])
            _score(scores, week, target, seen=seen, past=past, month=month)
            found[series] = (scores, total + float(seen.sum()))
        month = next_month(month)
    return found


def _methods() -> dict[str, Scores]:
    return {name: Scores() for name in ("assessment", "mean of 12 months", "mean of all")}


def _by_month(reading: FeedReading, series: str, week: AssessedWeek) -> dict[date, Floats]:
    rows = reading.counts[(reading.counts["category"] == series).to_numpy(dtype=bool)]
    area = week.known.places.wards(rows["area_code"])
    months = rows["month"].to_numpy(dtype="datetime64[D]")
    number = rows["count"].to_numpy(dtype=np.float64)
    n_wards = len(week.known.places.ward_codes)
    return {
        one.item(): np.bincount(area[(months == one) & (area >= 0)],
                                number[(months == one) & (area >= 0)], n_wards)
        for one in np.unique(months)
    }  # fmt: skip


def _score(
    scores: dict[str, Scores],
    week: AssessedWeek,
    target: str,
    *,
    seen: Floats,
    past: Floats,
    month: date,
) -> None:
    found = week.demand if target == "demand" else week.harm
    assert found is not None
    weeks = (next_month(month) - month).days / 7
    of_borough = week.known.places.borough_of_ward
    draws = found.draws.astype(np.float64) * weeks  # as published
    boroughs = np.stack([draws[:, of_borough == b].sum(axis=1) for b in range(32)], axis=1)
    seen_in = np.bincount(of_borough, seen, 32)
    mine = scores["assessment"]
    mine.log_score.append(_log_mixture(seen, draws).sum())
    mine.hits.append(_top_tenth(seen, found.posterior.mean_per_week))
    mine.ward_pit.append(_pit(seen, lambda k: stats.poisson.cdf(k, draws).mean(axis=0)))
    mine.borough_pit.append(_pit(seen_in, lambda k: stats.poisson.cdf(k, boroughs).mean(axis=0)))
    for name, history in (("mean of 12 months", past[-12:]), ("mean of all", past)):
        shape, rate = _shrunken(history)
        one = scores[name]
        one.log_score.append(float(stats.nbinom.logpmf(seen, shape, rate / (rate + 1)).sum()))
        one.hits.append(_top_tenth(seen, shape / rate))
        one.ward_pit.append(
            _pit(seen, lambda k, a=shape, b=rate: stats.nbinom.cdf(k, a, b / (b + 1)))
        )


def _shrunken(history: Floats) -> tuple[Floats, float]:
    """Return the posterior gamma shape (W,) and rate of monthly means, empirical Bayes."""
    total, months = history.sum(axis=0), len(history)

    def loss(logs: Floats) -> float:
        shape, mean = np.exp(logs)
        rate = shape / mean
        ward = special.gammaln(shape + total) - (shape + total) * np.log(rate + months)
        return -float((ward - special.gammaln(shape) + shape * np.log(rate)).sum())

    start = np.array([0.0, np.log(total.mean() / months)])
    shape, mean = np.exp(optimize.minimize(loss, start, method="Nelder-Mead").x)
    return shape + total, float(shape / mean + months)


def _log_mixture(seen: Floats, draws: Floats) -> Floats:
    log_mass = stats.poisson.logpmf(seen, draws)
    return np.asarray(special.logsumexp(log_mass, axis=0) - np.log(len(draws)))


def _top_tenth(seen: Floats, score: Floats) -> float:
    top = np.argsort(-score, kind="stable")[: int(np.ceil(len(score) / 10))]
    return float(seen[top].sum())


def _pit(seen: Floats, cdf: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Return the ends between which the transform of each count is drawn evenly."""
    return cdf(seen - 1), cdf(seen)


def _p_values(ends: list[tuple[Floats, Floats]]) -> str:
    """Return the median and the least p over several randomisations of the transform."""
    if not ends:
        return f"{'-':>13}"
    low, high = (np.concatenate([pair[side] for pair in ends]) for side in (0, 1))
    random = np.random.default_rng(2023)
    drawn = (low + random.random(len(low)) * (high - low) for _ in range(RANDOMISATIONS))
    p = [stats.kstest(one, "uniform").pvalue for one in drawn]
    return f"{np.median(p):6.3f} {min(p):6.3f}"


def table(found: dict[str, tuple[dict[str, Scores], float]]) -> str:
    """Return the table of figures, one line a series and method."""
    lines = [
        f"{'series':24} {'method':18} {'log score':>10} {'gain':>7} {'top tenth':>10} "
        f"{'p wards, least':>14} {'boroughs, least':>15}"
    ]
    for series, (scores, total) in found.items():
        best = max(sum(one.log_score) for name, one in scores.items() if name != "assessment")
        for name, one in scores.items():
            wards = sum(len(low) for low, _ in one.ward_pit)
            lines.append(
                f"{series:24} {name:18} {sum(one.log_score) / wards:10.5f} "
                f"{sum(one.log_score) - best:+7.1f} {sum(one.hits) / total:10.4f} "
                f"{_p_values(one.ward_pit)}  {_p_values(one.borough_pit)}"
            )
    lines.append(f"p: median and least of {RANDOMISATIONS} randomisations of the transform")
    return "\n".join([*lines, "gain: nats over the better baseline, all ward-months together"])
