"""What-ifs on a plan of the record: mended in mid-week, simulated, compared, other ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from api.client.bodies import json_body
from api.client.exchange import Exchange
from api.client.jobs import Jobs
from api.client.messages import segment
from api.client.records import PlanRecord

Document = Mapping[str, Any]
Kept = Literal["replan", "simulation", "comparison", "alternatives"]


class Studies:
    """Work on a plan of the record, each done as a job and kept with the plan."""

    def __init__(self, exchange: Exchange, jobs: Jobs) -> None:
        self._exchange = exchange
        self._jobs = jobs

    def replan(
        self,
        plan: PlanRecord,
        reason: str,
        *,
        lost: Sequence[str] = (),
        locks: Mapping[str, Sequence[str]] | None = None,
        **options: object,
    ) -> Document:
        """Mend a plan in mid-week with few changes; the result is a new draft.

        Parameters
        ----------
        plan
            The plan that was in force.
        reason
            Why, for the record.
        lost
            Units that are gone.
        locks
            Boroughs a unit's area must contain.
        **options
            ``fleet_id``, ``fleet``, ``day``, ``started``, ``coverage_tolerance``,
            ``workload_cap``, ``max_changes``, ``curve``, ``time_limit_s``: see `/docs`.

        Returns
        -------
        Mapping
            ``key``, ``state`` and ``version`` of the draft, and what changed (``replan``).
        """
        body: dict[str, object] = {"reason": reason, "lost": list(lost), **options}
        if locks:
            body["locks"] = {unit: sorted(codes) for unit, codes in locks.items()}
        return self._run(plan, "replan", body)

    def simulate(self, plan: PlanRecord, **options: object) -> Document:
        """Play many weeks of calls under a plan.

        Parameters
        ----------
        plan
            The plan.
        **options
            ``weeks``, ``seed``, ``fleet_id``, ``fleet``, ``calls_per_week``,
            ``service_time_s``, ``two_unit_share``, ``travel_noise``, ``rule``, ``beside``,
            ``previous``: see `/docs`.
        """
        return self._run(plan, "simulate", options)

    def compare(self, plan: PlanRecord, **options: object) -> Document:
        """Compare a plan with simpler placements and with the one before it.

        Parameters
        ----------
        plan
            The plan.
        **options
            ``fleet_id``, ``fleet``, ``previous``, ``time_limit_s``: see `/docs`.
        """
        return self._run(plan, "compare", options)

    def alternatives(self, plan: PlanRecord, **options: object) -> Document:
        """Find plans that are nearly as good and as different as can be.

        Parameters
        ----------
        plan
            The plan.
        **options
            ``count``, ``tolerance``, and those of :meth:`compare`.
        """
        return self._run(plan, "alternatives", options)

    def kept(self, plan: PlanRecord, study: Kept) -> Document:
        """Return the study that was kept with a plan."""
        path = f"/plans/{segment(plan.key)}/{study}"
        found: Document = self._exchange.get(path).json()
        return found

    def _run(self, plan: PlanRecord, study: str, body: Mapping[str, object]) -> Document:
        path = f"/plans/{segment(plan.key)}/{study}"
        found: Document = self._jobs.run(path, json_body(body)).json()
        return found
