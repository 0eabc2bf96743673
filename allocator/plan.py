"""The patrol plan and the fleet it places: frozen values with a stable JSON form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SCHEMA_VERSION = "1"

PlanStatus = Literal["optimal", "feasible", "infeasible", "timed_out"]


@dataclass(frozen=True)
class Unit:
    """One armed response vehicle. No eligible boroughs means it may patrol anywhere.

    ``on_duty`` is the tuple of weekdays (0 = Monday) on which the unit is on the road.
    """

    unit_id: str
    provenance: str
    eligible_boroughs: tuple[str, ...] = ()
    on_duty: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Fleet:
    """The vehicles of the week and the two labelled assumptions of response, in seconds."""

    units: tuple[Unit, ...]
    service_standard_s: int
    turnout_s: int
    label: str = ""


@dataclass(frozen=True)
class RunnerUp:
    """The best other area found for a unit and the objective it would cost."""

    boroughs: tuple[str, ...]
    objective_loss: float


@dataclass(frozen=True)
class UnitPlacement:
    """A unit's default patrol area for the week."""

    unit_id: str
    provenance: str
    boroughs: tuple[str, ...]
    support: tuple[str, ...]
    wards: tuple[str, ...]
    marginal_coverage: float
    reason: str
    runner_up: RunnerUp | None


@dataclass(frozen=True)
class BoroughCoverage:
    """The expected share of one borough's demand reached within the standard."""

    code: str
    name: str
    unit_id: str
    coverage: float


@dataclass(frozen=True)
class PatrolPlan:
    """A week's default patrol areas with the proof of how good they are.

    ``objective`` is the expected share of demand reached within the service standard;
    ``bound`` is the solver's proven upper limit of it; ``gap`` is
    ``(bound - objective) / objective``.
    """

    plan_id: str
    week: str  # ISO week, for example 2026-W48
    status: PlanStatus
    objective: float
    bound: float
    gap: float
    units: tuple[UnitPlacement, ...]
    boroughs: tuple[BoroughCoverage, ...]
    settings: dict[str, object] = field(default_factory=dict)
    assessment_id: str = ""
    inputs_sha256: str = ""
