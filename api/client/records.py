"""What the service answers, as values with names; ``document`` holds every member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.client.messages import Answer

ENDED = frozenset({"successful", "failed", "dismissed"})


@dataclass(frozen=True)
class Job:
    """Long work and how far it is: ``percent`` of the whole, coverage and its proven limit."""

    job_id: str
    process: str
    status: str
    percent: int
    step: str
    objective: float | None
    bound: float | None
    document: Mapping[str, Any] = field(repr=False)

    @property
    def over(self) -> bool:
        """True when nothing more will happen to it."""
        return self.status in ENDED

    @property
    def has_results(self) -> bool:
        """True when there is something to read: also a job that was ended may have found it."""
        return any(link.get("href", "").endswith("/results") for link in self.document["links"])


@dataclass(frozen=True)
class Receipt:
    """What came of one file of evidence."""

    receipt_id: str
    feed_id: str
    file: str
    n_records: int
    n_counts: int
    n_rejected: int
    n_merged: int
    state: str
    repeated: bool
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Assessed:
    """What an assessment came to."""

    assessment_id: str
    as_of: str
    classification: str
    notice: str
    wards: int
    warnings: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """A week's plan with the proof of how good it is, and its marking."""

    plan_id: str
    week: str
    status: str
    objective: float
    bound: float
    gap: float
    document: Mapping[str, Any] = field(repr=False)
    marking: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def in_force_for(self) -> str:
        """The week it is in force for after a fall-back, a later one than ``week``; else empty."""
        return self.marking.get("x-plan-in-force-for", "")

    @property
    def units(self) -> tuple[Mapping[str, Any], ...]:
        """The units with their areas and reasons."""
        return tuple(self.document["units"])

    @property
    def boroughs(self) -> tuple[Mapping[str, Any], ...]:
        """The boroughs with their unit and coverage."""
        return tuple(self.document["boroughs"])


@dataclass(frozen=True)
class PlanRecord:
    """A plan as the record keeps it. A step is decided on its ``version``.

    Attributes
    ----------
    fleet_origin
        Where its fleet came from: ``store``, ``file`` or ``request``; ``None`` when not known.
    fleet_id, fleet_version
        Fleet and version of the store, or name of the file; ``None`` for a fleet that was sent.
    """

    key: str
    week: str
    plan_id: str
    state: str
    version: int
    proposer: str
    approver: str
    document: Mapping[str, Any] = field(repr=False)
    fleet_origin: str | None = None
    fleet_id: str | None = None
    fleet_version: int | None = None


def job_of(document: Mapping[str, Any]) -> Job:
    """Return a job."""
    names = ("job_id", "process", "status", "percent", "step", "objective", "bound")
    return Job(**{name: document[name] for name in names}, document=document)


def receipt_of(document: Mapping[str, Any]) -> Receipt:
    """Return a receipt."""
    names = (
        "receipt_id", "feed_id", "file", "n_records", "n_counts", "n_rejected", "n_merged",
        "state", "repeated",
    )  # fmt: skip
    return Receipt(**{name: document[name] for name in names}, document=document)


def assessed_of(document: Mapping[str, Any]) -> Assessed:
    """Return what an assessment came to."""
    names = ("assessment_id", "as_of", "classification", "notice", "wards")
    plain = {name: document[name] for name in names}
    return Assessed(**plain, warnings=tuple(document["warnings"]), document=document)


def plan_of(answer: Answer) -> Plan:
    """Return the plan an answer holds, with the marking of its headers."""
    document = answer.json()
    names = ("plan_id", "week", "status", "objective", "bound", "gap")
    plain = {name: document[name] for name in names}
    return Plan(**plain, document=document, marking=answer.marking)


def plan_record_of(document: Mapping[str, Any]) -> PlanRecord:
    """Return a plan of the record."""
    names = (
        "key", "week", "plan_id", "state", "version", "proposer", "approver", "fleet_origin",
        "fleet_id", "fleet_version",
    )  # fmt: skip
    return PlanRecord(**{name: document[name] for name in names}, document=document)
