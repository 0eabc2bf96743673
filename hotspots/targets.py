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
from hotspots.incidents import FeedReading
from hotspots.known import KnownRecords
from hotspots.places import PolicedPlaces
from hotspots.scores import AreaScores
from hotspots.sources import EvidencePolicy
from hotspots.weighing import WeighedEvidence, weigh
from hotspots.zonal import WardPosterior, fit_wards

DEMAND, HARM = "demand", "harm"
N_DRAWS = 4000
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


@dataclass(frozen=True)
class Target:
    """One target, scored: its evidence, posterior and published scores."""

    name: str
    evidence: WeighedEvidence
    posterior: WardPosterior
    wards: tuple[AreaScore, ...]
    boroughs: tuple[AreaScore, ...]


def score_target(name: str, week: KnownWeek, evidence: WeighedEvidence, *, seed: int) -> Target:
    """Fit one target and publish its scores; each target draws from its own random stream."""
    stream = seed if name == DEMAND else (seed, 1)
    posterior = fit_wards(evidence.data, n_draws=N_DRAWS, seed=stream)
    scores = AreaScores(week.study_area, week.places, evidence, posterior, _COUNTED[name])
    return Target(name, evidence, posterior, scores.wards(), scores.boroughs())


def score_harm(week: KnownWeek, policy: EvidencePolicy, *, seed: int) -> Target | None:
    """Score the second target, or nothing: the policy names no harm, or no feed counts it."""
    if not any(weight > 0 for one in policy.harm.values() for weight in one.values()):
        return None
    evidence = week.weigh(policy.for_harm())
    data = evidence.data
    if not (data.exposure_weeks.any() or data.borough_exposure_weeks.any()):
        return None
    return score_target(HARM, week, evidence, seed=seed)
