"""Rolling-origin backtest: forecast, wait, score, move on; beside the built-in baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotspots.baselines import baseline_edges, baseline_shares
from hotspots.errors import AssessmentRefusedError
from hotspots.evaluation import WindowScore, score_window
from hotspots.forecast import Forecast, forecast_from, refuse_horizon
from hotspots.forecast_counts import PeriodCounts, Periods, periods
from hotspots.grid import Grid
from hotspots.mixture import MIXTURE
from hotspots.mixture_history import MixtureHistory

Floats = NDArray[np.float64]
Districts = NDArray[np.int64]

#: Runs a function of (shared, item) for every item, in order.
Mapper = Callable[[Callable[[Any, Any], Any], Any, Sequence[Any]], list[Any]]

MODEL = "mixture"
#: Tenths of the expected incidents in which expected and observed are compared.
RISK_BANDS = 10
MAX_WINDOWS = 5_000


@dataclass(frozen=True)
class Window:
    """One forecast and what happened.

    Attributes
    ----------
    as_of, until
        First local day of the horizon and first day after it.
    n_incidents
        Incidents in the horizon.
    expected
        Expected incidents.
    below, at_most
        Predictive probability of fewer than, and of at most, ``n_incidents``.
    band_observed
        float64 (10,): incidents in the cells that hold each tenth of the expected ones, from
        the highest forecast down. A cell on the edge of two bands is shared.
    scores
        By method: :data:`MODEL` and the baselines.
    weights
        float64 (n_components,): the mixture's learned weights.
    """

    as_of: date
    until: date
    n_incidents: int
    expected: float
    below: float
    at_most: float
    band_observed: Floats
    scores: dict[str, WindowScore]
    weights: Floats


def backtest_days(start: date, end: date, horizon_days: int) -> list[date]:
    """Return the as-of days: every ``horizon_days`` from ``start``, whole horizons up to ``end``.

    Parameters
    ----------
    start, end
        First local day, and first local day that is not scored any more.
    horizon_days
        1 to 366.

    Raises
    ------
    AssessmentRefusedError
        No whole horizon fits, or more than 5,000 do.
    """
    refuse_horizon(horizon_days)
    n_windows = (end - start).days // horizon_days
    if not 1 <= n_windows <= MAX_WINDOWS:
        raise AssessmentRefusedError(
            f"{max(n_windows, 0):,} whole windows of {horizon_days} days fit between {start} and "
            f"{end}, not 1 to {MAX_WINDOWS:,}",
            remedy="move --start or --end, or change the horizon",
        )
    return [start + timedelta(days=n * horizon_days) for n in range(n_windows)]


def backtest_periods(days: Sequence[date], horizon_days: int, timezone: str) -> Periods:
    """Return the calendar on which a log must be counted for :func:`backtest`."""
    ends = [day + timedelta(days=horizon_days) for day in days]
    return periods(days, timezone, extra=[*ends, *baseline_edges(days)])


def backtest(
    counts: PeriodCounts,
    grid: Grid,
    days: Sequence[date],
    horizon_days: int,
    *,
    district: Districts | None = None,
    outcomes: PeriodCounts | None = None,
    mapper: Mapper | None = None,
) -> list[Window]:
    """Forecast every window from what came before it, and score it and the baselines.

    Parameters
    ----------
    counts, grid
        Counts on :func:`backtest_periods` and this lattice.
    days, horizon_days
        As-of days and the length of every horizon.
    district
        int64 (n_inside,) from :func:`hotspots.baselines.district_of_cells`.
    outcomes
        What happened, when it is not the log itself (a thinned log scored on the full one).
    mapper
        Runs the windows, for example :func:`hotspots.larger_than_memory.dask_map`; one after
        the other without it.

    Returns
    -------
    list[Window]
        One a day, in order.

    Raises
    ------
    AssessmentRefusedError
        No event before the first day, or none in any window.
    """
    run = mapper or one_by_one
    history = MixtureHistory(counts, grid, MIXTURE)
    blocks = sorted({block for day in days for block in history.training_blocks(day)})
    learned = run(_outcome, history, blocks)
    history.remember(dict(zip(blocks, learned, strict=True)))
    shared = _Shared(history, counts, outcomes or counts, horizon_days, district)
    windows: list[Window] = run(_window, shared, days)
    if not any(one.n_incidents for one in windows):
        raise AssessmentRefusedError(
            "no event in any window", remedy="check --start and --end against the log"
        )
    return windows


def one_by_one(function: Callable[[Any, Any], Any], shared: Any, items: Sequence[Any]) -> list[Any]:
    """Run ``function(shared, item)`` for every item, in order: the plain mapper."""
    return [function(shared, item) for item in items]


@dataclass(frozen=True)
class _Shared:
    """What every window looks at."""

    history: MixtureHistory
    counts: PeriodCounts
    truth: PeriodCounts
    horizon_days: int
    district: Districts | None


def _outcome(history: MixtureHistory, block: int) -> tuple[Floats, Floats]:
    return history.outcome(block)


def _window(shared: _Shared, day: date) -> Window:
    forecast = forecast_from(shared.history, shared.counts, day, shared.horizon_days)
    baselines = baseline_shares(shared.history, shared.counts, day, shared.district)
    until = day + timedelta(days=shared.horizon_days)
    return _scored(forecast, baselines, shared.truth, until)


def _scored(
    forecast: Forecast, baselines: dict[str, Floats], truth: PeriodCounts, until: date
) -> Window:
    day = forecast.as_of
    happened = truth.between(truth.periods.index(day), truth.periods.index(until))
    methods = {MODEL: forecast.share, **baselines}
    total = int(happened.sum())
    return Window(
        as_of=day,
        until=until,
        n_incidents=total,
        expected=forecast.level.expected,
        below=forecast.level.cumulative(total - 1),
        at_most=forecast.level.cumulative(total),
        band_observed=risk_bands(forecast.share, happened),
        scores={name: score_window(share, happened) for name, share in methods.items()},
        weights=forecast.weights.weight,
    )


def risk_bands(share: Floats, happened: Floats) -> Floats:
    """Return float64 (10,): incidents by tenth of the expected ones, highest cells first.

    Parameters
    ----------
    share, happened
        float64 (n_cells,): forecast summing to 1, and incidents by cell. A cell on the edge of
        two bands is split between them in proportion.
    """
    order = np.argsort(-share, kind="stable")
    reached = np.concatenate([[0.0], np.cumsum(share[order])])
    seen = np.concatenate([[0.0], np.cumsum(happened[order])])
    edges = np.linspace(0.0, reached[-1], RISK_BANDS + 1)
    return np.diff(np.interp(edges, reached, seen))
