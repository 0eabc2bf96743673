"""A backtest on one page: how good the forecasts were, beside what they have to beat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from shapely.geometry.base import BaseGeometry

from hotspots.baselines import BASELINES, district_of_cells
from hotspots.errors import AssessmentRefusedError
from hotspots.evaluation import AREA_SHARES, WindowScore, efficiency, hit_rates, log_score
from hotspots.evaluation_backtest import MODEL, Window, backtest, backtest_periods
from hotspots.forecast import checked_events
from hotspots.forecast_counts import count_events
from hotspots.grid import cell_locator, clip_grid

Floats = NDArray[np.float64]

SCHEMA_VERSION = "1.0"
RESAMPLES = 2_000
#: Windows that say little by themselves: fewer incidents than this in all gives no verdict.
LEAST_INCIDENTS = 50
_ROUND = 6


def backtest_card(
    windows: Sequence[Window], *, horizon_days: int, cell_size_m: float, n_cells: int, seed: int = 0
) -> dict[str, Any]:
    """Summarise a backtest as a document for ``backtest.json``. Pure; no input is changed.

    Parameters
    ----------
    windows
        From :func:`hotspots.evaluation_backtest.backtest`.
    horizon_days, cell_size_m, n_cells
        Settings to report.
    seed
        Of the bootstrap over windows.

    Returns
    -------
    dict
        Plain JSON values: ``verdict``, ``settings``, ``methods`` (hit rate, PAI, PEI and log
        score at 1, 2, 5 and 10 % of area), ``against_best_baseline`` (ratios of hit rate with
        90 % bootstrap intervals), ``calibration`` and ``windows``.
    """
    methods = [MODEL, *(name for name in BASELINES if name in windows[0].scores)]
    by_method = {name: [one.scores[name] for one in windows] for name in methods}
    summary = {name: _summary(scores) for name, scores in by_method.items()}
    against = _against_best(by_method, seed)
    calibration = _calibration(windows)
    n_incidents = sum(one.n_incidents for one in windows)
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": _verdict(n_incidents, against),
        "settings": {
            "start": windows[0].as_of.isoformat(),
            "end": windows[-1].until.isoformat(),
            "horizon_days": horizon_days,
            "cell_size_m": cell_size_m,
            "n_cells": n_cells,
            "n_windows": len(windows),
            "n_incidents": n_incidents,
            "area_shares": list(AREA_SHARES),
            "seed": seed,
        },
        "methods": summary,
        "baselines": {name: BASELINES[name] for name in methods if name != MODEL},
        "against_best_baseline": against,
        "calibration": calibration,
        "windows": [_window(one) for one in windows],
    }


def weekly_card(
    x_m: Floats,
    y_m: Floats,
    occurred_at_utc: NDArray[np.datetime64],
    polygon: BaseGeometry,
    *,
    as_of: date,
    districts: Sequence[BaseGeometry] | None = None,
    cell_size_m: float = 250.0,
    horizon_days: int = 28,
    n_windows: int = 13,
    timezone: str = "Europe/London",
    seed: int = 0,
) -> dict[str, Any]:
    """Backtest the last windows before an as-of day, for the week's assessment. Pure.

    Parameters
    ----------
    x_m, y_m, occurred_at_utc
        float64 and datetime64 (n_events,): the target's events with a place, UTC.
    polygon
        The study area; ``districts`` are its polygons, for the baseline of their shares.
    as_of
        The last window ends at 00:00 local of this day; later events are not looked at.
    cell_size_m, horizon_days, n_windows, timezone, seed
        Side of a cell, length and number of windows, local zone, seed of the bootstrap.

    Returns
    -------
    dict
        As :func:`backtest_card`; or, when the events cannot be backtested, only
        ``schema_version`` and a ``verdict`` that says why.
    """
    days = [as_of - timedelta(days=horizon_days * n) for n in range(n_windows, 0, -1)]
    x, y, at = checked_events(x_m, y_m, occurred_at_utc)
    grid = clip_grid(polygon, cell_size_m=cell_size_m)
    calendar = backtest_periods(days, horizon_days, timezone)
    counts = count_events(x, y, at, cell_locator(grid, polygon), calendar)
    district = district_of_cells(districts, grid) if districts else None
    try:
        windows = backtest(counts, grid, days, horizon_days, district=district)
    except AssessmentRefusedError as refusal:
        verdict = f"No backtest: {refusal.problem}."
        return {"schema_version": SCHEMA_VERSION, "verdict": verdict}
    return backtest_card(
        windows,
        horizon_days=horizon_days,
        cell_size_m=cell_size_m,
        n_cells=int(np.count_nonzero(grid.inside)),
        seed=seed,
    )


def card_text(card: dict[str, Any]) -> str:
    """Return the card as one page of Markdown."""
    if "methods" not in card:
        return f"# Were we right? Backtest card\n\n{card['verdict']}\n"
    settings, calibration = card["settings"], card["calibration"]
    areas = [f"{share:.0%}" for share in settings["area_shares"]]
    lines = [
        "# Were we right? Backtest card",
        "",
        card["verdict"],
        "",
        f"{settings['n_windows']} windows of {settings['horizon_days']} days, "
        f"{settings['start']} to {settings['end']}; {settings['n_incidents']} incidents; "
        f"{settings['n_cells']} cells of {settings['cell_size_m']:g} m. Every forecast used only "
        "what came before its window.",
        "",
        f"| method | {' | '.join(f'hit rate {a}' for a in areas)} | PAI {areas[0]} | log score |",
        f"|---|{'---|' * (len(areas) + 2)}",
    ]
    for name, one in card["methods"].items():
        rates = " | ".join(f"{rate:.3f}" for rate in one["hit_rate"])
        lines.append(f"| {name} | {rates} | {one['pai'][0]:.1f} | {one['log_score']:.3f} |")
    lines += ["", "Hit rate over the best baseline (90% interval over windows):", ""]
    lines += [
        f"- {area}: {one['ratio']:.3f} ({one['low']:.3f} to {one['high']:.3f}), {one['baseline']}"
        for area, one in zip(areas, card["against_best_baseline"], strict=True)
        if one["ratio"] is not None
    ]
    lines += [
        "",
        f"Expected {calibration['expected']:.1f} incidents, observed {calibration['observed']}; "
        f"{calibration['within_90']:.0%} of windows inside their 90% interval; uniformity of the "
        f"probability integral transform p = {calibration['uniformity_p']:.3f}.",
    ]
    return "\n".join(lines) + "\n"


def _summary(scores: list[WindowScore]) -> dict[str, Any]:
    rates = hit_rates(scores)
    return {
        "hit_rate": _plain(rates),
        "pai": _plain(rates / np.array(AREA_SHARES)),
        "pei": _plain(efficiency(scores)),
        "log_score": round(log_score(scores), _ROUND),
    }


def _against_best(by_method: dict[str, list[WindowScore]], seed: int) -> list[dict[str, Any]]:
    """Compare the hit rate at each area with the best baseline there, windows resampled."""
    hits = {name: np.array([one.hits for one in scores]) for name, scores in by_method.items()}
    n_windows = len(hits[MODEL])
    draw = np.random.default_rng(seed).integers(0, n_windows, (RESAMPLES, n_windows))
    rows = []
    for area, share in enumerate(AREA_SHARES):
        totals = {name: one[:, area].sum() for name, one in hits.items() if name != MODEL}
        best = max(totals, key=lambda name: (totals[name], name))
        ours, theirs = hits[MODEL][:, area], hits[best][:, area]
        above, below = ours[draw].sum(axis=1), theirs[draw].sum(axis=1)
        ratios = above[below > 0] / below[below > 0]
        known = totals[best] > 0
        low, high = np.quantile(ratios, [0.05, 0.95]) if known else (np.nan, np.nan)
        rows.append(
            {
                "area_share": share,
                "baseline": best,
                "ratio": round(float(ours.sum() / totals[best]), _ROUND) if known else None,
                "low": round(float(low), _ROUND) if known else None,
                "high": round(float(high), _ROUND) if known else None,
            }
        )
    return rows


def _calibration(windows: Sequence[Window]) -> dict[str, Any]:
    """Compare totals with their predictive distributions, and incidents by band of risk.

    The probability integral transform of a count is an interval; its middle is reported and
    tested for uniformity by Kolmogorov and Smirnov.
    """
    middle = np.array([(one.below + one.at_most) / 2 for one in windows])
    inside = [one.at_most >= 0.05 and one.below <= 0.95 for one in windows]
    bands = np.sum([one.band_observed for one in windows], axis=0)
    observed = sum(one.n_incidents for one in windows)
    return {
        "expected": round(sum(one.expected for one in windows), _ROUND),
        "observed": observed,
        "within_90": round(float(np.mean(inside)), _ROUND),
        "uniformity_p": round(float(stats.kstest(middle, "uniform").pvalue), _ROUND),
        "band_expected_share": 1.0 / len(bands),
        "band_observed_share": _plain(bands / observed),
    }


def _verdict(n_incidents: int, against: list[dict[str, Any]]) -> str:
    if n_incidents < LEAST_INCIDENTS:
        return (
            f"No verdict: {n_incidents} incidents in the windows are fewer than {LEAST_INCIDENTS}, "
            "too few to tell forecasts apart."
        )
    known = [one for one in against if one["ratio"] is not None]
    better = [f"{one['area_share']:.0%}" for one in known if one["low"] > 1]
    worse = [f"{one['area_share']:.0%}" for one in known if one["high"] < 1]
    if worse:
        return f"The forecast captured fewer incidents than the best baseline at {_list(worse)}."
    if better:
        return f"The forecast captured more incidents than any baseline at {_list(better)} of area."
    return "The forecast and the best baseline cannot be told apart in these windows."


def _list(texts: list[str]) -> str:
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]


def _window(one: Window) -> dict[str, Any]:
    return {
        "as_of": _day(one.as_of),
        "until": _day(one.until),
        "incidents": one.n_incidents,
        "expected": round(one.expected, _ROUND),
        "pit_low": round(one.below, _ROUND),
        "pit_high": round(one.at_most, _ROUND),
        "hits": {name: _plain(score.hits) for name, score in one.scores.items()},
    }


def _day(day: date) -> str:
    return day.isoformat()


def _plain(values: Floats) -> list[float]:
    return [round(float(value), _ROUND) for value in values]
