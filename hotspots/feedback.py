"""Does the score chase its own patrols? A closed loop of two wards with the same true rate.

Patrols go mostly to the ward with the higher score; where they go they find things; what they
find is fed back by every way in: as discovered records and counts of the target itself, as
possession offences, recoveries, patrol activity, street-crime categories and intelligence.
The engine must keep both wards near one half for ever. The naive mode, in which what patrols
find is entered as if it had been reported, shows that the loop is able to run away (Lum and
Isaac 2016, "To predict and serve?", Significance 13; Ensign and others 2018, "Runaway feedback
loops in predictive policing", PMLR 81).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry import box

from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import AssessmentRefusedError
from hotspots.incidents import (
    COUNT_DTYPES,
    RECORD_DTYPES,
    Coverage,
    FeedReading,
    empty_counts,
    empty_records,
)
from hotspots.pipeline import assess_week
from hotspots.sources import EvidencePolicy

WARDS = ("E05000001", "E05000002")
_BOROUGH = "E09000002"
_FIRST_MONTH = pd.Timestamp("1960-01-01")
#: What patrols find enters by each of these: (source, category, basis), as records.
RECORD_CHANNELS = (
    ("recorded_gun_crime", "firearm_threat", "discovered"),
    ("recorded_gun_crime", "possession_firearm", "reported"),
    ("reported_shooting", "firearm_discharged", "discovered"),
    ("blunt_2", "weapon_recovered", "discovered"),
    ("arv_activity", "patrol_activity", "discovered"),
    ("police_uk_street", "possession_of_weapons", "reported"),
    ("police_uk_street", "drugs", "reported"),
    ("police_uk_street", "robbery", "discovered"),
    ("crimint", "intelligence_firearm", "discovered"),
    ("daris_320", "call_firearm", "discovered"),
)
#: And by each of these as published monthly counts.
COUNT_CHANNELS = (
    ("mps_dashboard_counts", "gun_crime", "discovered"),
    ("mps_recorded_crime_counts", "possession_of_weapons", "reported"),
)


@dataclass(frozen=True)
class LoopSettings:
    """How the loop runs; a round is a calendar month.

    Attributes
    ----------
    rounds, review_every
        Rounds played, and after how many the patrols are sent anew by the newest score.
    history_rounds
        Rounds of reports before the loop starts.
    reported_per_round
        Mean reported incidents of each ward: the same in both, whatever patrols do.
    found_per_round
        Mean of what patrols find in both wards together, in proportion to their presence.
    leader_share
        Share of patrols sent to the ward with the higher score.
    """

    rounds: int = 1_000
    review_every: int = 1
    history_rounds: int = 60
    reported_per_round: float = 20.0
    found_per_round: float = 40.0
    leader_share: float = 0.8

    def __post_init__(self) -> None:
        """Refuse a loop that cannot be played."""
        whole = min(self.rounds, self.review_every, self.history_rounds) >= 1
        means = all(0 < one < np.inf for one in (self.reported_per_round, self.found_per_round))
        if not whole or not means or not 0.5 <= self.leader_share <= 1.0:
            raise AssessmentRefusedError(
                "a loop needs rounds, positive means and a leader's share of 0.5 to 1",
                remedy="start from the default settings",
                value=self,
            )


@dataclass(frozen=True)
class LoopResult:
    """What the loop did, at each of its reviews; arrays are (n_reviews,).

    ``score_share`` and ``patrol_share`` are those of the first ward.
    """

    score_share: NDArray[np.float64]
    patrol_share: NDArray[np.float64]

    @property
    def farthest_from_half(self) -> float:
        """Return the largest distance of the score's share from one half."""
        return float(np.abs(self.score_share - 0.5).max())


def simulate_feedback(
    policy: EvidencePolicy,
    *,
    seed: int,
    settings: LoopSettings | None = None,
    naive: bool = False,
) -> LoopResult:
    """Play the closed loop through the whole engine.

    Parameters
    ----------
    policy
        The evidence policy under test.
    seed, settings
        Seed of the chance events, and how the loop runs.
    naive
        True enters what patrols find as reported gun crime: the mistake the engine avoids.

    Returns
    -------
    LoopResult
        The first ward's share of the score and of the patrols at every review.
    """
    chosen = settings or LoopSettings()
    random = np.random.default_rng(seed)
    area = _two_wards()
    total = chosen.history_rounds + chosen.rounds
    reported = random.poisson(chosen.reported_per_round, size=(total, 2))
    found = np.zeros((total, 2), dtype=np.int64)
    patrols, shares, sent = 0.5, [], []
    for at in range(chosen.history_rounds, total):
        if (at - chosen.history_rounds) % chosen.review_every == 0:
            share = _score_share(reported[:at], found[:at], area, policy, naive=naive)
            leader = 0.5 if share == 0.5 else float(share > 0.5)
            patrols = chosen.leader_share * leader + (1 - chosen.leader_share) * (1 - leader)
            shares.append(share)
            sent.append(patrols)
        found[at] = random.poisson(chosen.found_per_round * np.array([patrols, 1 - patrols]))
    return LoopResult(np.array(shares), np.array(sent))


