"""The two targets side by side: response demand, and harm.

Demand counts every reported firearms incident; harm those in which a firearm was discharged
or somebody was injured. Both rest on the same records and the same model; only what counts
as an incident differs, as the policy says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from hotspots.assessment import AreaScore
from hotspots.boundaries.study_area import StudyArea
from hotspots.counter import Counter, counter
from hotspots.incidents import FeedReading
from hotspots.known import KnownRecords
from hotspots.period_variation import PeriodVariation, variation_of, week_ahead
from hotspots.places import PolicedPlaces
from hotspots.scores import AreaScores
from hotspots.sources import EvidencePolicy
from hotspots.timeline import Timeline
from hotspots.weighing import WeighedEvidence, weigh
from hotspots.zonal import WardPosterior, fit_wards

DEMAND, HARM = "demand", "harm"
N_DRAWS = 4000
#: What follows the seed of each target's draws of rates and of swings.
_STREAMS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    DEMAND: ((), (2,)),
    HARM: ((1,), (3,)),
}
#: What a reason line calls the events of a target.
_COUNTED = {DEMAND: "incidents", HARM: "discharges or firearm injuries"}


@dataclass(frozen=True)
class KnownWeek:
    """What was known on the as-of day, and where: all that a target is weighed from."""

    readings: Sequence[FeedReading]
    study_area: StudyArea
    places: PolicedPlaces
    known: KnownRecords
    located: tuple[NDArray[np.intp], NDArray[np.intp]]
    merged_into: NDArray[np.intp]
    as_of: date

    def weigh(self, policy: EvidencePolicy) -> WeighedEvidence:
        """Weigh the evidence by a policy."""
        return weigh(
            self.readings,
            self.known,
            self.located,
            self.places,
            self.merged_into,
            as_of=self.as_of,
            policy=policy,
        )

    def count(self, policy: EvidencePolicy, evidence: WeighedEvidence, first_day: date) -> Counter:
        """Count, since a day, what a policy calls an incident; raw and where known."""
        timeline = Timeline(first_day, self.as_of)
        return counter(self.readings, evidence, self.places, timeline, policy)


@dataclass(frozen=True)
class Target:
    """One target, scored: its evidence, posterior and published scores.

    ``counter`` is what it counted of late, ``variation`` how much months of it swing, and
    ``draws`` float32 (n_draws, W) of the week ahead: the posterior's rates with those swings.
    """

    name: str
    evidence: WeighedEvidence
    counter: Counter
    variation: PeriodVariation
    posterior: WardPosterior
    draws: NDArray[np.float32]
    wards: tuple[AreaScore, ...]
    boroughs: tuple[AreaScore, ...]


def score_target(
    name: str, week: KnownWeek, evidence: WeighedEvidence, counted: Counter, *, seed: int
) -> Target:
    """Fit one target and publish its scores; each target draws from its own random streams.

    ``counted`` holds what the target counted in the past, from which its swings are fitted.
    """
    rates, swings = _STREAMS[name]
    posterior = fit_wards(evidence.data, n_draws=N_DRAWS, seed=(seed, *rates))
    variation = variation_of(counted)
    draws = week_ahead(
        posterior.draws, week.places.borough_of_ward, variation, seed=(seed, *swings)
    )
    scores = AreaScores(
        week.study_area, week.places, evidence, posterior, draws, week.as_of, _COUNTED[name]
    )
    return Target(
        name, evidence, counted, variation, posterior, draws, scores.wards(), scores.boroughs()
    )


def score_harm(
    week: KnownWeek,
    policy: EvidencePolicy,
    standing: WeighedEvidence,
    *,
    first_day: date,
    seed: int,
) -> Target | None:
    """Score the second target, or nothing: the policy names no harm, or no feed counts it.

    ``standing`` is the evidence of the demand, which says what stands and what is merged;
    ``first_day`` the day from which the past is counted.
    """
    if not any(weight > 0 for one in policy.harm.values() for weight in one.values()):
        return None
    harm = policy.for_harm()
    evidence = week.weigh(harm)
    data = evidence.data
    if not (data.exposure_weeks.any() or data.borough_exposure_weeks.any()):
        return None
    return score_target(HARM, week, evidence, week.count(harm, standing, first_day), seed=seed)
