"""What the service orders of its workers about a plan that is made already, and the unit's roster.

As in :mod:`api.working.orders` the engines are named, not imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allocator.plan import Fleet, PatrolPlan
from allocator.tpu.request import TpuRequest
from allocator.tpu.roster import TpuRoster
from api.plans.fleet_source import FleetSource
from api.working.orders import PlanDone, Task

#: Names of the files that are filled.
STUDY, REPLAN = "study.json", "replan.json"
ROSTER_JSON, ROSTER_CSV, ROSTER_PDF = "tpu_roster.json", "tpu_roster.csv", "tpu_roster.pdf"
#: What a roster was asked with, beside it: the next one begins with it.
ROSTER_ASKED = "asked.json"


@dataclass(frozen=True)
class Studied:
    """The plan, the assessment it was made from, and the fleet it places.

    At most one of ``fleet`` and ``fleet_file`` is given.
    """

    plan: PatrolPlan
    assessment: Path
    fleet: Fleet | None = None
    fleet_file: Path | None = None


@dataclass(frozen=True)
class ReplanOrder:
    """A plan to mend; see :class:`allocator.replan.ReplanRequest` for the rules.

    ``made_from`` goes into the document as it is, ``fleet_source`` says where the fleet lies.
    """

    studied: Studied
    lost: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coverage_tolerance: float = 0.01
    workload_cap: float | None = None
    max_changes: int | None = None
    curve: bool = False
    time_limit_s: float = 60.0
    made_from: Mapping[str, Any] = field(default_factory=dict)
    fleet_source: FleetSource | None = None


@dataclass(frozen=True)
class SimulationOrder:
    """A plan to simulate; ``given`` holds the assumptions that were stated."""

    studied: Studied
    weeks: int
    seed: int
    given: Mapping[str, float | str | None] = field(default_factory=dict)
    beside: bool = False
    previous: PatrolPlan | None = None


@dataclass(frozen=True)
class ComparisonOrder:
    """A plan to set beside the ways it could have been made."""

    studied: Studied
    previous: PatrolPlan | None = None
    time_limit_s: float = 120.0


@dataclass(frozen=True)
class AlternativesOrder:
    """Other plans to find, nearly as good as this one."""

    studied: Studied
    count: int = 2
    tolerance: float = 0.005
    previous: PatrolPlan | None = None
    time_limit_s: float = 120.0


@dataclass(frozen=True)
class RosterOrder:
    """The Trojan Proactive Unit to roster; the seed is in the order, so that it can be repeated."""

    assessment: Path
    request: TpuRequest
    seed: int
    epsilon: float = 0.01
    published: TpuRoster | None = None
    time_limit_s: float = 20.0


@dataclass(frozen=True)
class StudyDone:
    """Identifier of a study: the digest of its document."""

    study_id: str


@dataclass(frozen=True)
class RosterDone:
    """The roster that was made."""

    roster: TpuRoster


STUDIES, TPU = "api.working.study_tasks", "api.working.tpu_tasks"
MEND: Task[PlanDone] = Task(STUDIES, "mend")
SIMULATE: Task[StudyDone] = Task(STUDIES, "simulate")
COMPARE: Task[StudyDone] = Task(STUDIES, "compare")
FIND_ALTERNATIVES: Task[StudyDone] = Task(STUDIES, "find_alternatives")
MAKE_ROSTER: Task[RosterDone] = Task(TPU, "make_roster")
