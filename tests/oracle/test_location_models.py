"""MCLP, LSCP, p-median and p-centre against enumeration, published optima and refusals."""

from __future__ import annotations

import itertools
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import shortest_path

from allocator.location_inputs import LocationRefusedError
from allocator.lscp import solve_lscp
from allocator.mclp import solve_mclp
from allocator.p_centre import solve_p_centre
from allocator.p_median import solve_p_median

LIMIT_S = 60.0
#: OR-Library instances small enough for every run of the tests; `benchmarks` has all 40.
QUICK_PMED = (1, 2, 3, 4, 5, 6, 7, 8, 13)


def choices(n_sites: int, n_units: int, keep: tuple[int, ...] = ()) -> list[list[int]]:
    return [
        list(sites)
        for sites in itertools.combinations(range(n_sites), n_units)
        if set(keep) <= set(sites)
    ]


def reached(covers: np.ndarray, demand: np.ndarray, sites: list[int]) -> int:
    return sum(
        int(weight)
        for row, weight in zip(covers, demand, strict=True)
        if any(row[j] for j in sites)
    )


@st.composite
def networks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, tuple[int, ...]]:
    n_demand, n_sites = draw(st.integers(1, 14)), draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    costs = random.integers(0, draw(st.sampled_from([2, 6, 1000])), (n_demand, n_sites))
    demand = random.integers(0, draw(st.sampled_from([2, 9, 10_000])), n_demand)
    n_units = draw(st.integers(1, n_sites))
    keep = draw(st.lists(st.integers(0, n_sites - 1), max_size=n_units, unique=True))
    return costs, demand, n_units, tuple(sorted(keep))


@settings(max_examples=400, deadline=None)
@given(networks(), st.floats(0.0, 1.0))
def test_mclp_is_the_best_of_all_choices(
    network: tuple[np.ndarray, np.ndarray, int, tuple[int, ...]], share: float
) -> None:
    costs, demand, n_units, keep = network
    covers = costs <= share * costs.max()
    best = max(reached(covers, demand, s) for s in choices(covers.shape[1], n_units, keep))
    found = solve_mclp(covers, demand, n_units=n_units, time_limit_s=LIMIT_S, keep=keep)
    assert found.status == "optimal"
    assert found.objective == found.bound == best
    assert found.gap == 0
    assert len(found.sites) == n_units == len(set(found.sites))
    assert found.sites == tuple(sorted(found.sites))
    assert set(keep) <= set(found.sites)
    assert reached(covers, demand, list(found.sites)) == best


@settings(max_examples=300, deadline=None)
@given(networks(), st.booleans())
def test_p_median_is_the_best_of_all_choices(
    network: tuple[np.ndarray, np.ndarray, int, tuple[int, ...]], whole: bool
) -> None:
    costs, demand, n_units, keep = network
    table = costs if whole else costs + 0.1 * np.sqrt(costs + 2.0)
    weighted = demand[:, None] * table
    best = min(weighted[:, s].min(axis=1).sum() for s in choices(table.shape[1], n_units, keep))
    found = solve_p_median(table, demand, n_units=n_units, time_limit_s=LIMIT_S, keep=keep)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert found.bound == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert set(keep) <= set(found.sites) and len(set(found.sites)) == n_units
    rows = np.arange(len(table))
    assert (demand * table[rows, list(found.assigned)]).sum() == pytest.approx(best)
    assert set(found.assigned) <= set(found.sites)


@settings(max_examples=150, deadline=None)
@given(networks())
def test_p_centre_is_the_best_of_all_choices(
    network: tuple[np.ndarray, np.ndarray, int, tuple[int, ...]],
) -> None:
    costs, _, n_units, keep = network
    best = min(costs[:, s].min(axis=1).max() for s in choices(costs.shape[1], n_units, keep))
    found = solve_p_centre(costs, n_units=n_units, time_limit_s=LIMIT_S, keep=keep)
    assert found.status == "optimal"
    assert found.objective == found.bound == best
    assert set(keep) <= set(found.sites) and len(set(found.sites)) == n_units
    assert costs[:, list(found.sites)].min(axis=1).max() == best


@settings(max_examples=150, deadline=None)
@given(networks(), st.floats(0.0, 1.0))
def test_lscp_is_the_smallest_of_all_covers(
    network: tuple[np.ndarray, np.ndarray, int, tuple[int, ...]], share: float
) -> None:
    costs, _, _, keep = network
    covers = costs <= share * costs.max()
    if not covers.any(axis=1).all():
        first = int(np.flatnonzero(~covers.any(axis=1))[0])
        with pytest.raises(LocationRefusedError, match=rf"demand point {first}\b"):
            solve_lscp(covers, time_limit_s=LIMIT_S, keep=keep)
        return
    everything = np.ones(len(covers))
    best = next(
        size
        for size in range(max(1, len(keep)), covers.shape[1] + 1)
        for sites in choices(covers.shape[1], size, keep)
        if reached(covers, everything, sites) == len(covers)
    )
    found = solve_lscp(covers, time_limit_s=LIMIT_S, keep=keep)
    assert found.status == "optimal"
    assert found.objective == found.bound == len(found.sites) == best
    assert reached(covers, everything, list(found.sites)) == len(covers)
    assert set(keep) <= set(found.sites)


