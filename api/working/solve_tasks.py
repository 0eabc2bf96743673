"""What the workers do: assess feeds, place a fleet, make the sample. Each fills a staged folder.

These functions run in a process of their own (:mod:`api.working.solving`) and share nothing with
the service but the folder they fill. What they refuse is what the command line refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path

from allocator.plan import Fleet
from allocator.settings import PlanSettings
from api import week as weekly
from api.files.assessment_folder import AssessmentFolder
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import Writer, json_text, text_writer, write_all
from api.files.policy_file import read_policy
from api.files.sample_data import SAMPLE_AS_OF, sample_feeds, sample_fleet
from api.maps.week_map import render
from api.pages.outlines import area_shapes, place_shapes
from api.plans import fleet_source
from api.plans.file import read_plan
from api.sanitised_plan import sanitised_if_needed
from api.working.orders import (
    AREA_SHAPES,
    EXAMPLE_FLEET,
    MAP,
    PLACE_SHAPES,
    SANITISED,
    AssessmentDone,
    AssessmentOrder,
    PlacementOrder,
    PlanDone,
    ReadingOrder,
)
from api.working.progress import Unwatched, Watch
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.feeds.reader import ReadOptions, read_rows
from hotspots.incidents import FeedReading
from hotspots.pipeline import AssessedWeek
from hotspots.sources import EvidencePolicy

#: Work that nobody follows.
UNWATCHED = Unwatched()

log = logging.getLogger("arv.solving")


def assess(order: AssessmentOrder, staged: Path, watch: Watch = UNWATCHED) -> AssessmentDone:
    """Read feeds, assess them, and fill ``staged`` with the assessment.

    Raises
    ------
    InputRefusedError
        What ``arv assess`` refuses, in the same words.
    """
    area = load_bundled()
    options = ReadOptions(
        on_rejected="report" if order.report_rejected else "refuse",
        drop_personal_columns=order.drop_personal_columns,
    )
    policy = read_policy(order.policy)
    readings = order.stored or weekly.read_feeds(order.feeds, area, options, watch)
    picture = partial(
        weekly.assess,
        readings,
        area,
        as_of=order.as_of,
        policy=policy,
        seed=order.seed,
        classification=order.classification,
    )
    assessed = picture(progress=watch)
    files = partial(_assessment_writers, readings=readings, area=area, policy=policy)
    if assessed.assessment.handling_code == "C":
        write_all(staged / SANITISED, files(picture(sanitised=True)))
    write_all(staged, files(assessed))
    return _assessment_done(assessed.assessment, readings)


def read(order: ReadingOrder) -> FeedReading:
    """Read one feed file for the store; corrections may name records of other files.

    Raises
    ------
    FeedRefusedError
        What ``arv store ingest`` refuses, in the same words.
    """
    options = ReadOptions(
        on_rejected="report" if order.report_rejected else "refuse",
        drop_personal_columns=order.drop_personal_columns,
    )
    return read_rows(order.feed, load_bundled(), options=options)


def place(order: PlacementOrder, staged: Path, watch: Watch = UNWATCHED) -> PlanDone:
    """Place a fleet and fill ``staged`` with the plan.

    Raises
    ------
    PlanningRefusedError
        What ``arv allocate`` refuses, in the same words.
    """
    folder = read_assessment(order.assessment)
    return _place(order, folder, load_bundled(), staged, watch)


def make_sample(staged_assessment: Path, staged_plan: Path) -> tuple[AssessmentDone, PlanDone, str]:
    """Assess the bundled synthetic sample and place the example fleet; return its file's text."""
    area, policy = load_bundled(), read_policy(None)
    readings = weekly.read_feeds(sample_feeds(), area, ReadOptions())
    picture = partial(
        weekly.assess,
        readings,
        area,
        as_of=date.fromisoformat(SAMPLE_AS_OF),
        policy=policy,
        seed=0,
        classification="OFFICIAL",
    )
    assessed = picture()
    files = partial(_assessment_writers, readings=readings, area=area, policy=policy)
    write_all(staged_assessment / SANITISED, files(picture(sanitised=True)))
    write_all(staged_assessment, files(assessed))
    folder = AssessmentFolder(assessed.assessment, assessed.cells)
    order = PlacementOrder(
        assessment=staged_assessment,
        fleet_file=sample_fleet(),
        fleet_source=fleet_source.file_source(sample_fleet(), EXAMPLE_FLEET),
    )
    plan = _place(order, folder, area, staged_plan)
    done = _assessment_done(assessed.assessment, readings)
    return done, plan, sample_fleet().read_text("utf-8")


def _place(
    order: PlacementOrder,
    folder: AssessmentFolder,
    area: StudyArea,
    staged: Path,
    watch: Watch = UNWATCHED,
) -> PlanDone:
    previous = read_plan(order.previous) if order.previous else None
    request = weekly.PlacementRequest(
        fleet=_fleet(order),
        fleet_source=order.fleet_source,
        week=order.week,
        previous=previous,
        locks=order.locks,
        excludes=order.excludes,
        support=order.support,
        max_changes=order.max_changes,
        time_limit_s=order.time_limit_s,
        settings=PlanSettings(coverage_floor=order.coverage_floor, robust=order.robust),
        events=order.events,
    )
    plan = weekly.place(folder, request, watch)
    # whoever asks for the end wants the plan, not the minutes of its simulation
    verdict = None if watch.stop_asked() else weekly.judged(plan, folder, request, watch)
    beside, why = sanitised_if_needed(
        plan, folder, order.assessment,
        request=request, area=area, progress=watch, judge=not watch.stop_asked(),
    )  # fmt: skip
    if why:
        log.warning("plan %s: %s", plan.plan_id, why)
    if beside:
        write_all(staged / SANITISED, beside)
    writers = weekly.plan_writers(
        plan, folder, area, watch,
        previous=previous, verdict=verdict, fleet_source=order.fleet_source,
    )  # fmt: skip
    shapes = {AREA_SHAPES: text_writer(json_text(area_shapes(plan, area)))}
    write_all(staged, shapes | fleet_source.writers(order.fleet_source) | writers)
    return PlanDone(plan.week, plan.plan_id)


def _fleet(order: PlacementOrder) -> Fleet:
    return order.fleet if order.fleet is not None else read_fleet(_required(order.fleet_file))


def _required(path: Path | None) -> Path:
    if path is None:
        raise ValueError("a placement order needs a fleet or a fleet file")
    return path


def _assessment_writers(
    assessed: AssessedWeek,
    *,
    readings: Sequence[FeedReading],
    area: StudyArea,
    policy: EvidencePolicy,
) -> dict[str, Writer]:
    own = {
        PLACE_SHAPES: text_writer(json_text(place_shapes(area))),
        MAP: text_writer(render(assessed.assessment, None, area, assessed.cells)),
    }
    return own | weekly.assessment_writers(assessed, readings, area, policy)


def _assessment_done(assessment: RiskAssessment, readings: Sequence[FeedReading]) -> AssessmentDone:
    return AssessmentDone(
        assessment_id=assessment.assessment_id,
        as_of=assessment.as_of,
        classification=assessment.classification,
        notice=assessment.notice,
        wards=len(assessment.wards),
        rejected_rows=sum(len(reading.rejected) for reading in readings),
        warnings=tuple(f"{one.file}: {text}" for one in readings for text in one.warnings),
        data_gaps=assessment.data_gaps,
    )
