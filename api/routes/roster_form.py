"""The form that asks for a roster of the proactive unit: what is typed, and what it stands for.

The fields of a table are numbered by row, such as ``request-2-date``. A row in which nothing was
typed is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from allocator.tpu.request import DEFAULT_NEEDS
from api.calendar_day import parse_day
from api.problems import ProblemError, request_refused
from api.routes.roster_tables import ABSENCES, OVERRIDES, REQUESTS, TEAMS, Rows
from api.routes.tpu_bodies import NONE, RosterBody
from api.wording import british_days
from hotspots.errors import AssessmentRefusedError

TICKED = "yes"
DAY_OFF = "day off"
RANKS = ("inspectors", "sergeants", "constables")
TACTICS = ("tactic_1", "tactic_2", "tactic_3")
#: Rules of a request file and what the form calls them.
RULES: Mapping[str, str] = MappingProxyType(
    {
        "shift_hours": "Length of a shift, in hours",
        "rest_hours": "Least rest between shifts, in hours",
        "most_days_in_a_row": "Most days of duty in a row",
        "days_off": "Least days off in any seven days",
        "least_teams_a_day": "Fewest teams on duty a day",
        "most_duty_difference": "Most by which the teams’ days of duty differ",
        "least_constables": "Fewest constables with a team",
        "lead_days": "First days that stay as published",
        "most_visits": "Most visits to one borough",
        "days_between_visits": "Days between two visits to a borough",
        "repeat_return": "Worth of a further visit, as a share of the one before",
        "focus_wards": "Wards named for a shift",
    }
)
TARGETS: Mapping[str, str] = MappingProxyType(
    {"demand": "expected incidents", "harm": "expected harm, where the assessment has it"}
)
_NAMED = re.compile(rf"\b({'|'.join(RULES)}|team_id)\b")
_FRACTIONS = frozenset({"shift_hours", "rest_hours", "repeat_return"})
_WHOLE = re.compile(r"[0-9]{1,4}", re.ASCII)
_SEED = re.compile(r"[0-9]{1,16}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?", re.ASCII)
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", re.ASCII)


def roster_body(fields: Mapping[str, str], boroughs: Mapping[str, str]) -> RosterBody:
    """Return the request that a filled-in form stands for.

    Parameters
    ----------
    fields
        Texts of the form by name.
    boroughs
        Codes by the names and codes that may be typed, casefolded.

    Raises
    ------
    ProblemError
        422, naming the field, what was typed and what to type instead.
    """
    text = {name: " ".join(value.split()) for name, value in fields.items()}
    asked: dict[str, Any] = {
        "from": _day(text.get("first_day", ""), "First day"),
        "days": typed_whole(text.get("days", ""), "Days"),
        "label": text.get("label", ""),
        "time_limit_s": _number(text.get("time_limit_s", ""), "Time limit"),
        "epsilon": _number(text.get("surprise", ""), "Given up for surprise") / 100,
        "seed": _seed(text.get("seed", "")),
        "published_roster_id": NONE if text.get("afresh") == TICKED else None,
        "establishment": {
            rank: typed_whole(text.get(f"unit-{rank}", ""), f"The unit, {rank}") for rank in RANKS
        },
        "rules": _rules(text),
        "tactics": _needs(text),
        "teams": [_team(row, where) for row, where in TEAMS.typed(text)],
        "requests": _requests(text, boroughs),
        "absences": [_absence(row, where) for row, where in ABSENCES.typed(text)],
        "overrides": [_override(row, where, boroughs) for row, where in OVERRIDES.typed(text)],
    }
    try:
        return RosterBody.model_validate(asked)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ", ".join(_position(part) for part in first["loc"])
        raise _refused(where, str(first["msg"]), "correct what was typed there") from fault


def form_fields(body: RosterBody, names: Mapping[str, str]) -> dict[str, str]:
    """Return what to show in the form for a request.

    Parameters
    ----------
    body
        The request.
    names
        Borough names by code.
    """
    fields = {
        "first_day": _shown_day(body.from_ or ""),
        "days": str(body.days),
        "label": body.label,
        "time_limit_s": f"{body.time_limit_s:g}",
        "surprise": f"{100 * body.epsilon:.4g}",
        "seed": "" if body.seed is None else str(body.seed),
        "afresh": TICKED if body.published_roster_id == NONE else "",
        "rule-target": body.rules.target,
    }
    fields |= {f"unit-{rank}": str(getattr(body.establishment, rank)) for rank in RANKS}
    fields |= {f"rule-{name}": f"{getattr(body.rules, name):g}" for name in RULES}
    for need in DEFAULT_NEEDS if body.tactics is None else body.tactics:
        fields |= {f"need-{need.tactic}-{rank}": str(getattr(need, rank)) for rank in RANKS}
    teams = [{**one.model_dump(), "shift_start": one.shift_start[:5]} for one in body.teams]
    requests = [
        {
            **one.model_dump(),
            "date": _shown_day(one.date),
            "where": ", ".join(
                names.get(code, code) for code in one.boroughs or [str(one.borough)]
            ),
        }
        for one in body.requests
    ]
    absences = [{**one.model_dump(), "date": _shown_day(one.date)} for one in body.absences]
    overrides = [
        {
            **one.model_dump(),
            "date": _shown_day(one.date),
            "where": DAY_OFF if one.tasking == "rest" else names.get(one.tasking, one.tasking),
        }
        for one in body.overrides
    ]
    tables: tuple[tuple[Rows, list[dict[str, Any]]], ...] = (
        (TEAMS, teams), (REQUESTS, requests), (ABSENCES, absences), (OVERRIDES, overrides),
    )  # fmt: skip
    for rows, values in tables:
        fields |= rows.fields(values)
    return fields


def in_words(refusal: str) -> str:
    """Return a refusal in the words of the form: its rules by their labels, its days British."""
    return british_days(_NAMED.sub(_label, refusal))


def _label(found: re.Match[str]) -> str:
    return f"“{RULES[found[0]]}”" if found[0] in RULES else "team"


def _rules(text: Mapping[str, str]) -> dict[str, Any]:
    rules: dict[str, Any] = {"target": text.get("rule-target") or "demand"}
    for name, words in RULES.items():
        read = _number if name in _FRACTIONS else typed_whole
        rules[name] = read(text.get(f"rule-{name}", ""), words)
    return rules


def _needs(text: Mapping[str, str]) -> list[dict[str, Any]]:
    needs = []
    for tactic in TACTICS:
        typed = {rank: text.get(f"need-{tactic}-{rank}", "") for rank in RANKS}
        if any(typed.values()):  # a tactic without any is not the unit's
            where = tactic_name(tactic)
            officers = {rank: typed_whole(typed[rank], f"{where}, {rank}") for rank in RANKS}
            needs.append({"tactic": tactic, **officers})
    return needs


def tactic_name(tactic: str) -> str:
    """Return, for example, ``Tactic 1``."""
    return tactic.replace("_", " ").capitalize()


def _team(row: Mapping[str, str], where: str) -> dict[str, Any]:
    start = row["shift_start"]
    if not _TIME.fullmatch(start):
        raise _refused(where, f"{start[:20]!r} is not a time of day", "write it like 14:00")
    return {
        "team_id": row["team_id"].upper(),
        "sergeants": typed_whole(row["sergeants"], f"{where}, sergeants"),
        "constables": typed_whole(row["constables"], f"{where}, constables"),
        "shift_start": start.rjust(5, "0"),
        "days_in_a_row": typed_whole(row["days_in_a_row"] or "0", f"{where}, days worked"),
    }


def _requests(text: Mapping[str, str], boroughs: Mapping[str, str]) -> list[dict[str, Any]]:
    typed = REQUESTS.typed(text)
    taken = {row["request_id"] for row, _ in typed}
    free = (name for name in (f"R{n}" for n in range(1, len(typed) + len(taken) + 2))
            if name not in taken)  # fmt: skip
    return [
        {
            "request_id": row["request_id"] or next(free),
            "date": _day(row["date"], f"{where}, day"),
            "boroughs": _codes(row["where"], f"{where}, where", boroughs),
            "issue": row["issue"],
            "requested_by": row["requested_by"] or "verano",
            "tactic": row["tactic"] or None,
        }
        for row, where in typed
    ]


def _absence(row: Mapping[str, str], where: str) -> dict[str, Any]:
    return {
        "date": _day(row["date"], f"{where}, day"),
        "team_id": row["team_id"] or None,
        "reason": row["reason"],
        **{rank: typed_whole(row[rank] or "0", f"{where}, {rank}") for rank in RANKS},
    }


def _override(row: Mapping[str, str], where: str, boroughs: Mapping[str, str]) -> dict[str, Any]:
    to = row["where"]
    codes = ["rest"] if to.casefold() == DAY_OFF else _codes(to, f"{where}, where", boroughs)
    if len(codes) != 1:
        raise _refused(
            f"{where}, where", f"{to[:60]!r} names {len(codes)} boroughs",
            f"name one borough, or write {DAY_OFF}",
        )  # fmt: skip
    return {
        "date": _day(row["date"], f"{where}, day"),
        "team_id": row["team_id"],
        "tasking": codes[0],
        "reason": row["reason"],
    }


def _codes(text: str, where: str, boroughs: Mapping[str, str]) -> list[str]:
    found = []
    for word in filter(None, (one.strip() for one in text.split(","))):
        code = boroughs.get(word.casefold())
        if code is None:
            raise _refused(
                where, f"{word[:60]!r} is not a borough that is patrolled",
                "use its full name, such as Hackney; put a comma between boroughs of which any "
                "would answer",
            )  # fmt: skip
        found.append(code)
    if not found:
        raise _refused(where, "no borough was named", "name one, such as Hackney")
    return sorted(set(found))


def typed_day(text: str, where: str) -> date:
    """Return a day that was typed in a field.

    Raises
    ------
    ProblemError
        422: it is not of the calendar.
    """
    try:
        return parse_day(text, where)
    except AssessmentRefusedError as fault:
        raise _refused(
            where, f"{text[:20]!r} is not a day of the calendar" if text else "no day was given",
            "write day, month and year: 25/11/2026",
        ) from fault  # fmt: skip


def typed_whole(text: str, where: str) -> int:
    """Return a whole number that was typed in a field.

    Raises
    ------
    ProblemError
        422: it is none.
    """
    if not _WHOLE.fullmatch(text.strip()):
        raise _refused(where, f"{text[:20]!r} is not a whole number", "give one, such as 2")
    return int(text)


def _day(text: str, where: str) -> str:
    return typed_day(text, where).isoformat()


def _shown_day(text: str) -> str:
    """Return a day of a request as the form shows it; what is none stays as it was sent."""
    try:
        return f"{date.fromisoformat(text):%d/%m/%Y}"
    except ValueError:
        return text


def _number(text: str, where: str) -> float:
    if not _NUMBER.fullmatch(text.removesuffix("%").strip()):
        raise _refused(where, f"{text[:20]!r} is not a number", "give one, such as 2 or 0.5")
    return float(text.removesuffix("%"))


def _seed(text: str) -> int | None:
    if text and not _SEED.fullmatch(text):
        raise _refused(
            "Seed", f"{text[:20]!r} is not a whole number of up to 16 digits",
            "leave it empty: one that nobody chose is drawn and logged",
        )  # fmt: skip
    return int(text) if text else None


def _position(part: object) -> str:
    return str(part + 1) if isinstance(part, int) else str(part).replace("_", " ")


def _refused(where: str, problem: str, remedy: str) -> ProblemError:
    return ProblemError(request_refused(problem, remedy, where))
