"""Backtests: scores by hand, no leakage, the same as forecasts made one by one."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from hotspots.baselines import BASELINES, district_of_cells
from hotspots.errors import AssessmentRefusedError
from hotspots.evaluation import (
    AREA_SHARES,
    LOG_SCORE_FLOOR,
    cells_in_area,
    efficiency,
    expected_hits,
    hit_rates,
    score_window,
)
from hotspots.evaluation_backtest import (
    MODEL,
    Window,
    backtest,
    backtest_days,
    backtest_periods,
    risk_bands,
)
from hotspots.evaluation_card import backtest_card, card_text, weekly_card
from hotspots.forecast import forecast_events
from hotspots.forecast_counts import count_events, local_midnight
from hotspots.grid import cell_locator, clip_grid

CITY = Polygon([(1_000, 1_000), (9_000, 1_500), (8_000, 7_000), (2_000, 6_000)])
CELL_M = 500
GRID = clip_grid(CITY, cell_size_m=CELL_M)
LOCATOR = cell_locator(GRID, CITY)
ZONE = "Europe/London"
START, END = date(2025, 3, 3), date(2025, 5, 26)


def log(n: int = 2_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x, y = random.normal(5_000, 900, n), random.normal(3_500, 700, n)
    age = (random.uniform(0, 2_000, n) * 86_400e6).astype("timedelta64[us]")
    return x, y, local_midnight(END, ZONE) - age


def run(x: np.ndarray, y: np.ndarray, at: np.ndarray, horizon: int = 28, **more) -> list[Window]:
    days = backtest_days(START, END, horizon)
    calendar = backtest_periods(days, horizon, ZONE)
    return backtest(count_events(x, y, at, LOCATOR, calendar), GRID, days, horizon, **more)


def card(windows: list[Window], **more) -> dict:
    n_cells = int(GRID.inside.sum())
    return backtest_card(windows, horizon_days=28, cell_size_m=CELL_M, n_cells=n_cells, **more)


def test_expected_hits_share_the_last_places_among_ties() -> None:
    share = np.array([0.4, 0.2, 0.2, 0.2, 0.0])
    happened = np.array([3.0, 0.0, 1.0, 2.0, 5.0])
    assert expected_hits(share, happened, 1) == 3.0
    assert expected_hits(share, happened, 2) == 3.0 + 3.0 / 3
    assert expected_hits(share, happened, 4) == 6.0
    assert expected_hits(share, happened, 5) == 11.0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=30), st.data()
)
def test_expected_hits_are_the_mean_over_random_orders(cells, data) -> None:
    share, happened = (np.array(one, dtype=float) for one in zip(*cells, strict=True))
    top = data.draw(st.integers(1, len(cells)))
    random = np.random.default_rng(0)
    found = []
    for _ in range(400):
        order = random.permutation(len(cells))
        best = order[np.argsort(-share[order], kind="stable")][:top]
        found.append(happened[best].sum())
    error = np.std(found) / 20 + 1e-9
    assert abs(expected_hits(share, happened, top) - np.mean(found)) < 5 * error


def test_scores_of_a_window_are_the_textbook_ones() -> None:
    share = np.full(200, 0.0025)
    share[:2] = 0.25 + 0.0025
    share /= share.sum()
    happened = np.zeros(200)
    happened[[0, 1, 150]] = [4.0, 1.0, 5.0]
    score = score_window(share, happened)
    assert cells_in_area(200, 0.01) == 2
    np.testing.assert_allclose(score.hits[0], 5.0)
    np.testing.assert_allclose(score.best_hits[0], 9.0)
    np.testing.assert_allclose(hit_rates([score, score])[0], 0.5)
    np.testing.assert_allclose(efficiency([score])[0], 5 / 9)
    floor = LOG_SCORE_FLOOR
    density = (1 - floor) * share * 200 + floor
    assert score.log_sum == pytest.approx(
        4 * np.log(density[0]) + np.log(density[1]) + 5 * np.log(density[150])
    )
    even = score_window(np.full(200, 1 / 200), happened)
    assert even.log_sum == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(even.hits, 10 * np.array(AREA_SHARES))


def test_risk_bands_hold_every_incident_once() -> None:
    random = np.random.default_rng(5)
    share = random.dirichlet(np.ones(300))
    happened = random.poisson(400 * share).astype(float)
    bands = risk_bands(share, happened)
    assert bands.sum() == pytest.approx(happened.sum())
    assert np.abs(bands - happened.sum() / 10).max() < 25  # well calibrated by construction


def test_every_window_is_what_a_forecast_of_that_day_says() -> None:
    """The independent recount, in the engine; by the command line in tests/api."""
    x, y, at = log()
    for window in run(x, y, at, 14):
        cells = forecast_events(
            x, y, at, CITY, cell_size_m=CELL_M, as_of=window.as_of, horizon_days=14
        )
        assert cells["expected"].sum() == pytest.approx(window.expected, abs=1e-9)
        now = at >= local_midnight(window.as_of, ZONE)
        now &= at < local_midnight(window.until, ZONE)
        cell = LOCATOR.locate(x[now], y[now])
        happened = np.bincount(cell[cell >= 0], minlength=len(cells))
        assert happened.sum() == window.n_incidents
        order = np.argsort(-cells["expected"].to_numpy(), kind="stable")
        for area, hits in zip(AREA_SHARES, window.scores[MODEL].hits, strict=True):
            assert happened[order[: cells_in_area(len(cells), area)]].sum() == pytest.approx(hits)


def test_a_planted_future_record_changes_no_forecast() -> None:
    x, y, at = log()
    plain = run(x, y, at)
    late = local_midnight(START + timedelta(days=28), ZONE)  # in the second window
    planted = run(np.append(x, [5_000.0] * 50), np.append(y, [3_500.0] * 50),
                  np.append(at, np.repeat(late, 50)))  # fmt: skip
    assert planted[0].scores[MODEL].log_sum == plain[0].scores[MODEL].log_sum
    assert planted[0].expected == plain[0].expected
    assert planted[1].expected == plain[1].expected
    np.testing.assert_array_equal(planted[1].weights, plain[1].weights)
    assert planted[1].n_incidents == plain[1].n_incidents + 50
    assert planted[2].expected > plain[2].expected  # and it is learned from once it is past


def test_baselines_are_what_they_say() -> None:
    x, y, at = log()
    windows = run(
        x, y, at, district=district_of_cells([box(0, 0, 5_000, 9e3), box(5_000, 0, 9e3, 9e3)], GRID)
    )
    first = windows[0]
    assert set(first.scores) == {MODEL, *BASELINES}
    start = local_midnight(START, ZONE)
    now = (at >= start) & (at < local_midnight(first.until, ZONE))
    cell = LOCATOR.locate(x, y)
    happened = np.bincount(cell[now & (cell >= 0)], minlength=int(GRID.inside.sum())).astype(float)
    for name, days in (("count_1_year", 365), ("count_10_years", 3_652)):
        since = local_midnight(START - timedelta(days=days), ZONE)
        past = (at < start) & (at >= since) & (cell >= 0)
        count = np.bincount(cell[past], minlength=len(happened))
        slow = score_window(count / count.sum(), happened)
        np.testing.assert_allclose(first.scores[name].hits, slow.hits)
        assert first.scores[name].log_sum == pytest.approx(slow.log_sum)
    assert first.scores["area_share"].log_sum == pytest.approx(0.0, abs=1e-9)


def test_outcomes_of_another_log_are_scored() -> None:
    x, y, at = log()
    thin = np.arange(len(x)) % 4 == 0
    days = backtest_days(START, END, 28)
    calendar = backtest_periods(days, 28, ZONE)
    full, part = (
        count_events(x[used], y[used], at[used], LOCATOR, calendar)
        for used in (np.ones(len(x), bool), thin)
    )
    windows = backtest(part, GRID, days, 28, outcomes=full)
    assert [one.n_incidents for one in windows] == [one.n_incidents for one in run(x, y, at)]
    assert windows[0].expected == pytest.approx(run(x[thin], y[thin], at[thin])[0].expected)


def test_the_card_is_one_page_of_plain_values() -> None:
    windows = run(*log())
    found = card(windows, seed=3)
    assert found == card(windows, seed=3)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    text = card_text(found)
    assert len(text.splitlines()) < 50
    assert found["verdict"] in text
    seen = found["calibration"]
    assert sum(seen["band_observed_share"]) == pytest.approx(1.0, abs=1e-5)
    assert seen["observed"] == sum(one.n_incidents for one in windows)
    for row in found["against_best_baseline"]:
        assert row["low"] <= row["ratio"] <= row["high"]
    few = card(run(*log(200)))
    assert few["verdict"].startswith("No verdict")


def test_the_card_of_a_week_is_the_backtest_of_the_windows_before_it() -> None:
    x, y, at = log()
    week = weekly_card(x, y, at, CITY, as_of=END, cell_size_m=CELL_M, n_windows=3)
    assert week == card(run(x, y, at))
    late = np.append(at, local_midnight(END, ZONE))
    more = weekly_card(
        np.append(x, 5e3),
        np.append(y, 3.5e3),
        late,
        CITY,
        as_of=END,
        cell_size_m=CELL_M,
        n_windows=3,
    )
    assert more == week
    none = weekly_card(x, y, at, CITY, as_of=date(2005, 1, 1))
    assert set(none) == {"schema_version", "verdict"}
    assert none["verdict"] in card_text(none)


def test_what_cannot_be_backtested_is_refused() -> None:
    with pytest.raises(AssessmentRefusedError, match="whole windows"):
        backtest_days(END, START, 28)
    with pytest.raises(AssessmentRefusedError, match="horizon"):
        backtest_days(START, END, 0)
    x, y, at = log()
    early = at < local_midnight(START, ZONE)
    with pytest.raises(AssessmentRefusedError, match="no event in any window"):
        run(x[early], y[early], at[early])
    with pytest.raises(AssessmentRefusedError, match="no event inside"):
        run(x[~early], y[~early], at[~early])
