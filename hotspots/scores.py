"""A posterior as published scores: means, intervals, ranks, tiers, contributions, reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots import assessment as published
from hotspots.assessment import AreaScore, Contribution
from hotspots.boundaries.study_area import StudyArea
from hotspots.counted_here import CountedHere, counted_here
from hotspots.explanation import PRIOR, coverage_states, reasons
from hotspots.handling import CODE, conditioned
from hotspots.places import PolicedPlaces
from hotspots.ranking import Ranking, central_interval, rank_areas, tiers
from hotspots.weighing import WeighedEvidence
from hotspots.zonal import WardPosterior

Floats = NDArray[np.float64]
#: Every score says how probably its area is among the k highest.
TOP_K = (5, 10, 20, 50)


@dataclass(frozen=True)
class AreaScores:
    """Turns a posterior into published scores of wards and boroughs, sorted by code.

    Ranks and tiers are of the posterior's long-run rates, intervals of ``draws``, float32
    (n_draws, W) of the week ahead. ``counted`` is what a reason line calls the events.
    """

    study_area: StudyArea
    places: PolicedPlaces
    evidence: WeighedEvidence
    posterior: WardPosterior
    draws: NDArray[np.float32]
    as_of: date
    counted: str = "incidents"

    def wards(self) -> tuple[AreaScore, ...]:
        """Return the scores of the policed wards."""
        names = _names(self.study_area.wards, "ward", self.places.ward_codes)
        of_borough = [self.places.borough_codes[b] for b in self.places.borough_of_ward]
        return self._areas(
            self.places.ward_codes,
            names,
            of_borough,
            parts=self.posterior.parts,
            draws=(self.posterior.draws, self.draws),
            coverage=self._ward_coverage(),
            observed=(self._stacked(self.evidence.raw), self._stacked(self.evidence.days) / 7),
            conditions=conditioned(self.evidence).wards,
            here=self._here,
        )

    def boroughs(self) -> tuple[AreaScore, ...]:
        """Return the scores of the policed boroughs: sums of their wards, draw by draw."""
        codes = self.places.borough_codes
        names = _names(self.study_area.boroughs, "borough", codes)
        rates, ahead = (
            self._by_borough(one).astype(np.float32) for one in (self.posterior.draws, self.draws)
        )
        days = self._by_borough(self._stacked(self.evidence.days)) / self.places.wards_in_borough
        return self._areas(
            codes,
            names,
            list(codes),
            parts=self._by_borough(self.posterior.parts),
            draws=(rates, ahead),
            coverage=self._borough_coverage(),
            observed=(self._by_borough(self._stacked(self.evidence.raw)), days / 7),
            conditions=self._by_borough(conditioned(self.evidence).wards.astype(np.float64)) > 0,
            here=replace(
                self._here,
                by_kind=self._by_borough(self._here.by_kind),
                by_age=self._by_borough(self._here.by_age),
            ),
        )

    @cached_property
    def _here(self) -> CountedHere:
        return counted_here(self.evidence, self.posterior, self.as_of)

    def _by_borough(self, values: Floats | NDArray[np.float32]) -> Floats:
        """Sum the last axis (wards) by borough, in ward order and in float64."""
        return np.stack(
            [
                values[..., self.places.borough_of_ward == borough].sum(axis=-1, dtype=np.float64)
                for borough in range(len(self.places.borough_codes))
            ],
            axis=-1,
        )

    def _stacked(self, table: Mapping[str, Floats]) -> Floats:
        rows = [table[key] for key in sorted(self.evidence.raw)]
        return np.array(rows).reshape(len(rows), len(self.places.ward_codes))

    def _ward_coverage(self) -> tuple[str, ...]:
        whole = self.evidence.borough_days[self.places.borough_of_ward]
        return coverage_states(self.evidence.direct_days, self.evidence.proxy_days, whole)

    def _borough_coverage(self) -> tuple[str, ...]:
        wards = np.array(self._ward_coverage())
        states = []
        for borough in range(len(self.places.borough_codes)):
            mine = set(wards[self.places.borough_of_ward == borough].tolist())
            counted = self.evidence.borough_days[borough] > 0
            if mine == {"known"} or (counted and "unknown" not in mine):
                states.append("known")
            else:
                states.append("unknown" if mine == {"unknown"} else "partial")
        return tuple(states)

    def _areas(
        self,
        codes: Sequence[str],
        names: Sequence[str],
        borough_codes: Sequence[str],
        *,
        parts: Floats,
        draws: tuple[NDArray[np.float32], NDArray[np.float32]],
        coverage: tuple[str, ...],
        observed: tuple[Floats, Floats],
        conditions: NDArray[np.bool_],
        here: CountedHere,
    ) -> tuple[AreaScore, ...]:
        mean = parts.sum(axis=0)
        ranking = rank_areas(mean, draws[0], top_k=TOP_K)
        tier = tiers(ranking, coverage)
        low, high = central_interval(draws[1])
        return tuple(
            self._area(
                (code, names[i], borough_codes[i]),
                self._contributions(parts[:, i]),
                interval=(float(low[i]), float(high[i])),
                ranking=ranking,
                position=i,
                tier=tier[i],
                coverage=coverage[i],
                average_per_week=float(mean.mean()),
                handling_code=CODE if conditions[i] else "",
                observed=self._observed(observed, i),
                here=here.words(i, float(mean[i])),
            )
            for i, code in enumerate(codes)
        )

    def _observed(self, observed: tuple[Floats, Floats], i: int) -> list[tuple[str, float, float]]:
        number, weeks = observed
        return [
            (key, float(number[s, i]), float(weeks[s, i]))
            for s, key in enumerate(sorted(self.evidence.raw))
        ]

    def _contributions(self, parts: Floats) -> tuple[Contribution, ...]:
        keys = (PRIOR, *self.evidence.shaping, *self.evidence.counting)
        return tuple(
            Contribution(key, published.rounded(float(part)))
            for key, part in zip(keys, parts, strict=True)
            if part > 0
        )

    def _area(
        self,
        identity: tuple[str, str, str],
        contributions: tuple[Contribution, ...],
        *,
        interval: tuple[float, float],
        ranking: Ranking,
        position: int,
        tier: str,
        coverage: str,
        average_per_week: float,
        handling_code: str,
        observed: list[tuple[str, float, float]],
        here: str,
    ) -> AreaScore:
        total = published.rounded(sum(part.expected_per_week for part in contributions))
        lowest = int(ranking.rank_lower_90[position])
        highest = int(ranking.rank_upper_90[position])
        top = published.rounded(float(ranking.probability_top_decile[position]))
        return AreaScore(
            *identity,
            expected_per_week=total,
            lower_90=published.rounded(interval[0]),
            upper_90=published.rounded(interval[1]),
            rank=int(ranking.rank[position]),
            rank_lower_90=lowest,
            rank_upper_90=highest,
            probability_top_decile=top,
            tier=tier,
            coverage=coverage,
            contributions=contributions,
            reasons=reasons(
                mean_per_week=total,
                average_per_week=average_per_week,
                contributions=contributions,
                observed=observed,
                here=here,
                coverage=coverage,
                counted=self.counted,
                ranks=(lowest, highest, len(ranking.rank)),
            ),
            probability_top_k=tuple(
                published.rounded(float(one)) for one in ranking.probability_top_k[position]
            ),
            handling_code=handling_code,
        )


def _names(frame: pd.DataFrame, kind: str, codes: Sequence[str]) -> list[str]:
    names = dict(zip(frame[f"{kind}_code"].astype(str), frame[f"{kind}_name"], strict=True))
    return [str(names[code]) for code in codes]