@pytest.fixture(scope="module")
def stores(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    folder = shared_data / "optimisation"
    demand = pd.read_csv(folder / "sf_stores_demand.csv")
    sites = pd.read_csv(folder / "sf_stores_sites.csv")
    long = pd.read_csv(folder / "sf_stores_network_distance.csv.gz")
    wide = long.pivot_table(index="DestinationName", columns="name", values="distance")
    costs = wide.loc[demand["NAME"], sites["NAME"]].to_numpy()
    return costs, demand["POP2000"].to_numpy()


def test_the_san_francisco_stores_have_their_published_optima(
    stores: tuple[np.ndarray, np.ndarray], shared_data: Path
) -> None:
    costs, demand = stores
    published = pd.read_csv(shared_data / "optimisation" / "sf_stores_optima.csv")
    solved = 0
    for case in published.itertuples():
        if case.problem == "MCLP":
            mclp = solve_mclp(
                costs <= case.radius_m, demand, n_units=int(case.p), time_limit_s=LIMIT_S
            )
            assert (mclp.status, mclp.objective) == ("optimal", case.optimum)
        elif case.problem == "LSCP":
            lscp = solve_lscp(costs <= case.radius_m, time_limit_s=LIMIT_S)
            assert (lscp.status, lscp.objective) == ("optimal", case.optimum)
        else:
            assert case.problem == "p-median"
            median = solve_p_median(costs, demand, n_units=int(case.p), time_limit_s=LIMIT_S)
            assert median.status == "optimal"
            assert median.objective == pytest.approx(case.optimum, abs=1e-3)
        solved += 1
    assert solved == 21
    four = solve_mclp(costs <= 5_000, demand, n_units=4, time_limit_s=LIMIT_S)
    assert four.objective == 875_247
    median = solve_p_median(costs, demand, n_units=4, time_limit_s=LIMIT_S)
    assert median.objective == pytest.approx(2_848_268_129.715, abs=1e-3)


@pytest.mark.parametrize("number", QUICK_PMED)
def test_or_library_instances_reach_their_published_optimum(number: int, shared_data: Path) -> None:
    folder = shared_data / "optimisation"
    optima = pd.read_csv(folder / "orlib_pmed_optima.csv").set_index("instance")
    with zipfile.ZipFile(folder / "orlib_pmed.zip") as archive:
        name = next(n for n in archive.namelist() if Path(n).name == f"pmed{number}.txt")
        figures = np.array(archive.read(name).split(), dtype=np.int64)
    size, _, n_units = figures[:3]
    edges = np.full((size, size), np.inf)
    for start, end, cost in figures[3:].reshape(-1, 3) - [1, 1, 0]:
        edges[start, end] = edges[end, start] = cost
    costs = shortest_path(edges, directed=False)
    found = solve_p_median(costs, np.ones(size), n_units=int(n_units), time_limit_s=LIMIT_S)
    assert (found.status, found.objective) == ("optimal", optima.optimum[f"pmed{number}"])


def random_covers(seed: int, n_demand: int, n_sites: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    points = random.uniform(0, 50_000, (n_demand, 2))
    sites = points[random.choice(n_demand, n_sites, replace=False)]
    distance = np.hypot(*(points[:, None] - sites[None]).transpose(2, 0, 1))
    return distance, random.gamma(0.7, 30, n_demand).astype(np.int64)


def test_a_wide_gap_is_closed_too() -> None:
    distance, demand = random_covers(3, 900, 400)
    found = solve_mclp(distance <= 6_000, demand, n_units=20, time_limit_s=240)
    assert (found.status, found.objective) == ("optimal", 16_544)


def test_too_little_time_is_never_called_optimal() -> None:
    distance, demand = random_covers(3, 900, 400)
    covers = distance <= 5_000
    full = solve_mclp(covers, demand, n_units=20, time_limit_s=LIMIT_S)
    hasty = solve_mclp(covers, demand, n_units=20, time_limit_s=1e-6)
    assert (full.status, hasty.status) == ("optimal", "timed_out")
    assert len(hasty.sites) == 20
    assert hasty.objective <= full.objective <= hasty.bound
    assert reached(covers, demand, list(hasty.sites)) == hasty.objective
    assert hasty.gap > 0
    slow = solve_p_median(distance, demand, n_units=20, time_limit_s=LIMIT_S)
    quick = solve_p_median(distance, demand, n_units=20, time_limit_s=1e-6)
    assert (slow.status, quick.status) == ("optimal", "timed_out")
    assert quick.bound <= slow.objective <= quick.objective
    centre = solve_p_centre(distance, n_units=20, time_limit_s=1e-6)
    assert centre.status == "timed_out"
    assert centre.bound < centre.objective
    cover = solve_lscp(covers | (distance == distance.min(axis=1)[:, None]), time_limit_s=1e-6)
    assert cover.status == "timed_out"
    assert cover.bound < cover.objective


def test_the_same_question_has_the_same_answer_and_inputs_stay_as_they_were() -> None:
    distance, demand = random_covers(5, 500, 200)
    covers = distance <= 5_000
    before = covers.copy(), demand.copy()
    answers = {solve_mclp(covers, demand, n_units=12, time_limit_s=LIMIT_S) for _ in range(3)}
    assert len(answers) == 1
    assert (covers == before[0]).all() and (demand == before[1]).all()


SQUARE = np.eye(3, dtype=bool)
ONES = np.ones(3, dtype=np.int64)
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no unit": (lambda: solve_mclp(SQUARE, ONES, n_units=0, time_limit_s=1), "n_units is 0"),
    "too many units": (lambda: solve_mclp(SQUARE, ONES, n_units=4, time_limit_s=1), "3 sites"),
    "half a unit": (lambda: solve_mclp(SQUARE, ONES, n_units=1.5, time_limit_s=1), "1.5"),
    "negative demand": (
        lambda: solve_mclp(SQUARE, [1, -2, 3], n_units=1, time_limit_s=1),
        "demand of point 1 is -2",
    ),
    "demand without a value": (
        lambda: solve_mclp(SQUARE, [1, 2, math.nan], n_units=1, time_limit_s=1),
        "demand of point 2 is nan",
    ),
    "broken demand": (lambda: solve_mclp(SQUARE, [1, 2, 2.5], n_units=1, time_limit_s=1), "2.5"),
    "endless demand": (
        lambda: solve_mclp(SQUARE, [2**53, 1, 1], n_units=1, time_limit_s=1),
        "larger units",
    ),
    "demand of another length": (
        lambda: solve_mclp(SQUARE, np.ones(4), n_units=1, time_limit_s=1),
        r"\(4,\)",
    ),
    "words for demand": (
        lambda: solve_mclp(SQUARE, ["a", "b", "c"], n_units=1, time_limit_s=1),
        "not numbers",
    ),
    "distances for covers": (
        lambda: solve_mclp(SQUARE * 7.5, ONES, n_units=1, time_limit_s=1),
        "times <= standard",
    ),
    "a flat table": (lambda: solve_mclp([True], [1], n_units=1, time_limit_s=1), r"\(1,\)"),
    "an empty table": (
        lambda: solve_mclp(np.zeros((0, 3), bool), [], n_units=1, time_limit_s=1),
        r"\(0, 3\)",
    ),
    "no time": (lambda: solve_mclp(SQUARE, ONES, n_units=1, time_limit_s=0), "time limit"),
    "an unknown kept site": (
        lambda: solve_mclp(SQUARE, ONES, n_units=1, time_limit_s=1, keep=[3]),
        "site 3",
    ),
    "too many kept sites": (
        lambda: solve_mclp(SQUARE, ONES, n_units=1, time_limit_s=1, keep=[0, 1]),
        "2 sites are to be kept",
    ),
    "a kept site that is no number": (
        lambda: solve_lscp(SQUARE, time_limit_s=1, keep=["a"]),  # type: ignore[list-item]  # the refusal is the point
        "'a'",
    ),
    "uncoverable": (
        lambda: solve_lscp([[True], [False], [False]], time_limit_s=1),
        "demand point 1, 2",
    ),
    "negative distance": (
        lambda: solve_p_median([[1.0, -1.0]], [1], n_units=1, time_limit_s=1),
        "point 0 to site 1 is -1.0",
    ),
    "no road": (
        lambda: solve_p_centre([[1.0, math.inf]], n_units=1, time_limit_s=1),
        "site 1 is inf",
    ),
    "words for distances": (lambda: solve_p_centre([["a"]], n_units=1, time_limit_s=1), "numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_impossible_is_refused_by_name(name: str) -> None:
    call, said = REFUSED[name]
    with pytest.raises(LocationRefusedError, match=said) as refusal:
        call()
    assert "Remedy: " in str(refusal.value)


def test_demand_that_no_site_reaches_or_that_is_nil_is_left_out() -> None:
    none = solve_mclp(np.zeros((3, 4), bool), ONES, n_units=2, time_limit_s=1)
    assert (none.status, none.objective, none.sites) == ("optimal", 0, (0, 1))
    nil = solve_p_median(np.ones((3, 4)), np.zeros(3), n_units=2, time_limit_s=1)
    assert (nil.status, nil.objective, len(nil.sites)) == ("optimal", 0.0, 2)
