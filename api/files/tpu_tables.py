"""The roster as a table: rows of the CSV file, and lines for the terminal."""

from __future__ import annotations

import pandas as pd

from allocator.tpu.request import MOBILE_PATROL, REST
from allocator.tpu.roster import RosterTask, TpuRoster
from api.titles import in_words
from api.wording import british_date

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def roster_table(roster: TpuRoster) -> pd.DataFrame:
    """Return one row a team and day, days off included, with the marking of the roster."""
    tasks = {(task.day, task.team_id): _task_row(task) for task in roster.tasks}
    rests = {(rest.day, rest.team_id): {"frozen": rest.frozen} for rest in roster.rest_days}
    rows = []
    for day, team_id in sorted({**tasks, **rests}):
        row = tasks.get((day, team_id), rests.get((day, team_id), {}))
        duty = "duty" if (day, team_id) in tasks else REST
        rows.append({"date": day.isoformat(), "team_id": team_id, "duty": duty, **row})
    columns = ["date", "team_id", "duty", *COLUMNS]
    table = pd.DataFrame(rows, columns=columns)
    counts = ("inspectors", "sergeants", "constables", "visit_number")
    return table.astype(dict.fromkeys(counts, "Int64")).assign(
        roster_id=roster.roster_id,
        assessment_id=roster.assessment_id,
        classification=roster.classification,
        notice=roster.notice,
    )


COLUMNS = (
    *("borough", "borough_name", "shift_start", "shift_end", "tactic", "authority", "fallback"),
    *("inspectors", "sergeants", "constables", "frozen", "requests", "focus_wards"),
    *("visit_number", "risk_share", "value", "reason", "runner_up", "runner_up_loss"),
)


def _task_row(task: RosterTask) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(task, name, "") for name in COLUMNS}
    return row | {
        "fallback": task.fallback or "",
        "inspectors": len(task.inspectors),
        "requests": " ".join(task.requests),
        "focus_wards": " ".join(task.focus_wards),
        "runner_up": task.runner_up.boroughs[0] if task.runner_up else "",
        "runner_up_loss": task.runner_up.objective_loss if task.runner_up else None,
    }


def roster_lines(roster: TpuRoster) -> list[str]:
    """Return the roster as lines to print: marking, table, requests, notes."""
    marking = " ".join(filter(None, (roster.classification, roster.notice)))
    head = f"{marking}  Trojan Proactive Unit from {british_date(roster.first_day)}"
    lines = [head, "", f"{'day':11} {'team':8} {'shift':12} {'borough':24} {'tactic':24} officers"]
    for team_day in sorted(
        [*((task.day, task.team_id) for task in roster.tasks)]
        + [(rest.day, rest.team_id) for rest in roster.rest_days]
    ):
        lines.append(_line(roster, *team_day))
    lines += ["", _figures(roster), _draw(roster)]
    lines += [
        f"{one.request_id} ({', '.join(one.boroughs)}, {one.day}): "
        f"{one.outcome.replace('_', ' ')}. {one.reason}"
        for one in roster.requests
    ]
    lines += [
        f"Override: {one.team_id} on {one.day}, {one.before} to {one.after}, by {one.actor}: "
        f"{one.reason}"
        for one in roster.overrides
    ]
    return [*lines, *(f"Note: {note}" for note in roster.notes)]


def _line(roster: TpuRoster, day: object, team_id: str) -> str:
    task = next((t for t in roster.tasks if (t.day, t.team_id) == (day, team_id)), None)
    rest = next((r for r in roster.rest_days if (r.day, r.team_id) == (day, team_id)), None)
    one = task or rest
    when = f"{WEEKDAYS[one.day.weekday()]} {one.day:%d %b}" if one else ""
    frozen = " frozen" if one and one.frozen else ""
    if task is None:
        return f"{when:11} {team_id:8} {'':12} {REST}{frozen}".rstrip()
    tactic = in_words(task.tactic)
    if task.tactic != MOBILE_PATROL:
        tactic += " (proposed)"
    hours = f"{task.shift_start[11:16]}-{task.shift_end[11:16]}"
    officers = f"{len(task.inspectors)} insp, {task.sergeants} sgt, {task.constables} con"
    answers = f" [{', '.join(task.requests)}]" if task.requests else ""
    alone = "" if task.inspectors else ", no inspector"
    return (
        f"{when:11} {team_id:8} {hours:12} {task.borough_name:24} {tactic:24} "
        f"{officers}{alone}{frozen}{answers}"
    )


def _figures(roster: TpuRoster) -> str:
    if roster.status == "optimal":
        proof = f"proven: no roster with these answers exceeds {roster.bound:.4f}"
    else:
        proof = f"not proven best: no roster can exceed {roster.bound:.4f} (gap {roster.gap:.2%})"
    return (
        f"{roster.status.capitalize()}: visits are worth {roster.objective:.4f} of London's "
        f"expected incidents (repeat visits count less); best {roster.best_objective:.4f}, {proof}."
    )


def _draw(roster: TpuRoster) -> str:
    draw = roster.unpredictability
    text = (
        f"Drawn with seed {draw.seed} among rosters within {draw.epsilon:.1%} of the best, at a "
        f"price of {draw.price:.4f}; {draw.distinct_rosters} of {draw.samples} rosters looked at "
        "differ."
    )
    if not draw.free_shifts:
        return f"{text} No shift was free: all are frozen or answer a request."
    return (
        f"{text} Who knows all but the seed guesses a borough and day of one of the "
        f"{draw.free_shifts} free shifts right with a chance of at most {draw.highest_chance:.0%}."
    )
