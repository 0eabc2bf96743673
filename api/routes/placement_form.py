"""The form that asks for a week's placement: what a planner types, and what it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from api.problems import ProblemError, request_refused
from api.routes.bodies import PlacementBody
from hotspots.assessment import RiskAssessment

#: Rules that bind units to boroughs: field, and what the form calls it.
RULES: Mapping[str, str] = {
    "locks": "Locks",
    "excludes": "Excluded boroughs",
    "support": "Support",
}
TICKED = "yes"
LEAST_TIME_S, MOST_TIME_S = 1.0, 600.0
DEFAULT_TIME_S = "60"
MOST_CHANGES = 64
_WEEK = re.compile(r"[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,3}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Named:
    """What a form may name: the units of the fleet, and the boroughs by name and code."""

    units: frozenset[str]
    boroughs: Mapping[str, str]

    @classmethod
    def of(cls, units: Iterable[str], assessment: RiskAssessment) -> Named:
        """Return what a placement of some units on an assessment may name."""
        codes: dict[str, str] = {}
        for one in assessment.boroughs:
            codes |= {one.code.casefold(): one.code, one.name.casefold(): one.code}
        return cls(frozenset(units), codes)


def placement_body(fields: Mapping[str, str], known: Named) -> PlacementBody:
    """Return the request that a filled-in form stands for.

    Parameters
    ----------
    fields
        Texts of the form by name.
    known
        What may be named with the fleet that was chosen.

    Raises
    ------
    ProblemError
        422, naming the field, what was typed and what to type instead.
    """
    week = fields.get("week", "").strip().upper()
    if not _WEEK.fullmatch(week):
        raise _refused("Week", f"{week[:20]!r} is not an ISO week", "write it like 2026-W48")
    fleet_id = fields.get("fleet_id", "").strip()
    if not fleet_id:
        raise _refused("Fleet", "none was chosen", "choose a fleet of the list")
    rules = {field: rules_of(fields.get(field, ""), field, known) for field in RULES}
    _check_rules(rules)
    asked: dict[str, Any] = {
        "week": week,
        "fleet_id": fleet_id,
        **rules,
        "max_changes": _max_changes(fields.get("max_changes", "")),
        "coverage_floor": _percent(fields.get("coverage_floor", "")) / 100,
        "stored_events": fields.get("stored_events") == TICKED,
        "time_limit_s": _time_limit_s(fields.get("time_limit_s", "")),
    }
    try:
        return PlacementBody.model_validate(asked)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _refused(where, str(first["msg"]), "correct what was typed there") from fault


def rules_of(text: str, field: str, known: Named) -> dict[str, list[str]]:
    """Return boroughs by unit from lines like ``ARV-04: Hackney, Islington``.

    Raises
    ------
    ProblemError
        422, naming the line and the unit or borough that is not known.
    """
    found: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{RULES.get(field, field)}, line {number}"
        unit, colon, named = line.partition(":")
        unit, words = unit.strip().upper(), [one.strip() for one in named.split(",")]
        boroughs = [one for one in words if one]
        if not colon or not boroughs:
            raise _refused(
                where, f"{line.strip()[:60]!r} is no unit with its boroughs",
                "write the unit, a colon and its boroughs, such as ARV-04: Hackney, Islington",
            )  # fmt: skip
        if unit not in known.units:
            raise _refused(
                where, f"unit {unit[:40]!r} is not in the fleet",
                f"use one of {', '.join(sorted(known.units))}",
            )  # fmt: skip
        codes = found.setdefault(unit, [])
        codes.extend(_code(one, where, known) for one in boroughs)
    return {unit: sorted(set(codes)) for unit, codes in found.items()}


def form_fields(asked: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return what to show in the form for a request that was made before.

    Parameters
    ----------
    asked
        The request as a job keeps it.
    names
        Borough names by code.
    """
    changes = asked.get("max_changes")
    return {
        "week": str(asked.get("week") or ""),
        "fleet_id": str(asked.get("fleet_id") or ""),
        **{field: _lines(asked.get(field) or {}, names) for field in RULES},
        "max_changes": "" if changes is None else str(changes),
        "coverage_floor": f"{100 * float(asked.get('coverage_floor') or 0):.3g}",
        "stored_events": TICKED if asked.get("events") else "",
        "time_limit_s": f"{float(asked.get('time_limit_s') or DEFAULT_TIME_S):g}",
    }


def _lines(rules: Mapping[str, Iterable[str]], names: Mapping[str, str]) -> str:
    return "\n".join(
        f"{unit}: {', '.join(names.get(code, code) for code in codes)}"
        for unit, codes in sorted(rules.items())
    )


def _check_rules(rules: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Refuse rules that contradict each other whatever the solver may find."""
    owner: dict[str, str] = {}
    for unit, codes in sorted(rules["locks"].items()):
        for code in codes:
            if code in owner:
                raise _refused(
                    RULES["locks"], f"{code} is locked to {owner[code]} and to {unit}",
                    "lock a borough to one unit; a second one may support it",
                )  # fmt: skip
            owner[code] = unit
            if code in rules["excludes"].get(unit, []):
                raise _refused(
                    RULES["locks"], f"{code} is locked to {unit} and excluded for it",
                    "drop the lock or the exclusion",
                )  # fmt: skip


def _code(text: str, where: str, known: Named) -> str:
    code = known.boroughs.get(text.casefold())
    if code is None:
        raise _refused(
            where, f"{text[:60]!r} is not a borough that is patrolled",
            "use its full name, such as Hackney, or its code, such as E09000012",
        )  # fmt: skip
    return code


def _max_changes(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not _WHOLE.fullmatch(text) or int(text) > MOST_CHANGES:
        raise _refused(
            "Units that may change", f"{text[:20]!r} is not a number of units",
            f"give a whole number up to {MOST_CHANGES}, or leave it empty",
        )  # fmt: skip
    return int(text)


def _percent(text: str) -> float:
    text = text.strip().removesuffix("%").strip() or "0"
    if not _NUMBER.fullmatch(text) or float(text) > 100:
        raise _refused(
            "Least coverage", f"{text[:20]!r} is not a percentage",
            "give a number from 0 to 100, such as 25",
        )  # fmt: skip
    return float(text)


def _time_limit_s(text: str) -> float:
    text = text.strip() or DEFAULT_TIME_S
    if not _NUMBER.fullmatch(text) or not LEAST_TIME_S <= float(text) <= MOST_TIME_S:
        raise _refused(
            "Time limit", f"{text[:20]!r} is not a time to solve in",
            f"give {LEAST_TIME_S:.0f} to {MOST_TIME_S:.0f} seconds",
        )  # fmt: skip
    return float(text)


def _refused(where: str, problem: str, remedy: str) -> ProblemError:
    return ProblemError(request_refused(problem, remedy, where))
