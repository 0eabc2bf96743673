"""A week's plan: solved, read in every form, and taken through its life by two people."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from api.client.bodies import json_body
from api.client.exchange import Exchange
from api.client.frames import features_frame, parquet_frame
from api.client.jobs import Jobs
from api.client.messages import segment
from api.client.records import Plan, PlanRecord, plan_of, plan_record_of

if TYPE_CHECKING:
    import geopandas as gpd

Boroughs = Mapping[str, Sequence[str]]
#: Files of a plan's patrol areas.
AREA_FORMS = ("gpkg", "parquet", "gpx", "csv")


class Plans:
    """The plans of the service."""

    def __init__(self, exchange: Exchange, jobs: Jobs) -> None:
        self._exchange = exchange
        self._jobs = jobs

    def allocate(
        self,
        *,
        week: str | None = None,
        fleet_id: str | None = None,
        fleet: Mapping[str, Any] | Path | None = None,
        locks: Boroughs | None = None,
        excludes: Boroughs | None = None,
        max_changes: int | None = None,
        **options: object,
    ) -> Plan:
        """Have a week's placement solved as a job, follow it, and return the plan.

        Parameters
        ----------
        week
            ISO week, for example ``2026-W48``; by default the first that starts on or after as-of.
        fleet_id, fleet
            The fleet: one the service keeps, or one with the keys of a fleet file (or its path).
        locks, excludes
            Boroughs a unit's area must contain, and boroughs it must not patrol.
        max_changes
            How many units may change from the plan in force.
        **options
            ``assessment_id``, ``support``, ``coverage_floor``, ``robust``, ``events``,
            ``time_limit_s``: as `/docs` describes them.
        """
        sent = tomllib.loads(fleet.read_text("utf-8")) if isinstance(fleet, Path) else fleet
        body = given(
            week=week,
            fleet_id=fleet_id,
            fleet=sent,
            locks=_lists(locks),
            excludes=_lists(excludes),
            max_changes=max_changes,
            **options,
        )
        return plan_of(self._jobs.run("/allocate", json_body(body)))

    def in_force(self, week: str) -> Plan:
        """Return the plan of a week.

        After a fall-back its ``week`` is the one it was made for, and ``in_force_for`` the one
        that was asked about.
        """
        return plan_of(self._exchange.get("/allocate", {"week": week}))

    def map(self, week: str) -> str:
        """Return the map of a week's plan, one HTML file that needs no network."""
        answer = self._exchange.get("/allocate", {"week": week}, accept="text/html")
        return answer.content.decode("utf-8")

    def briefing(self, week: str) -> bytes:
        """Return the briefing of a week as PDF."""
        path = "/allocate/briefing.pdf"
        return self._exchange.get(path, {"week": week}, accept="application/pdf").content

    def verdict(self, week: str) -> Mapping[str, Any]:
        """Return what simulated weeks say of the plan of a week."""
        path = "/allocate/verdict.json"
        found: Mapping[str, Any] = self._exchange.get(path, {"week": week}).json()
        return found

    def areas(self, week: str) -> gpd.GeoDataFrame:
        """Return the patrol areas of a week's plan, EPSG:4326."""
        path = "/allocate/plan.geojson"
        answer = self._exchange.get(path, {"week": week}, accept="application/geo+json")
        return features_frame(answer.json()["features"], "EPSG:4326", answer.marking)

    def records(self, week: str) -> list[PlanRecord]:
        """Return the plans of a week with their states."""
        answer = self._exchange.get("/plans", {"week": week})
        return [plan_record_of(one) for one in answer.json()["plans"]]

    def record(self, key: str) -> PlanRecord:
        """Return a plan of the record as it is now, found by its key.

        Raises
        ------
        NotFoundError
            When the record has no plan of this key.
        """
        return plan_record_of(self._exchange.get(f"/plans/{segment(key)}").json())

    def draft(self, week: str) -> PlanRecord:
        """Keep the plan made last for a week as a draft."""
        return self._record("/plans", {"week": week})

    def propose(self, plan: PlanRecord, reason: str = "") -> PlanRecord:
        """Put a draft before a second person."""
        return self._step(plan, "propose", {"reason": reason})

    def approve(
        self, plan: PlanRecord, reason: str = "", *, no_equality_reason: str = ""
    ) -> PlanRecord:
        """Approve what another person proposed; needs a person's session.

        Parameters
        ----------
        plan
            The proposal as it was read.
        reason
            Why.
        no_equality_reason
            Why the equality impact is not assessed, where it is not.
        """
        body = {"reason": reason, "no_equality_reason": no_equality_reason}
        return self._step(plan, "approve", body)

    def reject(self, plan: PlanRecord, reason: str) -> PlanRecord:
        """Send a proposal back; needs a person's session."""
        return self._step(plan, "reject", {"reason": reason})

    def publish(self, plan: PlanRecord, reason: str = "") -> PlanRecord:
        """Put an approved plan in force."""
        return self._step(plan, "publish", {"reason": reason})

    def withdraw(self, plan: PlanRecord, reason: str) -> PlanRecord:
        """Take a plan back."""
        return self._step(plan, "withdraw", {"reason": reason})

    def state_equality(self, plan: PlanRecord, areas: Path | str) -> PlanRecord:
        """State the equality impact from a table of area characteristics (CSV), and keep it."""
        text = areas.read_text("utf-8") if isinstance(areas, Path) else areas
        return self._step(plan, "equality", {"csv": text})

    def fall_back(self, week: str, reason: str) -> PlanRecord:
        """Put the last approved plan in force for a week; needs a person's session."""
        return self._record("/plans/fall-back", {"week": week, "reason": reason})

    def export(self, key: str, form: Literal["gpkg", "parquet", "gpx", "csv"]) -> bytes:
        """Return the patrol areas of a plan of the record as a file (:data:`AREA_FORMS`)."""
        path = f"/plans/{segment(key)}/patrol-areas.{form}"
        return self._exchange.get(path, accept="*/*").content

    def patrol_areas(self, key: str) -> gpd.GeoDataFrame:
        """Return the patrol areas of a plan of the record, EPSG:27700, marked in every row."""
        return parquet_frame(self.export(key, "parquet"))

    def _step(self, plan: PlanRecord, step: str, body: Mapping[str, object]) -> PlanRecord:
        path = f"/plans/{segment(plan.key)}/{step}"
        answer = self._exchange.post(path, json_body(body), version=plan.version)
        return plan_record_of(answer.json())

    def _record(self, path: str, body: Mapping[str, object]) -> PlanRecord:
        return plan_record_of(self._exchange.post(path, json_body(body)).json())


def given(**values: object) -> dict[str, object]:
    """Return the values that are not ``None``: the service knows the defaults of the rest."""
    return {name: value for name, value in values.items() if value is not None}


def _lists(boroughs: Boroughs | None) -> dict[str, list[str]] | None:
    if boroughs is None:
        return None
    return {unit: sorted(codes) for unit, codes in boroughs.items()}
