"""Posterior weekly rates of wards and boroughs: a two-level gamma-Poisson model.

For ward i of borough b, in incidents a week::

    mu_b               ~ Gamma(shape a0, mean mu0)            boroughs around London
    lambda_i | mu_b    ~ Gamma(shape a_i, mean mu_b r_i)      wards around their borough
    y_i | lambda_i     ~ Poisson(e_i lambda_i)                decayed counts and exposure
    T_b | lambda       ~ Poisson(E_b sum_i lambda_i)          only the borough was counted

``r_i`` is the ward's relative prior mean: 1, reshaped by proxies and raised by intelligence;
``1 / a_i = 1 / a + v_i`` where ``v_i`` is extra spread for a ward whose proxy is unknown.
Counts and exposure carry the same decay (a power prior, Ibrahim and Chen 2000), so decay
changes how much is known, not the level. ``mu0``, ``a0`` and ``a`` maximise the marginal
likelihood with weak log-normal priors (parametric empirical Bayes, Clayton and Kaldor 1987,
Biometrics 43); ``mu_b`` is integrated out exactly on a fine grid, so that its uncertainty
reaches every interval.

Given the grid's weights, each posterior mean is linear in every count: that gives an exact
additive account of it by source. A borough total rescales its wards by conjugacy of a gamma
matched to the first two moments of their sum, which is exact when wards share an exposure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse, special

from hotspots.errors import AssessmentRefusedError
from hotspots.relative_prior import RelativePrior

Floats = NDArray[np.float64]

#: Grid of log(mu_b / crude rate): fine enough for borough totals of several thousand.
LOG_RATE_GRID = np.linspace(-3.4, 3.4, 171)
#: (log median, log standard deviation) of the weak priors of the shapes ``a0`` and ``a``.
BOROUGH_SHAPE_PRIOR = (np.log(8.0), 1.0)
WARD_SHAPE_PRIOR = (np.log(3.0), 1.0)
#: Log standard deviation of the prior of ``mu0`` around the crude rate.
RATE_PRIOR_SD = 1.5
#: Log standard deviation of the prior of each covariate's weight around the policy's; the
#: bounds of the fit, exp(2.5) = 12 times either way, keep a pooled part above zero.
WEIGHT_PRIOR_SD = 1.0


@dataclass(frozen=True)
class WardData:
    """What is known of W wards in B boroughs from S counting and P prior-shaping sources.

    Attributes
    ----------
    borough_of_ward
        int (W,): index of each ward's borough, 0 to B - 1.
    counts, exposure_weeks
        float64 (S, W) decayed incidents and (W,) decayed weeks in which they were counted.
    borough_counts, borough_exposure_weeks
        float64 (S, B) and (B,): the same where only the borough was counted.
    prior_parts
        float64 (1 + P, W) >= 0: the additive parts of the relative prior mean ``r_i``, the
        pooled part first; columns have a positive sum.
    prior_spread
        float64 (W,) >= 0: extra squared coefficient of variation of the prior.
    level_per_week
        Incidents a ward-week that proxies suggest, used only when nothing counts incidents.
    covariates
        When given, the prior is fitted from these and ``prior_parts`` and ``prior_spread``
        are not used.
    """

    borough_of_ward: NDArray[np.intp]
    counts: Floats
    exposure_weeks: Floats
    borough_counts: Floats
    borough_exposure_weeks: Floats
    prior_parts: Floats
    prior_spread: Floats
    level_per_week: float = 0.0
    covariates: RelativePrior | None = None

    def prior(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the parts of ``r`` and the prior spread, at the covariates' weights."""
        if self.covariates is None:
            return self.prior_parts, self.prior_spread
        return self.covariates.parts(weights), self.covariates.spread(weights)


@dataclass(frozen=True)
class Hyperparameters:
    """``mu0`` in incidents a ward-week, and the gamma shapes of boroughs and of wards.

    ``weights`` (1 + C,) are those of the pooled prior and its covariates; empty without any.
    """

    rate_per_week: float
    borough_shape: float
    ward_shape: float
    weights: Floats


