"""A chair's first minute: what is in force, what changed, and what awaits the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.access import Action, Actor, Resource, decide
from api.pages.standing_view import DECISIONS
from api.plans.life import STEPS
from api.plans.record import PlanRecord, State
from api.plans.rules import as_resource

Areas = Sequence[tuple[str, tuple[str, ...]]]

#: Steps that carry a plan forward; those that end one do not await anybody.
_FORWARD = (Action.PROPOSE_PLAN, Action.APPROVE_PLAN, Action.PUBLISH_PLAN)
NONE_IN_FORCE = "No plan is in force for this week."


@dataclass(frozen=True)
class AreaChange:
    """A unit whose area differs between two plans, each area in words."""

    unit_id: str
    now: str
    before: str


@dataclass(frozen=True)
class Awaiting:
    """Something that waits for the person, and where they do it."""

    words: str
    address: str


@dataclass(frozen=True)
class Brief:
    """What the head of the week's page says.

    Attributes
    ----------
    in_force
        Which plan is in force, in a sentence.
    compared
        What changes are counted from, in words; empty when there is nothing to compare with.
    changes
        Units whose area differs.
    units
        How many units the plan shown has.
    may_fall_back
        True when no plan is in force and the person may fall back.
    """

    in_force: str
    compared: str
    changes: tuple[AreaChange, ...]
    units: int
    awaiting: tuple[Awaiting, ...]
    may_fall_back: bool


def brief(
    week: Sequence[PlanRecord],
    shown: Areas,
    before: PlanRecord | None,
    *,
    awaiting: Sequence[Awaiting],
    actor: Actor,
    names: Mapping[str, str],
) -> Brief:
    """Return the first minute of a week.

    Parameters
    ----------
    week
        The plans of the week.
    shown
        Areas of the plan the page shows.
    before
        The approved plan that stood last before the week; changes are counted from the plan in
        force where there is one that differs, else from this one.
    awaiting
        From :func:`steps_awaiting` and its like.
    names
        Names of boroughs by code.
    """
    in_force = next((one for one in week if one.state is State.PUBLISHED), None)
    now = _plain(shown)
    compared, reference = "", None
    if in_force is not None and _plain(in_force.content.areas) != now:
        compared, reference = "the plan in force", in_force
    elif before is not None:
        compared, reference = f"the plan of week {before.week}", before
    changes = area_changes(shown, reference.content.areas, names) if reference else ()
    may = decide(actor, Action.FALL_BACK, Resource("plan")).allowed
    return Brief(
        _in_force(in_force, now), compared, changes, len(shown), tuple(awaiting),
        may and in_force is None,
    )  # fmt: skip


def area_changes(now: Areas, before: Areas, names: Mapping[str, str]) -> tuple[AreaChange, ...]:
    """Return the units whose set of boroughs differs, also those that only one plan has."""
    new, old = dict(now), dict(before)
    return tuple(
        AreaChange(unit, _words(new.get(unit), names), _words(old.get(unit), names))
        for unit in sorted({*new, *old})
        if set(new.get(unit, ())) != set(old.get(unit, ()))
    )


def steps_awaiting(records: Sequence[PlanRecord], actor: Actor) -> tuple[Awaiting, ...]:
    """Return the steps that carry open plans forward and are the person's to take."""
    titles = {one.action: (one.title, one.name) for one in DECISIONS}
    found = []
    for record in records:
        for action in _FORWARD:
            allowed = decide(actor, action, as_resource(record)).allowed
            if record.state in STEPS[action][0] and allowed:
                title, name = titles[action]
                words = f"{title} of week {record.week}"
                found.append(Awaiting(words, f"/decisions/{record.key}/{name}"))
    return tuple(found)


def _in_force(record: PlanRecord | None, shown: Mapping[str, frozenset[str]]) -> str:
    if record is None:
        return NONE_IN_FORCE
    which = "The plan shown" if _plain(record.content.areas) == shown else "Another plan"
    again = f", the plan of week {record.fallback_of[:8]} again" if record.fallback_of else ""
    return f"{which} is in force{again}, approved by {record.approver}."


def _plain(areas: Areas) -> dict[str, frozenset[str]]:
    return {unit: frozenset(codes) for unit, codes in areas}


def _words(codes: Sequence[str] | None, names: Mapping[str, str]) -> str:
    if codes is None:
        return "no area"
    return ", ".join(sorted(names.get(code, code) for code in codes))
