"""Why one area scores what it scores, down to single events: an exact sum.

Given the fitted pooling a score is linear in everything that was counted, so it splits
without a remainder: what a record or a published month counts directly, what a borough's
total gives to its wards, what a record or month of a proxy shapes of the prior, what a report
raises of it, and what similar wards suggest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from hotspots.assessment import AreaScore
from hotspots.errors import AssessmentRefusedError
from hotspots.explanation import PRIOR
from hotspots.pipeline import AssessedWeek
from hotspots.streams import Counted, Pieces
from hotspots.targets import HARM, Target

Floats = NDArray[np.float64]
#: Ways by which evidence reaches a score; the kernel of a record or month.
COUNTED, BOROUGH_TOTAL = "counted here", "counted in the borough"
SHAPED, RAISED, POOLED = "shapes the prior", "raises the prior", "similar wards"
#: Age of the evidence at the as-of day, in days, and what that period is called.
PERIODS = (
    (1, "last 24 hours"),
    (7, "last 7 days"),
    (28, "last 28 days"),
    (365, "last year"),
    (math.inf, "earlier"),
)


@dataclass(frozen=True)
class EventContribution:
    """One additive part of an area's score.

    Attributes
    ----------
    source
        The source, or ``pooled_prior``.
    kernel
        How it reaches the score: ``counted here``, ``counted in the borough``, ``shapes the
        prior``, ``raises the prior`` or ``similar wards``.
    event
        Record id, or ``2023-06`` for a published month; empty for the pooled prior.
    also_seen_as
        Records of other systems that were merged into this one.
    period, day
        Age class, and the day of the event (of a month: its first); empty and None for the
        pooled prior.
    expected_per_week
        Its part of the expected incidents a week.
    """

    source: str
    kernel: str
    event: str
    also_seen_as: tuple[str, ...]
    period: str
    day: date | None
    expected_per_week: float


@dataclass(frozen=True)
class _Piece:
    """A share of one source's part in one ward; ``effect`` is relative within that part."""

    kernel: str
    record: int  # -1: a published month
    day: date
    effect: float


def explain_area(
    week: AssessedWeek, code: str, *, target: str = "demand"
) -> tuple[EventContribution, ...]:
    """Return every part of a ward's or borough's score, the largest first.

    Parameters
    ----------
    week
        An assessed week.
    code
        A policed ward or borough.
    target
        ``demand`` or ``harm``.

    Returns
    -------
    tuple of EventContribution
        Their ``expected_per_week`` sum to the published score within 1e-9.

    Raises
    ------
    AssessmentRefusedError
        An area that is not scored, or harm where none was scored.
    """
    chosen = week.harm if target == HARM else week.demand
    if chosen is None or target not in ("demand", HARM):
        raise AssessmentRefusedError(
            "this target was not scored", remedy="use target='demand'", value=target
        )
    places = week.known.places
    if code in places.ward_index:
        wards = [places.ward_index[code]]
    elif code in places.borough_index:
        of_borough = places.borough_of_ward == places.borough_index[code]
        wards = np.flatnonzero(of_borough).tolist()
    else:
        raise AssessmentRefusedError(
            "this area is not scored",
            remedy="use the code of a policed ward or borough",
            value=code,
        )
    account = _Account(week, chosen)
    parts: dict[tuple[str, str, int, date | None], float] = {}
    for ward in wards:
        for key, amount in account.ward(ward):
            parts[key] = parts.get(key, 0.0) + amount
    found = [account.named(key, amount) for key, amount in parts.items()]
    return tuple(sorted(found, key=lambda one: (-one.expected_per_week, one.source, one.event)))


def by_source(parts: tuple[EventContribution, ...], score: AreaScore) -> Mapping[str, float]:
    """Return the sums by source, and refuse parts that are not those of the score.

    Raises
    ------
    AssessmentRefusedError
        When they do not sum to the score within 1e-9.
    """
    total = math.fsum(one.expected_per_week for one in parts)
    if abs(total - score.expected_per_week) > 1e-9:
        raise AssessmentRefusedError(
            "these parts do not sum to the score", remedy="explain the same week", value=total
        )
    sources = sorted({one.source for one in parts})
    return {
        key: math.fsum(one.expected_per_week for one in parts if one.source == key)
        for key in sources
    }


