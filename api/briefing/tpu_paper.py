"""The roster of the Trojan Proactive Unit as a tagged PDF for the Verano meeting."""

from __future__ import annotations

import json
from datetime import date
from importlib import resources
from typing import Any

from allocator.tpu.request import MOBILE_PATROL, REST
from allocator.tpu.roster import RequestOutcome, RosterTask, TpuRoster
from api.briefing.printable import printable_tree
from api.briefing.typesetting import typeset
from api.titles import in_words
from api.wording import british_date, percent
from hotspots.assessment import RiskAssessment

TEMPLATE = "tpu.typ"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STATUS = {
    "optimal": "proven best, before the draw",
    "feasible": "best found, not proven",
}


def render_roster_pdf(roster: TpuRoster, assessment: RiskAssessment) -> bytes:
    """Return the roster as a tagged PDF (PDF/UA-1): the same bytes for the same roster.

    The seed of the draw is not printed: whoever holds it and the inputs can repeat the draw.

    Parameters
    ----------
    roster
        The roster.
    assessment
        The assessment it was made from, for the names of wards.
    """
    return bytes(typeset(_files(roster, assessment), format="pdf", pdf_standards=["ua-1"]))


def render_roster_images(
    roster: TpuRoster, assessment: RiskAssessment, *, pixels_per_inch: float = 110.0
) -> list[bytes]:
    """Return every page of the paper as a PNG, for a screen or a reviewer's eye."""
    pages = typeset(_files(roster, assessment), format="png", ppi=pixels_per_inch)
    return [bytes(page) for page in (pages if isinstance(pages, list) else [pages])]


def _files(roster: TpuRoster, assessment: RiskAssessment) -> dict[str, bytes]:
    """Return template and data; data never become template text."""
    content = printable_tree(roster_content(roster, assessment))
    return {
        "main": resources.files("api.briefing").joinpath(TEMPLATE).read_bytes(),
        "content.json": json.dumps(content, sort_keys=True, allow_nan=False).encode(),
    }


def roster_content(roster: TpuRoster, assessment: RiskAssessment) -> dict[str, Any]:
    """Return what the paper says, as plain JSON types."""
    wards = {ward.code: ward.name for ward in assessment.wards}
    days = sorted({one.day for one in roster.tasks} | {one.day for one in roster.rest_days})
    return {
        "marking": " ".join(filter(None, (roster.classification, roster.notice))),
        "synthetic": bool(roster.notice),
        "notice": roster.notice,
        "label": roster.label,
        "span": f"{_day(days[0])} to {_day(days[-1])} {days[-1].year}",
        "first_day": [roster.first_day.year, roster.first_day.month, roster.first_day.day],
        "roster_id": roster.roster_id,
        "assessment_id": roster.assessment_id,
        "published_roster_id": roster.published_roster_id or "none",
        "teams": list(roster.team_ids),
        "figures": _figures(roster),
        "calendar": [
            {"day": _day(day), "cells": [_cell(roster, day, team) for team in roster.team_ids]}
            for day in days
        ],
        "tasks": [_task(task, roster, wards) for task in roster.tasks],
        "requests": [_request(one, roster) for one in roster.requests],
        "overrides": [
            f"{one.team_id} on {_day(one.day)}: {_place(roster, one.before)} became "
            f"{_place(roster, one.after)}. {one.reason} ({one.actor})."
            for one in roster.overrides
        ],
        "surprise": _surprise(roster),
        "notes": list(roster.notes),
    }


def _figures(roster: TpuRoster) -> list[dict[str, str]]:
    honoured = sum(one.outcome == "honoured" for one in roster.requests)
    return [
        {"value": roster.status.capitalize(), "label": STATUS[roster.status]},
        {"value": f"{roster.objective:.4f}", "label": "worth of the visits"},
        {"value": f"{roster.bound:.4f}", "label": "proven upper limit"},
        {"value": f"{honoured} of {len(roster.requests)}", "label": "requests honoured"},
    ]


def _cell(roster: TpuRoster, day: date, team_id: str) -> dict[str, Any]:
    task = next((t for t in roster.tasks if (t.day, t.team_id) == (day, team_id)), None)
    rest = next((r for r in roster.rest_days if (r.day, r.team_id) == (day, team_id)), None)
    frozen = task.frozen if task else rest is not None and rest.frozen
    if task is None:
        return {"place": REST.capitalize(), "lines": [], "duty": False, "frozen": frozen}
    lines = [
        f"{task.shift_start[11:16]} to {task.shift_end[11:16]}, {_tactic(task)}",
        f"{len(task.inspectors) or 'no'} inspector, {task.sergeants} sergeant"
        f"{'s' if task.sergeants > 1 else ''}, {task.constables} constables",
    ]
    if task.requests:
        lines.append(f"answers {', '.join(task.requests)}")
    return {"place": task.borough_name, "lines": lines, "duty": True, "frozen": frozen}


def _tactic(task: RosterTask) -> str:
    name = in_words(task.tactic)
    return name if task.tactic == MOBILE_PATROL else f"{name} proposed, else mobile patrol"


def _task(task: RosterTask, roster: TpuRoster, wards: dict[str, str]) -> list[str]:
    other = "none"
    if task.runner_up is not None:
        name = _place(roster, task.runner_up.boroughs[0])
        gain = f"{-task.runner_up.objective_loss:+.4f}".replace(
            "-", "\u2013"
        )  # the minus of the embedded fonts
        other = f"{name} ({gain})"
    focus = ", ".join(wards[code] for code in task.focus_wards)
    return [_day(task.day), task.team_id, task.borough_name, task.reason, focus, other]


def _request(one: RequestOutcome, roster: TpuRoster) -> list[str]:
    where = " or ".join(_place(roster, code) for code in one.boroughs)
    by = "the borough" if one.requested_by == "borough" else "the Verano meeting"
    outcome = "honoured" if one.outcome == "honoured" else "not honoured"
    return [one.request_id, _day(one.day), f"{where}: {one.issue} ({by})", outcome, one.reason]


def _place(roster: TpuRoster, code: str) -> str:
    return next((one.name for one in roster.boroughs if one.code == code), code)


def _surprise(roster: TpuRoster) -> str:
    draw = roster.unpredictability
    text = (
        f"The roster was drawn among those within {percent(draw.epsilon)} of the best, which gives "
        f"up {draw.price:.4f}. The seed is in the JSON of the roster and is not printed."
    )
    if not draw.free_shifts:
        return f"{text} No shift was free: all are frozen or answer a request."
    return (
        f"{text} Who knows everything but the seed guesses a borough and day of one of the "
        f"{draw.free_shifts} free shifts right with a chance of at most "
        f"{percent(draw.highest_chance, 0)}."
    )


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()]} {british_date(day).removesuffix(f' {day.year}')}"
