"""One week, end to end: read the feeds, assess, place, and gather what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from allocator.event_calendar import Event
from allocator.plan import Fleet, PatrolPlan
from allocator.plan import document as plan_document
from allocator.settings import PlanSettings
from allocator.simulation.errors import SimulationRefusedError
from allocator.travel_time import TravelTime
from allocator.verdict import Verdict, judge, unjudged
from allocator.weekly_plan import plan_week
from api.briefing.paper import render_pdf
from api.files import assessment_folder
from api.files.assessment_folder import AssessmentFolder
from api.files.output import Writer, bytes_writer, json_text, text_writer
from api.maps.week_map import render
from api.marking import marking_of, sidecar
from api.plans.fleet_source import FleetSource
from api.plans.geojson import plan_geojson
from api.plans.verdict_file import VERDICT, verdict_body
from api.plans.verdict_view import verdict_view
from api.working.progress import Progress, silent
from hotspots.boundaries.study_area import StudyArea, load_bundled, load_study_area
from hotspots.errors import AssessmentRefusedError
from hotspots.feeds import reader as feed_reader
from hotspots.feeds.reader import ReadOptions
from hotspots.groupings import Grouping
from hotspots.incidents import FeedReading
from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sources import EvidencePolicy
from hotspots.weekly_backtest import backtest_week


@dataclass(frozen=True)
class PlacementRequest:
    """What a planner asks of a week's placement; ``fleet_source`` says where its fleet lies."""

    fleet: Fleet
    week: str | None = None
    previous: PatrolPlan | None = None
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excludes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    support: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_changes: int | None = None
    time_limit_s: float = 60.0
    on_model: Callable[[str], None] | None = None
    travel: TravelTime | None = None
    settings: PlanSettings | None = None
    events: tuple[Event, ...] = ()
    fleet_source: FleetSource | None = None


def study_area(wards: Path | None, boroughs: Path | None) -> StudyArea:
    """Return the bundled study area, or the one in the user's own boundary files."""
    if wards is None:
        return load_bundled()
    return load_study_area(wards, boroughs, name=wards.stem)


def read_feeds(
    paths: Sequence[Path], area: StudyArea, options: ReadOptions, progress: Progress = silent
) -> tuple[FeedReading, ...]:
    """Read every file in order; corrections may name a record of another file."""
    return feed_reader.read_feeds(paths, area, options=options, progress=progress)


def assess(
    readings: Sequence[FeedReading],
    area: StudyArea,
    *,
    as_of: date,
    policy: EvidencePolicy,
    seed: int,
    classification: str,
    sanitised: bool = False,
    groupings: Sequence[Grouping] = (),
    progress: Progress = silent,
) -> AssessedWeek:
    """Assess the week from feeds already read; ``sanitised`` leaves handling code C out."""
    return assess_week(
        readings,
        area,
        as_of=as_of,
        policy=policy,
        seed=seed,
        classification=classification,
        include_handling_c=not sanitised,
        groupings=groupings,
        progress=progress,
    )


def assessment_writers(
    week: AssessedWeek,
    readings: Sequence[FeedReading],
    area: StudyArea,
    policy: EvidencePolicy,
    progress: Progress = silent,
) -> dict[str, Writer]:
    """Return a writer for every file of the assessment, with its backtest card.

    Refused rows that are, or may be, under handling code C are listed only in an assessment
    that carries the code itself.
    """
    rejected = [
        row
        for reading in readings
        for row in reading.rejected
        if week.assessment.handling_code == "C" or row.handling_code != "C"
    ]
    progress("Backtesting the method", 0.0)
    card = backtest_week(week, area, policy)
    progress("Backtesting the method", 1.0)
    marking = marking_of(week.assessment)
    return {
        **sidecar(marking),
        "backtest.json": text_writer(json_text(card | marking.document())),
        **assessment_folder.writers(week.assessment, week.cells, rejected),
    }


def place(
    folder: AssessmentFolder, request: PlacementRequest, progress: Progress = silent
) -> PatrolPlan:
    """Place the fleet; see :func:`allocator.weekly_plan.plan_week` for the refusals."""
    return plan_week(
        folder.assessment,
        request.fleet,
        week=request.week,
        previous=request.previous,
        locks=request.locks,
        excludes=request.excludes,
        support=request.support,
        max_changes=request.max_changes,
        time_limit_s=request.time_limit_s,
        on_model=request.on_model,
        travel=request.travel,
        settings=request.settings,
        events=request.events,
        progress=progress,
    )


def judged(
    plan: PatrolPlan,
    folder: AssessmentFolder,
    request: PlacementRequest,
    progress: Progress = silent,
) -> Verdict:
    """Simulate a plan beside other placements; a plan is made even if it cannot be simulated."""
    progress("Simulating weeks", 0.0)
    try:
        return judge(
            plan,
            folder.assessment,
            request.fleet,
            previous=request.previous,
            travel=request.travel,
            progress=progress,
        )
    except SimulationRefusedError as refusal:
        return unjudged(plan, str(refusal))


def plan_writers(
    plan: PatrolPlan,
    folder: AssessmentFolder,
    area: StudyArea,
    progress: Progress = silent,
    *,
    previous: PatrolPlan | None = None,
    verdict: Verdict | None = None,
    fleet_source: FleetSource | None = None,
) -> dict[str, Writer]:
    """Return a writer for every file of a plan, ``plan.json`` last.

    ``previous`` is the plan whose differences the briefing names, ``verdict`` what simulated
    weeks say of the plan, where there are any, ``fleet_source`` where its fleet came from.

    Raises
    ------
    AssessmentRefusedError
        When the boundaries are not those the assessment was made on.
    """
    if area.sha256 != folder.assessment.boundary_sha256:
        raise AssessmentRefusedError(
            f"the assessment was made on the boundaries {folder.assessment.boundary_name!r}, "
            f"not on {area.name!r}",
            remedy="give the same --wards (and --boroughs) as for `arv assess`",
        )
    progress("Drawing the map", 0.0)
    words = verdict_view(verdict) if verdict else None
    page = render(folder.assessment, plan, area, folder.cells, verdict=words)
    shapes = plan_geojson(plan, folder.assessment, area.boroughs)
    progress("Drawing the map", 1.0)
    progress("Setting the briefing", 0.0)
    paper = render_pdf(
        folder.assessment,
        plan,
        area,
        folder.cells,
        previous=previous,
        verdict=words,
        fleet=fleet_source.in_words() if fleet_source else "",
    )
    progress("Setting the briefing", 1.0)
    beside = sidecar(marking_of(folder.assessment, plan))
    if verdict:
        body = verdict_body(verdict, folder.assessment)
        beside[VERDICT] = text_writer(json_text(body))
    return {
        **beside,
        "plan.geojson": text_writer(json_text(shapes)),
        "map.html": text_writer(page),
        "briefing.pdf": bytes_writer(paper),
        "plan.json": text_writer(json_text(plan_document(plan))),
    }