@dataclass(frozen=True)
class WardPosterior:
    """Posterior of the weekly rates.

    Attributes
    ----------
    mean_per_week
        float64 (W,): posterior mean.
    parts
        float64 (1 + P + S, W): its exact parts: the pooled prior, what each source shapes of
        it, and what each source counts.
        Sums over the first axis to ``mean_per_week``.
    draws
        float32 (n_draws, W).
    hyperparameters
        The fitted pooling.
    own, lift
        float64 (W,): what one incident counted in the ward, and one counted in its borough
        only, adds to the ward's mean.
    """

    mean_per_week: Floats
    parts: Floats
    draws: NDArray[np.float32]
    hyperparameters: Hyperparameters
    own: Floats
    lift: Floats


@dataclass(frozen=True)
class _Nodes:
    """Conditional posterior at every grid node; q runs over Q nodes."""

    inverse: Floats  # (W, Q) 1 / (a_i / (mu_b r_i) + e_i)
    mean: Floats  # (W, Q)
    sum_shape: Floats  # (B, Q) moment-matched gamma of the borough's sum
    sum_inverse_scale: Floats  # (B, Q)
    weight: Floats  # (B, Q) posterior weight of the node, rows sum to 1


@dataclass(frozen=True)
class _Model:
    """The data and what does not change while the hyperparameters are fitted."""

    data: WardData
    counted: Floats  # (W,)
    rate: Floats  # (Q,) grid of mu_b
    member: sparse.csr_array  # (B, W)

    def sum_by_borough(self, values: Floats) -> Floats:
        return np.asarray(self.member @ values, dtype=np.float64)

    def shape_and_scale(self, hyper: Hyperparameters) -> tuple[Floats, Floats]:
        """Return a_i and a_i / r_i, each (W,)."""
        parts, extra = self.data.prior(hyper.weights)
        shape = 1.0 / (1.0 / hyper.ward_shape + extra)
        return shape, shape / parts.sum(axis=0)

    def log_weights(self, hyper: Hyperparameters) -> Floats:
        """Return log prior + log likelihood (B, Q) of every node."""
        return self.log_wards(hyper) + _log_node_prior(self.rate, hyper)

    def log_wards(self, hyper: Hyperparameters) -> Floats:
        """Return the part (B, Q) that rests on the wards' shape and the weights alone."""
        shape, scale = self.shape_and_scale(hyper)
        inverse_scale = self.inverse_scale(scale)
        log_prior_scale = np.log(scale)[:, None] - np.log(self.rate)[None, :]
        constant = special.gammaln(shape + self.counted) - special.gammaln(shape)
        log_ward = (
            constant[:, None]
            + shape[:, None] * log_prior_scale
            - (shape + self.counted)[:, None] * np.log(inverse_scale)
        )
        log_weight = self.sum_by_borough(log_ward)
        if self.data.borough_exposure_weeks.any():
            summed = self.borough_sum(shape, 1.0 / inverse_scale)
            log_weight += _log_borough_total(self.data, *summed)
        return log_weight

    def inverse_scale(self, scale: Floats) -> Floats:
        prior = scale[:, None] / self.rate[None, :]
        return np.asarray(prior + self.data.exposure_weeks[:, None], dtype=np.float64)

    def borough_sum(self, shape: Floats, inverse: Floats) -> tuple[Floats, Floats]:
        """Return shape and inverse scale (B, Q) of the gamma matched to a borough's sum."""
        mean = (shape + self.counted)[:, None] * inverse
        sum_mean = self.sum_by_borough(mean)
        sum_inverse_scale = sum_mean / self.sum_by_borough(mean * inverse)
        return sum_mean * sum_inverse_scale, sum_inverse_scale


