"""Evidence to weighted counts, exposures and prior raises: the policy applied to what is known.

Incidents count as they are. Proxies (a known share of other offences) shape the prior mean of
a ward relative to others, and give the level only where nothing counts incidents.
Intelligence raises a ward's prior mean by a capped amount and does nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.incidents import FeedReading
from hotspots.known import KnownRecords
from hotspots.places import NOWHERE, PolicedPlaces
from hotspots.relative_prior import RelativePrior
from hotspots.sources import DISCOVERED_CATEGORIES, SHOWN_BY_RULE, UNGRADED, EvidencePolicy
from hotspots.streams import Counted, Pieces, WeighedRecords, count_role
from hotspots.timeline import Floats, Timeline, spread_decay
from hotspots.zonal import WardData


@dataclass(frozen=True)
class WeighedEvidence:
    """Decayed counts and exposures by source, ready for :mod:`hotspots.zonal`.

    Attributes
    ----------
    counted, raising
        Keys of the S sources that count incidents and the P that raise the prior.
    counts, raw_counts
        float64 (S, W): weighed incidents, and the unweighed offences behind them.
    exposure_weeks, borough_counts, borough_exposure_weeks, prior_raise
        As in :class:`hotspots.zonal.WardData`.
    days
        By counting or proxy source, float64 (W,): days on which its role spoke in a ward.
    direct_days, proxy_days, borough_days
        float64 (W,), (W,) and (B,): days on which incidents, proxies, or only borough
        totals of either were counted.
    records
        The weighed records, for the surface and the evidence table.
    direct, proxy
        What the two counting roles counted, piece by piece.
    raised
        The records that raise the prior of wards, with their weights before the cap.
    point_weight
        float64 (n_records,): incidents a week that each record adds to its ward's evidence.
    offences_used
        Published offences used, by source.
    stale
        Sources set aside as stale, with their last covered day.
    """

    counting: tuple[str, ...]
    shaping: tuple[str, ...]
    n_proxies: int
    data: WardData
    raw: dict[str, Floats]
    days: dict[str, Floats]
    direct_days: Floats
    proxy_days: Floats
    borough_days: Floats
    records: WeighedRecords
    direct: Counted
    proxy: Counted
    raised: Pieces
    point_weight: Floats
    offences_used: dict[str, float]
    stale: dict[str, date]


def weigh(
    readings: Sequence[FeedReading],
    known: KnownRecords,
    located: tuple[NDArray[np.intp], NDArray[np.intp]],
    places: PolicedPlaces,
    merged_into: NDArray[np.intp],
    *,
    as_of: date,
    policy: EvidencePolicy,
) -> WeighedEvidence:
    """Weigh all evidence as known on a day.

    Parameters
    ----------
    readings
        The feeds: their counts and coverage. Their records enter through ``known``.
    known
        The records that stood on the as-of day.
    located
        Ward and borough index of each of those records (:func:`hotspots.places.place_records`).
    places
        The policed wards and boroughs.
    merged_into
        int (n_records,): the row of the record that tells of the same incident and is
        counted in its stead, -1 for none (:func:`hotspots.merging.match_incidents`).
    as_of, policy
        The as-of day and the evidence policy.
    """
    timeline = Timeline(_first_day(readings, as_of, policy), as_of)
    stale = stale_sources(readings, as_of=as_of, policy=policy)
    records = _weigh_records(
        known.records, located, timeline, stale=stale, policy=policy, merged_into=merged_into
    )
    counted = []
    for role in ("incident", "proxy"):
        keys = [key for key in policy.sources if policy.of(key).role == role and key not in stale]
        one = count_role(keys, readings, records, places=places, timeline=timeline, policy=policy)
        records = replace(records, use=one.use, weight=one.weight)
        counted.append(one)
    return _gathered(counted[0], counted[1], records, places, policy=policy, stale=stale)


def _gathered(
    direct: Counted,
    proxy: Counted,
    records: WeighedRecords,
    places: PolicedPlaces,
    *,
    policy: EvidencePolicy,
    stale: dict[str, date],
) -> WeighedEvidence:
    counting = tuple(sorted({*direct.wards, *direct.boroughs}))
    proxies = tuple(sorted({*proxy.wards, *proxy.boroughs}))
    raising, raises, raised = _prior_raise(records, places, policy)
    return WeighedEvidence(
        counting=counting,
        shaping=(*proxies, *raising),
        n_proxies=len(proxies),
        data=_ward_data((counting, direct), (proxies, proxy), raises, places, policy),
        raw={**direct.raw, **proxy.raw},
        days={key: one.days for one in (direct, proxy) for key in one.raw},
        direct_days=direct.days,
        proxy_days=proxy.days,
        borough_days=np.maximum(direct.borough_days, proxy.borough_days),
        records=records,
        direct=direct,
        proxy=proxy,
        raised=raised,
        point_weight=_point_weight(records, direct, policy.with_role("incident"))
        + _point_weight(records, proxy, policy.with_role("proxy")),
        offences_used={**direct.offences, **proxy.offences},
        stale=stale,
    )


def _ward_data(
    direct: tuple[tuple[str, ...], Counted],
    proxy: tuple[tuple[str, ...], Counted],
    raises: Floats,
    places: PolicedPlaces,
    policy: EvidencePolicy,
) -> WardData:
    counting, counted = direct
    prior, level = _relative_prior(*proxy, raises, places, policy)
    return WardData(
        borough_of_ward=places.borough_of_ward,
        counts=_stack(counted.wards, counting, len(places.ward_codes)),
        exposure_weeks=counted.exposure_weeks,
        borough_counts=_stack(counted.boroughs, counting, len(places.borough_codes)),
        borough_exposure_weeks=counted.borough_exposure_weeks,
        prior_parts=prior.parts(prior.start),
        prior_spread=prior.spread(prior.start),
        level_per_week=level,
        covariates=prior,
    )


def stale_sources(
    readings: Sequence[FeedReading], *, as_of: date, policy: EvidencePolicy
) -> dict[str, date]:
    """Return the sources whose newest covered day is too old to be used, with that day."""
    newest: dict[str, date] = {}
    for reading in readings:
        last = min(reading.coverage.last_day, as_of - timedelta(days=1))
        for source in sources_of(reading):
            newest[source] = max(last, newest.get(source, last))
    return {
        source: last
        for source, last in sorted(newest.items())
        if (as_of - last).days > min(policy.of(source).stale_after_days, policy.memory_days)
    }


def sources_of(reading: FeedReading) -> list[str]:
    """Return the sources that a reading holds records or counts of, sorted."""
    return sorted(set(reading.records["source"].unique()) | set(reading.counts["source"].unique()))


def _first_day(readings: Sequence[FeedReading], as_of: date, policy: EvidencePolicy) -> date:
    oldest = as_of - timedelta(days=policy.memory_days)
    first = min((reading.coverage.first_day for reading in readings), default=oldest)
    return min(max(first, oldest), as_of - timedelta(days=1))


def _relative_prior(
    proxies: tuple[str, ...],
    proxy: Counted,
    raises: Floats,
    places: PolicedPlaces,
    policy: EvidencePolicy,
) -> tuple[RelativePrior, float]:
    """Return what proxies and intelligence make of the prior mean, and the proxies' level.

    A proxy starts with the policy's trust, shared by what each counts; its rate in a ward is
    trusted less while few weeks were counted. Where only the borough was counted its wards
    share its rate. The level is the mean of all proxies' rates, incidents a ward-week.
    """
    n_wards, of_borough = len(places.ward_codes), places.borough_of_ward
    by_ward = proxy.exposure_weeks > 0
    weeks = np.where(by_ward, proxy.exposure_weeks, proxy.borough_exposure_weeks[of_borough])
    share = _stack(proxy.boroughs, proxies, len(places.borough_codes)) / places.wards_in_borough
    amount = np.where(by_ward, _stack(proxy.wards, proxies, n_wards), share[:, of_borough])
    covered = weeks > 0
    rate = np.divide(amount, weeks, out=np.zeros_like(amount), where=covered)
    level = rate[:, covered].mean(axis=1) if covered.any() else np.zeros(len(proxies))
    if level.sum() <= 0:
        flat = np.zeros((len(proxies), n_wards))
        start = np.concatenate([[1.0], np.zeros(len(proxies))])
        return RelativePrior(start, flat, np.zeros(n_wards), raises), 0.0
    start = np.concatenate([[1.0 - policy.proxy_trust], policy.proxy_trust * level / level.sum()])
    relative = np.divide(rate, level[:, None], out=np.zeros_like(rate), where=level[:, None] > 0)
    trust = weeks / (weeks + policy.proxy_half_trust_at_weeks)
    return RelativePrior(start, relative, trust, raises), float(level.sum())


def _point_weight(records: WeighedRecords, counted: Counted, keys: Sequence[str]) -> Floats:
    """Return incidents a week by record of the role, used or in published totals."""
    mine = records.records["source"].isin(keys).to_numpy(dtype=bool)
    mine = mine & np.isin(records.use, ["used", "counted"]) & (records.ward != NOWHERE)
    weeks = np.maximum(counted.exposure_weeks, 1e-9)
    per_week = np.zeros(len(mine))
    per_week[mine] = records.weight[mine] / weeks[records.ward[mine]]
    return per_week


def _weigh_records(
    records: pd.DataFrame,
    located: tuple[NDArray[np.intp], NDArray[np.intp]],
    timeline: Timeline,
    *,
    stale: dict[str, date],
    policy: EvidencePolicy,
    merged_into: NDArray[np.intp],
) -> WeighedRecords:
    ward, borough = located
    source = records["source"]
    basis = (records["basis"] == "discovered").to_numpy(dtype=bool)
    discovered = basis | records["category"].isin(DISCOVERED_CATEGORIES).to_numpy(dtype=bool)
    day = timeline.positions(records["local_day"])
    too_old = source.isin(set(stale)).to_numpy(dtype=bool) | (day < 0)
    half_life = _mapped(source, {key: policy.of(key).half_life_days for key in source.unique()})
    oldest = records["age_start_days"].to_numpy(dtype=np.float64)
    newest = records["age_end_days"].to_numpy(dtype=np.float64)
    graded = _by_source_and_category(records, policy) * _grades(records, policy)
    use = np.full(len(records), "used", dtype="<U10")
    use[borough == NOWHERE] = "outside"
    use[(graded <= 0) | source.isin(set(SHOWN_BY_RULE)).to_numpy(dtype=bool)] = "shown"
    use[too_old] = "stale"
    use[(use == "used") & (merged_into >= 0)] = "merged"
    use[discovered] = "discovered"
    weight = graded * spread_decay(oldest, newest, half_life)
    return WeighedRecords(
        records=records,
        ward=ward,
        borough=borough,
        day=day,
        span=timeline.spans(records["local_start"], records["local_end"]),
        graded=graded,
        weight=np.where(use == "used", weight, 0.0),
        use=use,
        merged_into=merged_into,
    )


def _by_source_and_category(records: pd.DataFrame, policy: EvidencePolicy) -> Floats:
    source, sources = pd.factorize(records["source"], use_na_sentinel=False)
    category, categories = pd.factorize(records["category"], use_na_sentinel=False)
    table = np.zeros((len(sources), len(categories)))
    for row, key in enumerate(sources):
        for column, name in enumerate(categories):
            table[row, column] = policy.of(key).categories.get(name, 0.0)
    return np.asarray(table[source, category], dtype=np.float64)


def _grades(records: pd.DataFrame, policy: EvidencePolicy) -> Floats:
    source = _mapped(records["source_grade"].fillna(UNGRADED), policy.source_grades)
    information = _mapped(records["information_grade"].fillna(UNGRADED), policy.information_grades)
    return source * information


def _mapped(keys: pd.Series, weights: Mapping[str, float]) -> Floats:
    """Return the weight of each key, 0 for one without a weight."""
    codes, unique = pd.factorize(keys, use_na_sentinel=False)
    return np.array([float(weights.get(key, 0.0)) for key in unique])[codes]


def _prior_raise(
    records: WeighedRecords, places: PolicedPlaces, policy: EvidencePolicy
) -> tuple[tuple[str, ...], Floats, Pieces]:
    """Return the raising sources, their capped relative raise (P, W), and the records behind.

    The raises multiply the prior mean; the pieces are weights, before the cap.
    """
    source = records.records["source"]
    keys = policy.with_role("prior")
    pieces = _raising_pieces(records, source.isin(keys).to_numpy(dtype=bool), places)
    of_piece = source.iloc[pieces.record].to_numpy(dtype=str)
    n_wards = len(places.ward_codes)
    found = tuple(key for key in keys if (of_piece == key).any())
    totals = {
        key: np.bincount(
            pieces.ward[of_piece == key], pieces.weight[of_piece == key], n_wards
        ).astype(np.float64)
        for key in found
    }
    stacked = _stack(totals, found, n_wards)
    whole = stacked.sum(axis=0)
    capped = policy.prior_cap * -np.expm1(-np.log(2.0) * whole / policy.prior_half_at)
    share = np.divide(capped, whole, out=np.zeros(n_wards), where=whole > 0)
    return found, stacked * share, pieces


def _raising_pieces(
    records: WeighedRecords, mine: NDArray[np.bool_], places: PolicedPlaces
) -> Pieces:
    """Return each record's weight by ward; one of a borough is shared by its wards."""
    used = mine & (records.use == "used")
    in_ward = np.flatnonzero(used & (records.ward != NOWHERE))
    wide = np.flatnonzero(used & (records.ward == NOWHERE) & (records.borough != NOWHERE))
    number = places.wards_in_borough
    wards_of = np.argsort(places.borough_of_ward, kind="stable")
    first = np.concatenate([[0], np.cumsum(number)])[records.borough[wide]]
    each = number[records.borough[wide]]
    offset = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    return Pieces(
        record=np.concatenate([in_ward, np.repeat(wide, each)]),
        ward=np.concatenate([records.ward[in_ward], wards_of[np.repeat(first, each) + offset]]),
        weight=np.concatenate(
            [records.weight[in_ward], np.repeat(records.weight[wide] / each, each)]
        ),
    )


def _stack(table: Mapping[str, Floats], keys: tuple[str, ...], width: int) -> Floats:
    zero = np.zeros(width)
    stacked = np.array([table.get(key, zero) for key in keys], dtype=np.float64)
    return stacked.reshape(len(keys), width)
