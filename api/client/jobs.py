"""Long work: asked for as a job, followed with its progress, ended, and read."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from http.client import HTTPException

from api.client.bodies import Body
from api.client.errors import JobDismissedError, StillWorkingError
from api.client.exchange import Exchange
from api.client.messages import Answer, segment
from api.client.pages import pages
from api.client.progress import progress_bar
from api.client.records import Job, job_of

EVENTS = "text/event-stream"
#: Seconds between two looks at a job whose events broke off.
LOOK_EVERY_S = 1.0
Show = Callable[[Job], None]


class Jobs:
    """The jobs of the service.

    Parameters
    ----------
    exchange
        Sends the requests.
    show
        Called with every change of a job that is followed; by default a bar is drawn at a
        terminal and nothing elsewhere.
    """

    def __init__(self, exchange: Exchange, show: Show | None = None) -> None:
        self._exchange = exchange
        self._show = show

    def list(self) -> Iterator[Job]:
        """Yield the jobs, the latest first."""
        for page in pages(self._exchange, "/jobs"):
            yield from map(job_of, page["jobs"])

    def get(self, job_id: str) -> Job:
        """Return how far a job is."""
        return job_of(self._exchange.get(_path(job_id)).json())

    def stop(self, job_id: str) -> Job:
        """End a job; the best it has found so far is kept."""
        return job_of(self._exchange.delete(_path(job_id)).json())

    def results(self, job_id: str) -> Answer:
        """Return what came of a job: the answer its request would have had.

        Raises
        ------
        ServiceProblemError
            The problem the job failed with, or 409 when it has no results.
        """
        return self._exchange.get(f"{_path(job_id)}/results", accept="*/*")

    def events(self, job_id: str) -> Iterator[Job]:
        """Yield a job whenever it changed, until it is over or the stream breaks off."""
        path = f"{_path(job_id)}/events"
        with self._exchange.stream(path, accept=EVENTS) as lines:
            try:
                for line in lines:
                    name, _, value = line.decode("utf-8").strip().partition(":")
                    if name == "data":
                        yield job_of(json.loads(value))
            except (OSError, HTTPException):
                return

    def follow(self, job_id: str, *, within_s: float = 3600.0) -> Answer:
        """Wait until a job is over, showing how far it is, and return what came of it.

        Parameters
        ----------
        job_id
            The job.
        within_s
            Seconds after which the waiting ends; the job goes on.

        Raises
        ------
        ServiceProblemError
            The problem the job failed with.
        JobDismissedError
            When somebody ended it before it had found anything.
        StillWorkingError
            When it took longer.
        """
        end_s = time.monotonic() + within_s
        with self._shown() as show:
            job = self._until_over(job_id, show, end_s)
        if job.status == "dismissed" and not job.has_results:
            raise JobDismissedError(
                f"job {job_id} was ended before it had found anything. Remedy: ask again."
            )
        return self.results(job_id)

    def run(self, path: str, body: Body) -> Answer:
        """Ask for work as a job, follow it, and return what came of it.

        The answer to a request is the same whether the service made it a job or not.
        """
        answer = self._exchange.post(path, body, as_job=True)
        if answer.status != 202:
            return answer
        return self.follow(job_of(answer.json()).job_id)

    def _until_over(self, job_id: str, show: Show, end_s: float) -> Job:
        while True:
            for job in self.events(job_id):
                show(job)
                if job.over:
                    return job
                if time.monotonic() > end_s:
                    break
            job = self.get(job_id)
            if job.over:
                show(job)
                return job
            if time.monotonic() > end_s:
                raise StillWorkingError(
                    f"job {job_id} is at {job.percent} %. Remedy: follow it again with a longer "
                    "within_s, or end it."
                )
            self._exchange.sleep(LOOK_EVERY_S)

    def _shown(self) -> AbstractContextManager[Show]:
        if self._show is not None:
            return nullcontext(self._show)
        return progress_bar(sys.stderr)


def _path(job_id: str) -> str:
    return f"/jobs/{segment(job_id)}"
