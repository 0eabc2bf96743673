"""The Trojan Proactive Unit: rosters, and taskings that need command authority."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from api.client.bodies import json_body
from api.client.exchange import Exchange
from api.client.jobs import Jobs
from api.client.messages import segment
from api.client.pages import from_day, pages

Document = Mapping[str, Any]


class ProactiveUnit:
    """Rosters of the proactive unit and what becomes of their taskings."""

    def __init__(self, exchange: Exchange, jobs: Jobs) -> None:
        self._exchange = exchange
        self._jobs = jobs

    def make(self, unit: Mapping[str, Any] | Path, **options: object) -> Document:
        """Have a roster solved as a job, follow it, and return it.

        Parameters
        ----------
        unit
            Teams, rules and requests with the keys of a unit file (TOML), or its path.
        **options
            ``assessment_id``, ``published_roster_id``, ``seed``, ``epsilon``,
            ``time_limit_s``, ``days``; ``first_day`` for `from`: see `/docs`.
        """
        kept = tomllib.loads(unit.read_text("utf-8")) if isinstance(unit, Path) else unit
        body = {**kept, **from_day(options)}
        made: Document = self._jobs.run("/tpu", json_body(body)).json()
        return made

    def list(self, **filters: object) -> Iterator[Document]:
        """Yield the rosters that are kept, from ``first_day`` on where it is given."""
        for page in pages(self._exchange, "/tpu", from_day(filters)):
            yield from page["rosters"]

    def get(self, roster_id: str) -> Document:
        """Return a roster."""
        found: Document = self._exchange.get(_path(roster_id)).json()
        return found

    def paper(self, roster_id: str) -> bytes:
        """Return the paper of a roster as PDF."""
        return self._exchange.get(_path(roster_id), accept="application/pdf").content

    def taskings(self, roster_id: str) -> Document:
        """Return the taskings of a roster and where each stands."""
        found: Document = self._exchange.get(f"{_path(roster_id)}/taskings").json()
        return found

    def propose(self, roster_id: str) -> Document:
        """Put the taskings of a roster before the firearms commander."""
        made: Document = self._exchange.post(f"{_path(roster_id)}/propose", None).json()
        return made

    def authorise(
        self,
        roster_id: str,
        reference: str,
        taskings: Sequence[Mapping[str, object]],
        **verdict: str,
    ) -> Document:
        """Decide on taskings that another person proposed; needs a commander's session.

        Parameters
        ----------
        roster_id
            The roster.
        reference
            Of the authority, for the record.
        taskings
            Which ones, each as it was read (``tasking_id``, ``version``).
        **verdict
            ``verdict``, where it is not that they are authorised.
        """
        body = {"reference": reference, "taskings": [_decided(one) for one in taskings], **verdict}
        made: Document = self._exchange.post(
            f"{_path(roster_id)}/authorise", json_body(body)
        ).json()
        return made


def _decided(tasking: Mapping[str, object]) -> dict[str, object]:
    return {name: tasking[name] for name in ("tasking_id", "version")}


def _path(roster_id: str) -> str:
    return f"/tpu/{segment(roster_id)}"
