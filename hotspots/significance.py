"""Is a neighbourhood above what is expected of it, or is it chance? A one-sided test.

The statistic of an area is the sum over its neighbourhood (itself and its neighbours), as in
Getis and Ord's Gi* (1992, Geographical Analysis 24). The null is not a shuffle of the values,
which breaks down on sparse counts and unequal exposure, but independent counts with the
expected rate of each area: Poisson, or negative binomial with a fitted shape where areas
differ more than Poisson allows. Pseudo-p is (M + 1) / (R + 1) (Davison and Hinkley 1997,
section 4.2), M of R simulations reaching the observed sum, so it is never 0 and never too
small. An area leaves at the end of the round in which ``STOP_AT`` simulations have reached
its sum, and the others go on (sequential Monte Carlo, Besag and Clifford 1991, Biometrika 78).
The p stays valid: at the first round R whose smallest p of a leaver, (STOP_AT + 1) / (R + 1),
is at most alpha, every area that ends with p <= alpha has (M + 1) / (R + 1) <= alpha. Many
areas are tested, so the false discovery rate is held by Benjamini and Hochberg (1995, JRSS B
57).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse, spatial, special

from hotspots.errors import AssessmentRefusedError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Alternative = Literal["greater", "less"]

#: An area stops after the round in which this many simulations reached its observed sum.
STOP_AT = 20
#: Above this shape a negative binomial is as good as Poisson.
POISSON_SHAPE = 200.0
#: Twice the log likelihood a negative binomial must gain to be preferred (5 % one-sided).
LEAST_GAIN = 2.71
_CHUNK_NUMBERS = 2_000_000


@dataclass(frozen=True)
class NullRate:
    """Expected incidents a unit of exposure, and how much areas differ around it.

    ``shape`` is that of the gamma distribution of area rates; ``None`` means they do not
    differ (Poisson counts).
    """

    rate: float
    shape: float | None


@dataclass(frozen=True)
class NeighbourhoodTests:
    """One test an area; every array is (n_areas,).

    ``observed`` and ``expected`` are sums over the neighbourhood; ``p_value`` and ``q_value``
    (Benjamini-Hochberg) are 1 where nothing is expected in the whole neighbourhood.
    """

    observed: Ints
    expected: Floats
    p_value: Floats
    q_value: Floats
    significant: NDArray[np.bool_]


def fit_null(counts: Ints, exposure: Floats) -> NullRate:
    """Fit the rate and, where the counts ask for it, the spread of area rates.

    Parameters
    ----------
    counts
        int (n_areas,): incidents counted.
    exposure
        float64 (n_areas,) >= 0: for example weeks counted; areas with 0 are left out.

    Returns
    -------
    NullRate
        Pooled rate; the shape by maximum likelihood when a negative binomial fits
        significantly better than Poisson (5 %, one-sided), else ``None``.

    Raises
    ------
    AssessmentRefusedError
        Negative or non-finite input, or no area with exposure.
    """
    _refuse_bad_counts(counts, exposure)
    known = exposure > 0
    if not known.any():
        raise AssessmentRefusedError(
            "no area has any exposure, so nothing can be expected",
            remedy="add a feed that covers some of the areas",
        )
    mean = float(counts[known].sum() / exposure[known].sum())
    if mean == 0 or known.sum() < 3:
        return NullRate(mean, None)
    expected = mean * exposure[known]

    def log_likelihood(log_shape: float) -> float:
        return _log_negative_binomial(counts[known], expected, float(np.exp(log_shape)))

    found = optimize.minimize_scalar(
        lambda value: -log_likelihood(value), bounds=(-4.0, 12.0), method="bounded"
    )
    shape = float(np.exp(found.x))
    poisson = float((special.xlogy(counts[known], expected) - expected).sum())
    gain = 2 * (log_likelihood(found.x) - poisson)
    return NullRate(mean, shape if shape < POISSON_SHAPE and gain > LEAST_GAIN else None)


def neighbourhood_tests(
    counts: Ints,
    expected: Floats,
    neighbours: sparse.csr_array,
    *,
    shape: float | None,
    seed: int,
    alternative: Alternative = "greater",
    n_simulations: int = 999,
    n_refined: int = 19_999,
    false_discovery_rate: float = 0.05,
) -> NeighbourhoodTests:
    """Test every neighbourhood against what is expected of it.

    Parameters
    ----------
    counts, expected
        int and float64 (n_areas,): incidents counted, and expected under the null.
    neighbours
        (n_areas, n_areas) of 0 and 1; row i is the neighbourhood of area i, itself included.
    shape
        Of the gamma distribution of area rates around ``expected``; ``None`` for Poisson.
    seed, alternative
        Seed of the simulations; ``greater`` tests for more than expected, ``less`` for fewer.
    n_simulations, n_refined
        Simulations of the first round, and in all for the areas that go on. The smallest
        possible p is ``1 / (n_refined + 1)``: below ``false_discovery_rate / n_areas`` a
        single area can be found.
    false_discovery_rate
        Highest expected share of false findings among the significant areas.

    Raises
    ------
    AssessmentRefusedError
        Negative, non-finite or mismatched input, an unknown alternative, or numbers of
        simulations that are not ``1 <= n_simulations <= n_refined``.
    """
    _refuse_bad_counts(counts, expected)
    _refuse_bad_request(len(counts), neighbours, shape, alternative, (n_simulations, n_refined))
    random = np.random.default_rng(seed)
    matrix = neighbours.astype(np.float64)
    observed = np.asarray(matrix @ counts.astype(np.float64))
    sums = np.asarray(matrix @ expected)
    open_areas = np.flatnonzero(sums > 0)
    beyond = np.zeros(len(counts), dtype=np.int64)
    done = np.zeros(len(counts), dtype=np.int64)
    chosen = open_areas
    for runs in _rounds(n_simulations, n_refined):
        beyond[chosen] += _beyond(
            observed[chosen],
            matrix[chosen],
            expected,
            shape=shape,
            runs=runs,
            random=random,
            alternative=alternative,
        )
        done[chosen] += runs
        chosen = chosen[beyond[chosen] < STOP_AT]
    p_value = np.ones(len(counts))
    p_value[open_areas] = (beyond[open_areas] + 1.0) / (done[open_areas] + 1.0)
    q_value = np.ones(len(counts))
    q_value[open_areas] = benjamini_hochberg(p_value[open_areas])
    return NeighbourhoodTests(
        observed=np.rint(observed).astype(np.int64),
        expected=sums,
        p_value=p_value,
        q_value=q_value,
        significant=q_value <= false_discovery_rate,
    )


def benjamini_hochberg(p_value: Floats) -> Floats:
    """Return the smallest false discovery rate at which each test is a finding, (n_tests,)."""
    n_tests = len(p_value)
    order = np.argsort(p_value, kind="stable")
    scaled = p_value[order] * n_tests / np.arange(1, n_tests + 1)
    adjusted = np.minimum.accumulate(scaled[::-1])[::-1]
    q_value = np.empty(n_tests)
    q_value[order] = np.minimum(adjusted, 1.0)
    return q_value


def linked_neighbours(
    n_areas: int, first: NDArray[np.intp], second: NDArray[np.intp]
) -> sparse.csr_array:
    """Return (n_areas, n_areas) of 0 and 1: each area, and those it is linked with.

    Parameters
    ----------
    n_areas
        Number of areas.
    first, second
        int (n_links,): the two ends of each link, in either order.
    """
    own = np.arange(n_areas)
    rows = np.concatenate([own, first, second])
    columns = np.concatenate([own, second, first])
    matrix = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n_areas, n_areas))
    return sparse.csr_array((matrix > 0).astype(np.float64))


def near_neighbours(x_m: Floats, y_m: Floats, *, radius_m: float) -> sparse.csr_array:
    """Return (n_areas, n_areas) of 0 and 1: areas with centres within a radius, and itself.

    Parameters
    ----------
    x_m, y_m
        float64 (n_areas,): centres in a projected system, for example of grid cells.
    radius_m
        Centres at exactly this distance count as neighbours.
    """
    tree = spatial.cKDTree(np.column_stack([x_m, y_m]))
    pairs = tree.query_pairs(radius_m, output_type="ndarray")
    return linked_neighbours(len(x_m), pairs[:, 0], pairs[:, 1])


def _rounds(first: int, whole: int) -> list[int]:
    """Return the simulations of each round: every round quadruples those done before it."""
    ends = [first]
    while ends[-1] < whole:
        ends.append(min(4 * ends[-1], whole))
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _beyond(
    observed: Floats,
    matrix: sparse.csr_array,
    expected: Floats,
    *,
    shape: float | None,
    runs: int,
    random: np.random.Generator,
    alternative: Alternative,
) -> Ints:
    """Count the simulations whose sums reach the observed ones, simulating only what they need."""
    needed = np.unique(matrix.indices)
    reduced = matrix[:, needed]
    count = np.zeros(len(observed), dtype=np.int64)
    if not len(observed):
        return count
    chunk = max(_CHUNK_NUMBERS // len(needed), 1)
    for start in range(0, runs, chunk):
        drawn = _draw(expected[needed], shape, min(chunk, runs - start), random)
        sums = np.asarray(reduced @ drawn.T)
        beyond = (
            sums >= observed[:, None] if alternative == "greater" else sums <= observed[:, None]
        )
        count += beyond.sum(axis=1)
    return count


def _draw(expected: Floats, shape: float | None, runs: int, random: np.random.Generator) -> Floats:
    mean: Floats = np.broadcast_to(expected, (runs, len(expected)))
    if shape is not None:
        mean = mean * (random.standard_gamma(shape, size=mean.shape, dtype=np.float32) / shape)
    return random.poisson(mean).astype(np.float64)


def _log_negative_binomial(counts: Ints, expected: Floats, shape: float) -> float:
    """Return the log likelihood, less the terms that depend on neither mean nor shape."""
    terms = (
        special.gammaln(counts + shape)
        - special.gammaln(shape)
        - shape * np.log1p(expected / shape)
        + special.xlogy(counts, expected / (shape + expected))
    )
    return float(terms.sum())


def _refuse_bad_counts(counts: Ints, expected: Floats) -> None:
    if counts.shape != expected.shape or counts.ndim != 1:
        raise AssessmentRefusedError(
            f"counts {counts.shape} and their expectation {expected.shape} differ in shape",
            remedy="give one value an area of each",
        )
    if len(counts) and (counts.min() < 0 or not np.isfinite(expected).all() or expected.min() < 0):
        raise AssessmentRefusedError(
            "counts and expectations must be finite and not negative",
            remedy="leave out the areas without data",
        )


def _refuse_bad_request(
    n_areas: int,
    neighbours: sparse.csr_array,
    shape: float | None,
    alternative: str,
    runs: tuple[int, int],
) -> None:
    if neighbours.shape != (n_areas, n_areas):
        raise AssessmentRefusedError(
            f"the neighbourhoods are {neighbours.shape}, not ({n_areas}, {n_areas})",
            remedy="give one row and one column an area",
        )
    if shape is not None and not 0 < shape < np.inf:
        raise AssessmentRefusedError(
            "a shape is a positive number", remedy="use the fitted one, or None", value=shape
        )
    if alternative not in ("greater", "less"):
        raise AssessmentRefusedError(
            "unknown alternative", remedy="use greater or less", value=alternative
        )
    if not 1 <= runs[0] <= runs[1]:
        raise AssessmentRefusedError(
            "the simulations must be 1 <= n_simulations <= n_refined",
            remedy="use for example 999 and 19999",
            value=runs,
        )
