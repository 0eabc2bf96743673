"""A job: who asked for what, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from api.audit.entry import time_text


class JobState(StrEnum):
    """The words of OGC API - Processes for where a job stands."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"


ENDED = frozenset({JobState.SUCCESSFUL, JobState.FAILED, JobState.DISMISSED})


@dataclass(frozen=True)
class HowFar:
    """How far work is.

    Attributes
    ----------
    step
        What is being done, in words.
    share
        Share of the whole work that is done, 0 to 1.
    objective, bound
        Coverage of the best plan found so far and the proven limit of any plan, each in
        [0, 1]; ``None`` while there is none.
    """

    step: str = ""
    share: float = 0.0
    objective: float | None = None
    bound: float | None = None

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"step": self.step, "objective": self.objective, "bound": self.bound}


@dataclass(frozen=True)
class Job:
    """One job as the store keeps it.

    Attributes
    ----------
    request
        What was asked for, enough to do it again after a restart.
    result
        What came of it; also of a dismissed job that had found something.
    problem
        Members of the problem it failed with.
    attempt
        How often it was begun.
    stop_asked
        True once somebody asked for its end.
    """

    job_id: str
    kind: str
    state: JobState
    version: int
    request: Mapping[str, Any]
    result: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None
    how_far: HowFar
    actor: str
    attempt: int
    accepted: datetime
    started: datetime | None
    ended: datetime | None
    stop_asked: bool

    @property
    def over(self) -> bool:
        """True when nothing more will happen to it."""
        return self.state in ENDED

    @property
    def address(self) -> str:
        """Path of the job."""
        return f"/jobs/{self.job_id}"

    @property
    def results_address(self) -> str | None:
        """Path of the results, ``None`` while or when there are none."""
        return f"{self.address}/results" if self.over and self.result is not None else None


def job_document(job: Job) -> dict[str, Any]:
    """Return a job as programs and pages are shown it, without what was asked for."""
    return {
        "job_id": job.job_id,
        "type": "process",
        "process": job.kind,
        "status": str(job.state),
        "version": job.version,
        "percent": percent(job),
        "step": job.how_far.step,
        "objective": job.how_far.objective,
        "bound": job.how_far.bound,
        "asked_by": job.actor,
        "attempt": job.attempt,
        "stop_asked": job.stop_asked,
        "accepted": time_text(job.accepted),
        "started": _moment(job.started),
        "ended": _moment(job.ended),
        "problem": dict(job.problem) if job.problem is not None else None,
        "links": _links(job),
    }


def percent(job: Job) -> int:
    """Return the percent of the whole that is done; 100 when the job was successful."""
    return 100 if job.state is JobState.SUCCESSFUL else round(100 * job.how_far.share)


def _moment(moment: datetime | None) -> str | None:
    return time_text(moment) if moment is not None else None


def _links(job: Job) -> list[dict[str, str]]:
    links = [{"rel": "self", "href": job.address}, {"rel": "monitor", "href": job.address}]
    if not job.over:
        links.append({"rel": "events", "href": f"{job.address}/events"})
    if job.results_address:
        results = "http://www.opengis.net/def/rel/ogc/1.0/results"
        links.append({"rel": results, "href": job.results_address})
    return links
