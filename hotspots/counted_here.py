"""What was counted in an area, by kind of event and by age, as exact parts of its score.

The posterior mean is linear in every count, so that what was counted in a ward splits without a
remainder among the records and published months behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from hotspots.timeline import Floats
from hotspots.weighing import WeighedEvidence
from hotspots.zonal import WardPosterior

#: Longest age in days, exclusive of the next, and how a reader is told of it.
AGES = ((28, "the last 28 days"), (365, "the rest of the last year"), (None, "earlier"))
#: Kinds of reported events in the words of a reason line.
KINDS = {
    "firearm_discharged": "firearms discharged",
    "firearm_discharged_injury": "discharges with injury",
    "firearm_discharged_fatal": "fatal discharges",
    "firearm_threat": "threats with a firearm",
    "firearm_intimated": "firearms intimated",
    "firearm_other": "other firearms incidents",
}
PUBLISHED = "published monthly counts"
#: Kinds named one by one, the largest first.
_NAMED = 3


@dataclass(frozen=True)
class CountedHere:
    """Parts of the scores of N areas, in incidents a week.

    ``by_kind`` float64 (K, N) in the order of ``kinds``, ``by_age`` (A, N) in that of
    :data:`AGES`. Both sum to what was counted in the area itself.
    """

    kinds: tuple[str, ...]
    by_kind: Floats
    by_age: Floats

    def words(self, area: int, mean_per_week: float) -> str:
        """Return one sentence on an area, or nothing where under 1 % was counted in it."""
        kinds, ages = self.by_kind[:, area], self.by_age[:, area]
        if mean_per_week <= 0 or kinds.sum() / mean_per_week < 0.01:
            return ""
        named = sorted(zip(self.kinds, kinds.tolist(), strict=True), key=_largest)
        others = sum(part for _, part in named[_NAMED:])
        told = [*named[:_NAMED], ("other kinds", others)]
        old = [(words, part) for (_, words), part in zip(AGES, ages.tolist(), strict=True)]
        return (
            f"Counted here: {kinds.sum() / mean_per_week:.0%} of the score. "
            f"By kind: {_shares(told, mean_per_week)}. By time: {_shares(old, mean_per_week)}."
        )


def _largest(part: tuple[str, float]) -> tuple[float, str]:
    return -part[1], part[0]


def _shares(parts: list[tuple[str, float]], whole: float) -> str:
    told = [(words, share / whole) for words, share in parts if share > 0]
    return ", ".join(f"{words} {share:.0%}" if share >= 0.005 else f"{words} under 1%"
                     for words, share in told)  # fmt: skip


def counted_here(evidence: WeighedEvidence, posterior: WardPosterior, as_of: date) -> CountedHere:
    """Split what was counted in each ward by kind and by age.

    Parameters
    ----------
    evidence, posterior
        The weighed evidence and the posterior fitted to it.
    as_of
        The as-of day, from which ages are counted.
    """
    pieces, n_wards = evidence.direct.pieces, len(posterior.own)
    records = evidence.records.records
    codes, categories = pd.factorize(records["category"].iloc[pieces.record], sort=True)
    kinds = (*(KINDS.get(str(one), str(one).replace("_", " ")) for one in categories), PUBLISHED)
    amount = pieces.weight * posterior.own[pieces.ward]
    days = records["local_day"].to_numpy(dtype="datetime64[D]")[pieces.record]
    age = _ages((np.datetime64(as_of, "D") - days).astype(np.int64))
    by_kind = _table(codes, pieces.ward, amount, (len(kinds), n_wards))
    by_age = _table(age, pieces.ward, amount, (len(AGES), n_wards))
    for months in evidence.direct.ward_months.values():
        for month, values in months.items():
            by_kind[-1] += values * posterior.own
            by_age[_ages(np.array([(as_of - month).days]))[0]] += values * posterior.own
    return CountedHere(kinds, by_kind, by_age)


def _ages(
    days: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.digitize(days, [most for most, _ in AGES if most is not None], right=True)


def _table(
    rows: np.ndarray[tuple[int], np.dtype[np.intp]],
    wards: np.ndarray[tuple[int], np.dtype[np.intp]],
    amount: Floats,
    shape: tuple[int, int],
) -> Floats:
    flat = np.bincount(rows * shape[1] + wards, amount, shape[0] * shape[1])
    return flat.astype(np.float64).reshape(shape)
