"""A week's plan as the record keeps it: contents that are never altered, and its state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from allocator.plan import PatrolPlan
from api.plans.fleet_source import FleetSource
from api.refusals import PlanLifeRefusedError

AlterationKind = Literal[
    "lock", "exclude", "support", "override", "suppressed_hot_spot", "added_hot_spot", "other"
]
PaperKind = Literal["verdict", "backtest_card", "equality_statement"]


class State(StrEnum):
    """Where a plan stands in its life."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"


#: States from which a plan never comes back.
ENDED = frozenset({State.SUPERSEDED, State.WITHDRAWN, State.REJECTED})
#: States of a plan whose content a second person approved and nobody took back.
STANDS_APPROVED = frozenset({State.APPROVED, State.PUBLISHED, State.SUPERSEDED})


@dataclass(frozen=True)
class PlanContent:
    """What a plan places: the plan's identifier and each unit's primary area (codes).

    ``fleet`` says where the fleet came from, ``None`` where nobody kept that.
    """

    plan_id: str
    areas: tuple[tuple[str, tuple[str, ...]], ...]
    fleet: FleetSource | None = None


@dataclass(frozen=True)
class Alteration:
    """Something the meeting set by hand, by whom and why.

    ``subject`` says what was set: the unit and its boroughs, the ward, the hot spot.
    """

    kind: AlterationKind
    subject: str
    actor: str
    reason: str


@dataclass(frozen=True)
class Papers:
    """SHA-256 digests of the documents kept with the content; empty where there is none."""

    verdict: str = ""
    backtest_card: str = ""
    equality_statement: str = ""


@dataclass(frozen=True)
class PlanRecord:
    """A plan of a week as the record keeps it: its content now, and where it stands.

    Attributes
    ----------
    key
        Identifier of the record, the same through all its contents.
    version
        Counts every change of the record, for If-Match.
    content_version
        Counts the contents it has had; each is kept and never altered.
    authors
        Everybody who drafted or altered any of its contents.
    proposer, approver
        Names, empty until somebody did it, and again after an alteration.
    papers, alterations, no_equality_reason
        Of the content now; the last is why it was approved although the equality impact was
        not assessed.
    fallback_of
        Key of the plan whose content it repeats, when it is a fall-back.
    """

    key: str
    week: str
    content: PlanContent
    authors: tuple[str, ...]
    state: State = State.DRAFT
    version: int = 1
    content_version: int = 1
    proposer: str = ""
    approver: str = ""
    alterations: tuple[Alteration, ...] = ()
    papers: Papers = field(default_factory=Papers)
    no_equality_reason: str = ""
    fallback_of: str = ""

    @property
    def involved(self) -> frozenset[str]:
        """Names of those who drafted, altered or proposed it."""
        return frozenset({*self.authors, self.proposer} - {""})


def content_of(plan: PatrolPlan, fleet: FleetSource | None = None) -> PlanContent:
    """Return what a plan of the allocator places, and where its fleet came from.

    Raises
    ------
    PlanLifeRefusedError
        See :func:`check_areas`.
    """
    areas = tuple((one.unit_id, one.boroughs) for one in plan.units)
    content = PlanContent(plan.plan_id, areas, fleet)
    check_areas(content.areas)
    return content


def check_areas(areas: Sequence[tuple[str, tuple[str, ...]]]) -> None:
    """Refuse areas in which a unit has two primary areas, or a borough has two units.

    Raises
    ------
    PlanLifeRefusedError
        Naming the unit or the borough.
    """
    for what, names in (
        ("unit", [unit for unit, _ in areas]),
        ("borough", [code for _, codes in areas for code in codes]),
    ):
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise PlanLifeRefusedError(
                f"the {what} {twice[0]} is in two primary areas",
                remedy="give every unit one area and every borough one unit; overlap is support",
                value=twice[0],
            )
    empty = next((unit for unit, codes in areas if not codes), None)
    if empty is not None or not areas:
        raise PlanLifeRefusedError(
            f"the unit {empty} has no area" if areas else "the plan places no unit",
            remedy="plan again; a unit that does not patrol is left out of the fleet",
            value=empty,
        )
