"""What the workers do with a plan that is made: mend it, simulate it, set it beside others.

Each fills a staged folder, in a process of its own (:mod:`api.working.solving`). What they refuse
is what the command line refuses.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from allocator.alternatives import alternatives
from allocator.comparison import compare as compared
from allocator.plan import Fleet
from allocator.replan import ReplanRequest
from allocator.travel_time import embedded_travel_time
from api.files.assessment_folder import AssessmentFolder
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import json_text, text_writer, write_all
from api.marking import marking_of
from api.pages.outlines import area_shapes
from api.plans import fleet_source, mending
from api.plans.studies import (
    SimulationRequest,
    alternatives_document,
    assumptions_from,
    fleet_of,
    simulated,
)
from api.problems import Problem, ProblemError
from api.sanitised_plan import sanitised_if_needed
from api.working.orders import AREA_SHAPES, SANITISED, PlanDone
from api.working.progress import Unwatched, Watch
from api.working.study_orders import (
    STUDY,
    AlternativesOrder,
    ComparisonOrder,
    ReplanOrder,
    SimulationOrder,
    Studied,
    StudyDone,
)
from hotspots.boundaries.study_area import load_bundled

UNWATCHED = Unwatched()
#: Digits of a document's SHA-256 that name it.
DIGITS = 16

log = logging.getLogger("arv.solving")


def mend(order: ReplanOrder, staged: Path, watch: Watch = UNWATCHED) -> PlanDone:
    """Mend a plan and fill ``staged`` with the new one and its ``replan.json``.

    Raises
    ------
    PlanningRefusedError
        What ``arv replan`` refuses, in the same words.
    """
    area, folder = load_bundled(), _folder(order.studied)
    request = ReplanRequest(
        order.studied.plan,
        lost=order.lost,
        started=order.started,
        locks=order.locks,
        coverage_tolerance=order.coverage_tolerance,
        workload_cap=order.workload_cap,
        max_changes=order.max_changes,
    )
    asked = mending.Mending(
        request,
        _fleet(order.studied),
        curve=order.curve,
        time_limit_s=order.time_limit_s,
        made_from=order.made_from,
        fleet_source=order.fleet_source,
    )
    mended = mending.mend(folder, asked, area, watch)
    plan = mended.result.plan
    beside, why = sanitised_if_needed(
        plan,
        folder,
        order.studied.assessment,
        request=mending.placed(plan, asked),
        area=area,
        progress=watch,
        judge=not watch.stop_asked(),
    )
    if why:
        log.warning("plan %s: %s", plan.plan_id, why)
    if beside:
        write_all(staged / SANITISED, beside)
    shapes = {AREA_SHAPES: text_writer(json_text(area_shapes(plan, area)))}
    write_all(staged, shapes | fleet_source.writers(order.fleet_source) | mended.files)
    return PlanDone(plan.week, plan.plan_id)


def simulate(order: SimulationOrder, staged: Path, watch: Watch = UNWATCHED) -> StudyDone:
    """Simulate weeks of a plan.

    Raises
    ------
    SimulationRefusedError
        What ``arv simulate`` refuses, in the same words.
    ProblemError
        Its end was asked for: a simulation has no result before its last week.
    """
    folder = _folder(order.studied)
    fleet = _known_fleet(order.studied)
    asked = SimulationRequest(
        weeks=order.weeks,
        seed=order.seed,
        assumptions=assumptions_from(fleet, order.given),
        travel=embedded_travel_time(folder.assessment),
        fleet=fleet,
        beside=order.beside,
        previous=order.previous,
    )

    def tell(step: str, share: float) -> None:
        if watch.stop_asked():
            raise ProblemError(_ended())
        watch(step, share)

    _, body = simulated(order.studied.plan, folder.assessment, asked, tell)
    return _keep(order.studied, folder, body, staged)


def compare(order: ComparisonOrder, staged: Path, watch: Watch = UNWATCHED) -> StudyDone:
    """Set a plan beside the ways it could have been made.

    Raises
    ------
    PlanningRefusedError
        What ``arv compare`` refuses, in the same words.
    """
    folder = _folder(order.studied)
    result = compared(
        order.studied.plan,
        folder.assessment,
        _fleet(order.studied),
        previous=order.previous,
        time_limit_s=order.time_limit_s,
        progress=watch,
    )
    previous = order.previous.plan_id if order.previous else None
    return _keep(order.studied, folder, {**asdict(result), "previous_plan_id": previous}, staged)


def find_alternatives(
    order: AlternativesOrder, staged: Path, watch: Watch = UNWATCHED
) -> StudyDone:
    """Find plans nearly as good that differ as much as possible.

    Raises
    ------
    PlanningRefusedError
        What ``arv alternatives`` refuses, in the same words.
    """
    folder = _folder(order.studied)
    found = alternatives(
        order.studied.plan,
        folder.assessment,
        _fleet(order.studied),
        count=order.count,
        tolerance=order.tolerance,
        previous=order.previous,
        time_limit_s=order.time_limit_s,
        progress=watch,
    )
    body = alternatives_document(order.studied.plan, order.tolerance, found)
    return _keep(order.studied, folder, body, staged)


def _keep(
    studied: Studied, folder: AssessmentFolder, body: Mapping[str, Any], staged: Path
) -> StudyDone:
    """Fill ``staged`` with a study that carries its marking, named by its digest."""
    text = json_text({**marking_of(folder.assessment, studied.plan).document(), **body})
    write_all(staged, {STUDY: text_writer(text)})
    return StudyDone(hashlib.sha256(text.encode()).hexdigest()[:DIGITS])


def _folder(studied: Studied) -> AssessmentFolder:
    return read_assessment(studied.assessment)


def _known_fleet(studied: Studied) -> Fleet | None:
    if studied.fleet_file is not None:
        return read_fleet(studied.fleet_file)
    return studied.fleet


def _fleet(studied: Studied) -> Fleet:
    return _known_fleet(studied) or fleet_of(studied.plan)


def _ended() -> Problem:
    return Problem(
        409,
        "ended",
        "The work was ended",
        "the simulation was ended before its last week, so it has no result. "
        "Remedy: ask again, for fewer weeks.",
    )