def _score_share(
    reported: NDArray[np.int64],
    found: NDArray[np.int64],
    area: StudyArea,
    policy: EvidencePolicy,
    *,
    naive: bool,
) -> float:
    """Return the first ward's share of the expected incidents after these rounds."""
    n_rounds = len(reported)
    oldest = max(0, n_rounds - policy.memory_days // 30)
    months = [_FIRST_MONTH + pd.DateOffset(months=k) for k in range(oldest, n_rounds + 1)]
    counted = reported + found if naive else reported
    readings = [
        _counts_feed("reported.csv", months, [("mps_dashboard_counts", "gun_crime", "reported")],
                     counted[oldest:]),
        _counts_feed("found_counts.csv", months, COUNT_CHANNELS, found[oldest:]),
        _records_feed(months, found[oldest:]),
    ]  # fmt: skip
    week = assess_week(readings, area, as_of=months[-1].date(), policy=policy, seed=0)
    means = [one.expected_per_week for one in week.assessment.wards]
    return means[0] / (means[0] + means[1])


def _counts_feed(
    file: str,
    months: Sequence[pd.Timestamp],
    channels: Sequence[tuple[str, str, str]],
    counts: NDArray[np.int64],
) -> FeedReading:
    rows = [
        (source, category, "ward", ward, months[k], int(counts[k, w]), basis, None, file)
        for source, category, basis in channels
        for k in range(len(counts))
        for w, ward in enumerate(WARDS)
    ]
    frame = pd.DataFrame(rows, columns=list(COUNT_DTYPES)).astype(COUNT_DTYPES)
    return _reading(file, empty_records(), frame, months)


def _records_feed(months: Sequence[pd.Timestamp], found: NDArray[np.int64]) -> FeedReading:
    """Return a record for every third thing found, by each channel in turn."""
    month, ward = (np.repeat(one.ravel(), found.ravel()) for one in np.indices(found.shape))
    month, ward = month[::3], ward[::3]
    channel = np.arange(len(month)) % len(RECORD_CHANNELS)
    at = pd.DatetimeIndex([months[int(k)] for k in month]).tz_localize("UTC") + pd.Timedelta(days=9)
    frame = empty_records().reindex(range(len(month)))
    frame["record_id"] = [f"F{k}" for k in range(len(month))]
    for position, name in enumerate(("source", "category", "basis")):
        frame[name] = [RECORD_CHANNELS[k][position] for k in channel]
    for name in ("occurred_from", "occurred_to", "known_from"):
        frame[name] = at
    frame["area_code"] = [WARDS[w] for w in ward]
    frame["file"], frame["row"] = "found.csv", np.arange(1, len(month) + 1)
    return _reading("found.csv", frame.astype(RECORD_DTYPES), empty_counts(), months)


def _reading(
    file: str, records: pd.DataFrame, counts: pd.DataFrame, months: Sequence[pd.Timestamp]
) -> FeedReading:
    text = f"{file} {len(records)} {int(counts['count'].sum())} {months[-1]}"
    return FeedReading(
        file=file,
        format="meeting_feed",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        records=records,
        counts=counts,
        rejected=(),
        dropped_columns=(),
        coverage=Coverage(None, months[0].date(), months[-1].date() - timedelta(days=1)),
    )


def _two_wards() -> StudyArea:
    """Return two equal wards of one borough, side by side."""
    squares = [box(500_000 + k * 1_000, 150_000, 501_000 + k * 1_000, 151_000) for k in (0, 1)]
    wards = gpd.GeoDataFrame(
        {
            "ward_code": list(WARDS),
            "ward_name": ["First", "Second"],
            "borough_code": _BOROUGH,
            "borough_name": "Two wards",
            "policed": True,
        },
        geometry=squares,
        crs="EPSG:27700",
    )
    boroughs = wards.dissolve("borough_code", as_index=False)
    links = pd.DataFrame(
        {"code_a": WARDS[:1], "code_b": WARDS[1:], "kind": ["land"], "distance_m": [1_000.0]}
    )
    none = links.iloc[:0].rename(columns={"distance_m": "crossing"})
    return StudyArea(
        name="Two equal wards",
        approximate=False,
        sha256=hashlib.sha256(b"two equal wards").hexdigest(),
        attribution=("Invented.",),
        wards=wards,
        boroughs=boroughs[["borough_code", "borough_name", "policed", "geometry"]],
        borough_links=none.assign(open_to_motor_vehicles=pd.Series(dtype="int64")),
        ward_links=links,
    )