class _Account:
    """Splits the parts of a posterior, ward by ward."""

    def __init__(self, week: AssessedWeek, target: Target) -> None:
        self._week, self._target = week, target
        evidence = target.evidence
        records = evidence.records.records
        self._ids = records["record_id"].to_numpy(dtype=str)
        self._sources = records["source"].to_numpy(dtype=str)
        self._days = records["local_day"].to_numpy(dtype="datetime64[D]")
        self._merged: dict[int, list[str]] = {}
        for row in np.flatnonzero(evidence.records.use == "merged"):
            into = int(evidence.records.merged_into[row])
            self._merged.setdefault(into, []).append(f"{self._sources[row]} {self._ids[row]}")

    def ward(self, ward: int) -> Iterator[tuple[tuple[str, str, int, date | None], float]]:
        """Yield (source, kernel, record, day) and its part of the ward's mean."""
        evidence, parts = self._target.evidence, self._target.posterior.parts[:, ward]
        yield (PRIOR, POOLED, -1, None), float(parts[0])
        first_counting = 1 + len(evidence.shaping)
        for number, source in enumerate(evidence.shaping, start=1):
            if number <= evidence.n_proxies:
                pieces = self._counted(evidence.proxy, source, ward, (SHAPED, SHAPED))
            else:
                pieces = list(self._records(evidence.raised, source, ward, RAISED))
            yield from self._split(source, float(parts[number]), pieces)
        for number, source in enumerate(evidence.counting, start=first_counting):
            pieces = self._counted(evidence.direct, source, ward, (COUNTED, BOROUGH_TOTAL))
            yield from self._split(source, float(parts[number]), pieces)

    def named(self, key: tuple[str, str, int, date | None], amount: float) -> EventContribution:
        """Name one part as a reader knows it."""
        source, kernel, record, day = key
        event = "" if day is None else str(self._ids[record]) if record >= 0 else f"{day:%Y-%m}"
        age = math.nan if day is None else (self._week.known.as_of - day).days
        period = "" if day is None else next(name for most, name in PERIODS if age <= most)
        return EventContribution(
            source=source,
            kernel=kernel,
            event=event,
            also_seen_as=tuple(sorted(self._merged.get(record, []))) if record >= 0 else (),
            period=period,
            day=day,
            expected_per_week=amount,
        )

    def _split(
        self, source: str, part: float, pieces: list[_Piece]
    ) -> Iterator[tuple[tuple[str, str, int, date | None], float]]:
        whole = math.fsum(one.effect for one in pieces)
        if part > 0 and whole <= 0:
            raise AssessmentRefusedError(
                "a part of a score has no evidence behind it",
                remedy="report this as a defect",
                value=source,
            )
        for one in pieces:
            if part > 0 and one.effect > 0:
                yield (source, one.kernel, one.record, one.day), part * (one.effect / whole)

    def _counted(
        self, counted: Counted, source: str, ward: int, kernels: tuple[str, str]
    ) -> list[_Piece]:
        """Return what a source counted in a ward, and in its borough only."""
        own, lift = self._effects(ward, shaped=kernels[0] == SHAPED)
        pieces = list(self._records(counted.pieces, source, ward, kernels[0], own))
        for month, values in counted.ward_months.get(source, {}).items():
            pieces.append(_Piece(kernels[0], -1, month, float(values[ward]) * own))
        borough = int(self._week.known.places.borough_of_ward[ward])
        for month, values in counted.borough_months.get(source, {}).items():
            pieces.append(_Piece(kernels[1], -1, month, float(values[borough]) * lift))
        return [one for one in pieces if one.effect > 0]

    def _effects(self, ward: int, *, shaped: bool) -> tuple[float, float]:
        """Return what one incident of the ward, and of its borough only, adds to the mean."""
        if shaped:
            by_ward = self._target.evidence.proxy.exposure_weeks[ward] > 0
            return (1.0, 0.0) if by_ward else (0.0, 1.0)
        posterior = self._target.posterior
        return float(posterior.own[ward]), float(posterior.lift[ward])

    def _records(
        self, pieces: Pieces, source: str, ward: int, kernel: str, effect: float = 1.0
    ) -> Iterator[_Piece]:
        rows = np.flatnonzero(pieces.ward == ward)
        for row in rows:
            record = int(pieces.record[row])
            if self._sources[record] == source:
                day = self._days[record].item()
                yield _Piece(kernel, record, day, float(pieces.weight[row]) * effect)
