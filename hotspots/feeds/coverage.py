"""What a feed can speak about: stated in a sidecar, or inferred from the records alone.

The test for an uncovered borough is one-sided and needs both of two things. *Implausible*:
were the borough covered, the probability of so few records under a negative binomial model
fitted to the other boroughs (exposure: their number of wards) is below 1 in 100 after
Bonferroni's correction. *Nearly empty*: its rate is below a tenth of the median rate of the
boroughs that pass. A quiet borough fails the second, a small feed the first, so neither is
condemned. Wards of covered boroughs are tested the same way against their own borough; a ward
with records well within what the others vary is covered. Where even no record at all would not
be implausible the feed is too small or too uneven to tell: every area then counts as covered,
which is the publisher's own contract, and the explanation says so.

Source of the model: gamma-Poisson (negative binomial) counts with moment estimates of the
dispersion, raised by two of its approximate standard errors because it is estimated from few
boroughs; Bonferroni's bound for the family of areas.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from hotspots.boundaries.study_area import StudyArea
from hotspots.incidents import Coverage

_LEVEL = 0.01
_NEARLY_EMPTY = 0.1
_STARTING_SHARE = 0.2
_STARTING_QUANTILE = 0.75
_ROUNDS = 20


@dataclass(frozen=True)
class InferredAreas:
    """Ward codes a feed covers, and the boroughs and lone wards it does not."""

    wards: frozenset[str]
    uncovered_boroughs: tuple[str, ...]
    uncovered_wards: tuple[str, ...]
    explanation: str


def infer_areas(
    ward_counts: pd.Series, study_area: StudyArea, *, policed_only: bool
) -> InferredAreas:
    """Infer from counts of any kind of record which wards a feed covers.

    Parameters
    ----------
    ward_counts
        Records of every kind by ward code; wards without any may be absent.
    policed_only
        True when the feed is of the Metropolitan Police alone, which does not cover the City.
    """
    policed = study_area.wards["policed"].to_numpy(dtype=bool)
    kept = policed if policed_only else np.ones(len(policed), dtype=bool)
    codes, borough, name = (
        study_area.wards[column].to_numpy(dtype=object)[kept]
        for column in ("ward_code", "borough_code", "borough_name")
    )
    number = ward_counts.to_dict()
    counts = np.array([number.get(code, 0) for code in codes], dtype=np.float64)
    groups, index = np.unique(borough.astype(str), return_inverse=True)
    n = np.bincount(index, weights=counts, minlength=len(groups)).astype(np.float64)
    exposure = np.bincount(index, minlength=len(groups)).astype(np.float64)
    covered, telling = covered_groups(n, exposure)
    ward_ok = covered[index]
    lone = _quiet_wards(counts, index, n / exposure, ward_ok)
    names = dict(zip(borough, name, strict=True))
    empty = tuple(str(g) for g in groups[~covered])
    return InferredAreas(
        frozenset(str(c) for c in codes[ward_ok & ~lone]),
        empty,
        tuple(str(c) for c in codes[lone]),
        _explanation([str(names[g]) for g in empty], int(lone.sum()), int(n.sum()), telling),
    )


def covered_groups(
    n: NDArray[np.float64], exposure: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], bool]:
    """Tell which groups of areas a feed covers, from how many records each has.

    Parameters
    ----------
    n, exposure
        float64 (n_groups,): records, and what they would be proportional to.

    Returns
    -------
    covered, telling
        bool (n_groups,), false where a group has implausibly and extremely few records;
        whether a typical group without any record would have been found uncovered.

    Notes
    -----
    Starts from the groups above a fifth of the upper quartile of the rates, so that up to
    three quarters of the groups may be uncovered, and refits until nothing changes.
    """
    rate = n / exposure
    start = np.quantile(rate, _STARTING_QUANTILE) if len(rate) else 0.0
    covered = rate > _STARTING_SHARE * start
    empty_tail = 1.0
    if not covered.any():
        return np.ones(len(n), dtype=bool), False
    for _ in range(_ROUNDS):
        tail, empty_tail = _lower_tails(n, exposure, covered)
        few = rate < _NEARLY_EMPTY * np.median(rate[covered])
        again = ~((tail < _LEVEL / len(n)) & few)
        if np.array_equal(again, covered):
            break
        covered = again
    return covered, bool(empty_tail < _LEVEL / len(n))


def _lower_tails(
    n: NDArray[np.float64], exposure: NDArray[np.float64], fitted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    mean_rate = n[fitted].sum() / exposure[fitted].sum()
    expected = mean_rate * exposure
    excess = ((n - expected)[fitted] ** 2 - expected[fitted]).sum()
    cautious = 1.0 + 2.0 / np.sqrt(fitted.sum())
    dispersion = max(cautious * excess / (expected[fitted] ** 2).sum(), 1e-6)
    shape = 1.0 / dispersion
    tail: NDArray[np.float64] = special.betainc(shape, n + 1.0, shape / (shape + expected))
    typical = float(np.median(expected))
    return tail, float(special.betainc(shape, 1.0, shape / (shape + typical)))


def _quiet_wards(
    counts: NDArray[np.float64],
    borough: NDArray[np.intp],
    borough_rate: NDArray[np.float64],
    inside: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    lone = np.zeros(len(counts), dtype=bool)
    if inside.any():
        exposure = np.maximum(borough_rate[borough[inside]], 1e-12)
        lone[inside] = ~covered_groups(counts[inside], exposure)[0]
    return lone


def _explanation(boroughs: list[str], lone: int, total: int, telling: bool) -> str:
    basis = f"inferred from {total:,} records: "
    if not telling:
        return basis + (
            "too few or too uneven to tell an uncovered borough from a quiet one; every borough "
            "of the publisher counts as covered"
        )
    if not boroughs and not lone:
        return basis + "no borough or ward has implausibly few"
    parts = []
    if boroughs:
        parts.append(f"implausibly few in {', '.join(boroughs)}")
    if lone:
        parts.append(f"implausibly few in {lone} wards of other boroughs")
    return basis + "; ".join(parts) + "; these are unknown, not zero"


def with_boroughs(wards: Iterable[str], study_area: StudyArea) -> frozenset[str]:
    """Add the code of every borough all of whose policed wards are in ``wards``."""
    inside = frozenset(wards)
    frame = study_area.wards
    named = frame["ward_code"].isin(list(inside)).to_numpy(dtype=bool)
    borough = frame["borough_code"]
    lacking = set(borough[frame["policed"].to_numpy(dtype=bool) & ~named])
    return inside | {str(code) for code in borough[named].unique() if code not in lacking}


def month_coverage(
    months: NDArray[np.datetime64], areas: frozenset[str] | None, explanation: str, *, stated: bool
) -> Coverage:
    """Return the coverage of a feed counted or dated by month.

    Parameters
    ----------
    months
        datetime64[M], at least one; months between the first and last that are absent are
        missing.
    """
    present = np.unique(months.astype("datetime64[M]"))
    every = np.arange(present[0], present[-1] + np.timedelta64(1, "M"))
    missing = np.setdiff1d(every, present)
    last: date = (present[-1] + np.timedelta64(1, "M")).astype("datetime64[D]").item()
    return Coverage(
        areas=areas,
        first_day=present[0].astype("datetime64[D]").item(),
        last_day=last - timedelta(days=1),
        months_missing=frozenset(m.astype("datetime64[D]").item() for m in missing),
        stated=stated,
        explanation=explanation,
    )


def counted_areas(counts: pd.DataFrame, study_area: StudyArea) -> tuple[frozenset[str], str]:
    """Infer which areas a table of counts covers; absent combinations inside them are 0.

    Ward counts are tested as points are. Borough counts are tested borough by borough. Only
    policed areas can be covered: the Metropolitan Police do not count the City of London.
    """
    boroughs = study_area.boroughs[study_area.boroughs["policed"].astype(bool)]
    is_ward = counts["area_type"].eq("ward")
    totals = counts.groupby("area_code")["count"].sum()
    areas: frozenset[str] = frozenset()
    explanations = []
    if is_ward.any():
        found = infer_areas(totals, study_area, policed_only=True)
        areas |= with_boroughs(found.wards, study_area)
        explanations.append(found.explanation)
    if not is_ward.all():
        codes = boroughs["borough_code"].to_numpy(dtype=object)
        n = pd.Series(codes).map(totals).fillna(0).to_numpy(dtype=np.float64)
        size = study_area.wards.groupby("borough_code").size()
        exposure = pd.Series(codes).map(size).to_numpy(dtype=np.float64)
        covered, telling = covered_groups(n, exposure)
        areas |= frozenset(str(code) for code in codes[covered])
        names = boroughs["borough_name"].to_numpy(dtype=object)[~covered]
        found_names = [str(name) for name in names]
        explanations.append(_explanation(found_names, 0, int(n.sum()), telling))
    return areas, "; ".join(explanations)
