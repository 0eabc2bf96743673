"""What the service orders from its workers, and what they answer.

The engines are named here, not imported: only the workers need them, and without them the
service starts in a fraction of the time and the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from allocator.event_calendar import Event
from allocator.plan import Fleet
from api.plans.fleet_source import FleetSource

if TYPE_CHECKING:  # the service does not load the engines to name what they give
    from hotspots.incidents import FeedReading

Result = TypeVar("Result")


@dataclass(frozen=True)
class Task(Generic[Result]):
    """A function that a worker calls, by the name of its module and its own."""

    module: str
    name: str


#: Names of the page's own files in an assessment and in a plan folder.
PLACE_SHAPES, AREA_SHAPES = "places.json", "areas.json"
MAP = "map.html"
#: What the fleet of the sample is called.
EXAMPLE_FLEET = "example"
#: Folder, inside that of an assessment with handling code C, of its version without the material.
SANITISED = "sanitised"


@dataclass(frozen=True)
class AssessmentOrder:
    """Feeds to assess. ``classification`` is the marking every output will carry.

    ``stored`` is what the store gave when the evidence comes from there, without ``feeds``.
    """

    feeds: tuple[Path, ...]
    as_of: date
    policy: Path | None = None
    seed: int = 0
    classification: str = "OFFICIAL-SENSITIVE"
    report_rejected: bool = False
    drop_personal_columns: bool = False
    stored: tuple[FeedReading, ...] = ()


@dataclass(frozen=True)
class ReadingOrder:
    """One feed file to read for the store; its statement of coverage lies beside it."""

    feed: Path
    report_rejected: bool = False
    drop_personal_columns: bool = False


@dataclass(frozen=True)
class PlacementOrder:
    """A fleet to place on an assessment; exactly one of ``fleet`` and ``fleet_file`` is given.

    ``excludes`` gives boroughs that a unit must not patrol, ``support`` boroughs that it
    deliberately covers beside its own area. ``fleet_source`` says where the fleet lies.
    """

    assessment: Path
    fleet: Fleet | None = None
    fleet_file: Path | None = None
    fleet_source: FleetSource | None = None
    week: str | None = None
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excludes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    support: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    previous: Path | None = None
    max_changes: int | None = None
    coverage_floor: float = 0.0
    robust: Literal["mean", "cvar"] = "mean"
    events: tuple[Event, ...] = ()
    time_limit_s: float = 60.0


@dataclass(frozen=True)
class AssessmentDone:
    """What an assessment came to, for the answer to the person who asked."""

    assessment_id: str
    as_of: date
    classification: str
    notice: str
    wards: int
    rejected_rows: int
    warnings: tuple[str, ...]
    data_gaps: tuple[str, ...]


@dataclass(frozen=True)
class PlanDone:
    """The week and identifier of a plan that was made."""

    week: str
    plan_id: str


TASKS = "api.working.solve_tasks"
ASSESS: Task[AssessmentDone] = Task(TASKS, "assess")
READ: Task[FeedReading] = Task(TASKS, "read")
PLACE: Task[PlanDone] = Task(TASKS, "place")
MAKE_SAMPLE: Task[tuple[AssessmentDone, PlanDone, str]] = Task(TASKS, "make_sample")