def fit_wards(data: WardData, *, n_draws: int, seed: int | tuple[int, ...]) -> WardPosterior:
    """Fit the model and draw from its posterior.

    Parameters
    ----------
    data
        Counts and exposures, with at least one positive exposure or a level.
    n_draws, seed
        Number of posterior draws, and the seed of their own random generator.

    Raises
    ------
    AssessmentRefusedError
        When nothing was counted anywhere and no proxy gives a level.
    """
    n_wards = len(data.borough_of_ward)
    crude = _crude_rate(data)
    model = _Model(
        data=data,
        counted=data.counts.sum(axis=0),
        rate=crude * np.exp(LOG_RATE_GRID),
        member=sparse.csr_array(
            (np.ones(n_wards), (data.borough_of_ward, np.arange(n_wards))),
            shape=(len(data.borough_exposure_weeks), n_wards),
        ),
    )
    best = _fit_hyperparameters(model, crude)
    nodes = _nodes(model, best)
    own, lift = _effects(model, nodes)
    parts = _parts(model, best, own, lift)
    draws = _draws(model, best, nodes, n_draws, np.random.default_rng(seed))
    return WardPosterior(parts.sum(axis=0), parts, draws, best, own, lift)


def _crude_rate(data: WardData) -> float:
    wards_of = np.bincount(data.borough_of_ward, minlength=len(data.borough_exposure_weeks))
    weeks = data.exposure_weeks.sum() + (wards_of * data.borough_exposure_weeks).sum()
    if weeks > 0:
        return float((data.counts.sum() + data.borough_counts.sum() + 0.5) / weeks)
    if data.level_per_week > 0:
        return data.level_per_week
    raise AssessmentRefusedError(
        "no usable evidence: nothing that counts incidents, or a proxy of them, covers any ward "
        "or borough recently enough before the as-of day",
        remedy="add a feed of incidents or counts that ends shortly before the as-of day",
    )


def _fit_hyperparameters(model: _Model, crude: float) -> Hyperparameters:
    """Maximise the marginal likelihood times the weak priors; on a coarser grid of mu_b."""
    covariates = model.data.covariates
    n_covariates = 0 if covariates is None else len(covariates.rates)
    centre = np.array([0.0, BOROUGH_SHAPE_PRIOR[0], WARD_SHAPE_PRIOR[0], *[0.0] * n_covariates])
    spread = np.array(
        [
            RATE_PRIOR_SD,
            BOROUGH_SHAPE_PRIOR[1],
            WARD_SHAPE_PRIOR[1],
            *[WEIGHT_PRIOR_SD] * n_covariates,
        ]
    )
    bounds = [(-3.0, 3.0), (-1.5, 6.0), (-3.0, 6.0), *[(-2.5, 2.5)] * n_covariates]
    coarse = replace(model, rate=model.rate[:: _stride(model)])
    known: dict[bytes, Floats] = {}

    def loss(log_values: Floats) -> float:
        penalty = 0.5 * float((((log_values - centre) / spread) ** 2).sum())
        hyper = _from_logs(log_values, crude, covariates)
        key = log_values[2:].tobytes()  # the numerical gradient varies one value at a time
        if key not in known:
            known[key] = coarse.log_wards(hyper)
        log_weight = known[key] + _log_node_prior(coarse.rate, hyper)
        return penalty - float(_log_sum_exp(log_weight).sum())

    found = optimize.minimize(
        loss,
        centre,
        method="L-BFGS-B",
        bounds=bounds,
        options={"eps": 1e-4, "ftol": 1e-9, "gtol": 1e-3, "maxiter": 60},
    )
    return _from_logs(np.asarray(found.x, dtype=np.float64), crude, covariates)


def _stride(model: _Model) -> int:
    """Return how many nodes to step: never more than 1.5 standard deviations of any mu_b."""
    counted = model.sum_by_borough(model.counted) + model.data.borough_counts.sum(axis=0)
    deviation = 1.0 / np.sqrt(float(counted.max(initial=0.0)) + 1.0)
    step = LOG_RATE_GRID[1] - LOG_RATE_GRID[0]
    return int(np.clip(np.floor(1.5 * deviation / step), 1, 3))


def _from_logs(
    log_values: Floats, crude: float, covariates: RelativePrior | None
) -> Hyperparameters:
    rate, borough, ward = np.exp(log_values[:3])
    weights = np.zeros(0) if covariates is None else covariates.weights(log_values[3:])
    return Hyperparameters(float(crude * rate), float(borough), float(ward), weights)


