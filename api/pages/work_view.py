"""Work the service does in the background, in the words of the page that follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from api.access import Action, Actor, Resource, decide
from api.jobs.job import Job, JobState, percent
from api.jobs.kind import JobKind
from api.pages.local_time import london_moment
from api.wording import percent as share_in_words

#: What each kind of work is called; a kind that is not here goes by its own name.
TITLES: Mapping[str, str] = {
    "assessment": "Assessing the evidence",
    "placement": "Placing the fleet",
    "replan": "Re-planning the week",
    "simulation": "Simulating weeks",
    "comparison": "Comparing placements",
    "alternatives": "Looking for alternatives",
    "roster": "Rostering the proactive unit",
}
#: The form that asks for a kind of work, and what asking for it is.
_FORMS: Mapping[str, tuple[str, Action]] = {
    "placement": ("/placement", Action.MAKE_PLAN),
    "roster": ("/verano/roster", Action.MAKE_ROSTER),
}
_STATES: Mapping[JobState, str] = {
    JobState.ACCEPTED: "Waits for its turn",
    JobState.RUNNING: "Under way",
    JobState.SUCCESSFUL: "Done",
    JobState.FAILED: "Failed",
    JobState.DISMISSED: "Ended before it was done",
}


@dataclass(frozen=True)
class WorkRow:
    """One piece of work in the list."""

    job_id: str
    title: str
    state: str
    percent: int
    asked: str
    asked_by: str


@dataclass(frozen=True)
class WorkDetails:
    """One piece of work in full.

    Attributes
    ----------
    found
        The best plan so far and the proven limit, in a sentence; empty without one.
    problem
        Why it failed and what to do; empty unless it did.
    result
        Where what came of it is shown: a label and an address; ``None`` without any.
    again
        Address of the form it was asked with, filled in again; empty where there is none for
        the person.
    may_stop
        True when it is under way and the person may end it.
    """

    job_id: str
    title: str
    state: str
    over: bool
    percent: int
    step: str
    found: str
    problem: str
    result: tuple[str, str] | None
    again: str
    times: tuple[tuple[str, str], ...]
    may_stop: bool
    stop_asked: bool


def title_of(kind: str) -> str:
    """Return what a kind of work is called."""
    return TITLES.get(kind, kind.replace("_", " ").replace("-", " ").capitalize())


def work_rows(jobs: Sequence[Job]) -> tuple[WorkRow, ...]:
    """Return jobs as lines, in the order given."""
    return tuple(
        WorkRow(
            job.job_id, title_of(job.kind), _STATES[job.state], percent(job),
            london_moment(job.accepted), job.actor,
        )
        for job in jobs
    )  # fmt: skip


def work_details(job: Job, kind: JobKind | None, actor: Actor) -> WorkDetails:
    """Return one piece of work in full.

    Parameters
    ----------
    kind
        What work it is; ``None`` when this version does not know it.
    actor
        Who reads it.
    """
    return WorkDetails(
        job_id=job.job_id,
        title=title_of(job.kind),
        state=_STATES[job.state],
        over=job.over,
        percent=percent(job),
        step=job.how_far.step,
        found=_found(job),
        problem=problem_in_words(job.problem),
        result=_result(job),
        again=_again(job, actor),
        times=_times(job),
        may_stop=not job.over and not job.stop_asked and _may_stop(job, kind, actor),
        stop_asked=job.stop_asked,
    )


def _may_stop(job: Job, kind: JobKind | None, actor: Actor) -> bool:
    about = Resource("job", job.job_id)
    return (
        kind is not None
        and decide(actor, Action.STOP_JOB, about).allowed
        and decide(actor, kind.action, about).allowed
    )


def _found(job: Job) -> str:
    objective, bound = job.how_far.objective, job.how_far.bound
    if objective is None:
        return ""
    text = f"The best plan so far reaches {share_in_words(objective, 2)} of expected demand"
    return f"{text}; no plan can exceed {share_in_words(bound, 2)}." if bound else f"{text}."


def problem_in_words(problem: Mapping[str, Any] | None) -> str:
    """Return why work failed and what to do; empty where nothing did."""
    if problem is None:
        return ""
    detail = str(problem.get("detail", ""))
    return detail.replace(" Remedy: ", " What to do: ", 1)


def _result(job: Job) -> tuple[str, str] | None:
    if not job.over or job.result is None:
        return None
    week = job.result.get("week")
    if isinstance(week, str):
        return "Show the plan of the week", f"/?{urlencode({'week': week})}"
    roster = job.result.get("roster_id")
    if isinstance(roster, str):
        return "Show the roster", f"/verano?{urlencode({'roster': roster})}"
    if "study_id" in job.result:
        return "Show the figures (JSON)", f"/jobs/{job.job_id}/results"
    if "assessment_id" in job.result:
        return "Show the week", "/"
    return None


def _again(job: Job, actor: Actor) -> str:
    if not job.over or (job.kind == "placement" and not job.request.get("fleet_id")):
        return ""
    path, action = _FORMS.get(job.kind, ("", None))
    may = action is not None and decide(actor, action, Resource("page")).allowed
    return f"{path}?{urlencode({'work': job.job_id})}" if may else ""


def _times(job: Job) -> tuple[tuple[str, str], ...]:
    rows = (
        ("Asked for", f"{london_moment(job.accepted, seconds=True)}, by {job.actor}"),
        ("Begun", london_moment(job.started, seconds=True) if job.started else ""),
        ("Ended", london_moment(job.ended, seconds=True) if job.ended else ""),
        ("Begun how often", str(job.attempt) if job.attempt > 1 else ""),
    )
    return tuple((name, value) for name, value in rows if value)