def _nodes(model: _Model, hyper: Hyperparameters) -> _Nodes:
    log_weight = model.log_weights(hyper)
    weight = np.exp(log_weight - _log_sum_exp(log_weight)[:, None])
    shape, scale = model.shape_and_scale(hyper)
    inverse = 1.0 / model.inverse_scale(scale)
    mean = (shape + model.counted)[:, None] * inverse
    return _Nodes(inverse, mean, *model.borough_sum(shape, inverse), weight)


def _log_node_prior(rate: Floats, hyper: Hyperparameters) -> Floats:
    relative = rate / hyper.rate_per_week
    log_density = hyper.borough_shape * (np.log(relative) - relative)
    return np.asarray(log_density - _log_sum_exp(log_density), dtype=np.float64)


def _log_sum_exp(values: Floats) -> Floats:
    """Return log sum exp over the last axis; SciPy's own costs five times as much here."""
    largest = values.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(values - largest).sum(axis=-1)) + largest[..., 0])


def _log_borough_total(data: WardData, shape: Floats, inverse_scale: Floats) -> Floats:
    """Return the log negative-binomial likelihood (B, Q) of borough totals, less constants."""
    total = data.borough_counts.sum(axis=0)[:, None]
    weeks = data.borough_exposure_weeks[:, None]
    return np.asarray(
        special.gammaln(shape + total)
        - special.gammaln(shape)
        - shape * np.log1p(weeks / inverse_scale)
        - total * np.log(inverse_scale + weeks),
        dtype=np.float64,
    )


def _effects(model: _Model, nodes: _Nodes) -> tuple[Floats, Floats]:
    """Return what one ward incident, and one of its borough only, adds to the mean (W,)."""
    data, borough = model.data, model.data.borough_of_ward
    after = nodes.sum_inverse_scale + data.borough_exposure_weeks[:, None]
    sum_mean = nodes.sum_shape / nodes.sum_inverse_scale
    kept = nodes.weight * nodes.sum_shape / (after * sum_mean)
    added = nodes.weight / (after * sum_mean)
    own = (kept[borough] * nodes.inverse).sum(axis=1)
    lift = (added[borough] * nodes.mean).sum(axis=1)
    return own, lift


def _parts(model: _Model, hyper: Hyperparameters, own: Floats, lift: Floats) -> Floats:
    """Return the exact additive parts (1 + P + S, W) of the posterior means."""
    data, borough = model.data, model.data.borough_of_ward
    parts, _ = data.prior(hyper.weights)
    prior = model.shape_and_scale(hyper)[1] * own
    sources = data.counts * own + data.borough_counts[:, borough] * lift
    return np.vstack([parts * prior, sources])


def _draws(
    model: _Model,
    hyper: Hyperparameters,
    nodes: _Nodes,
    n_draws: int,
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw mu_b by strata of its grid, then the wards, then the borough's total."""
    data = model.data
    shape = model.shape_and_scale(hyper)[0] + model.counted
    draws = random.standard_gamma(shape, size=(n_draws, len(shape)), dtype=np.float32)
    level = (np.arange(n_draws) + 0.5) / n_draws
    for borough, weeks in enumerate(data.borough_exposure_weeks):
        wards = np.flatnonzero(data.borough_of_ward == borough)
        cumulative = np.cumsum(nodes.weight[borough])
        node = np.searchsorted(cumulative, random.permutation(level) * cumulative[-1])
        draws[:, wards] *= nodes.inverse[np.ix_(wards, node)].T.astype(np.float32)
        if weeks > 0:
            total = data.borough_counts[:, borough].sum()
            scale = nodes.sum_inverse_scale[borough, node] + weeks
            wanted = random.standard_gamma(nodes.sum_shape[borough, node] + total) / scale
            now = draws[:, wards].sum(axis=1, dtype=np.float64)
            factor = np.divide(wanted, now, out=np.ones(n_draws), where=now > 0)
            draws[:, wards] *= factor[:, None].astype(np.float32)
    return draws
