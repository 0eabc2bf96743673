"""The version of a plan for people without the scope of handling code C: the same areas.

It lies in :data:`SANITISED` inside the plan's folder, whole in itself: plan, verdict, map,
briefing and shapes, all made from the sanitised assessment alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from allocator.errors import PlanningRefusedError
from allocator.plan import PatrolPlan
from allocator.restated_plan import restate_plan
from api import week as weekly
from api.files.assessment_folder import AssessmentFolder
from api.files.assessment_folder import read as read_assessment
from api.files.output import Writer, json_text, text_writer
from api.pages.outlines import area_shapes
from api.week import PlacementRequest
from api.working.orders import AREA_SHAPES, SANITISED
from api.working.progress import Progress, silent
from hotspots.boundaries.study_area import StudyArea


def sanitised_beside(folder: AssessmentFolder, path: Path) -> AssessmentFolder | None:
    """Return the sanitised version of an assessment that rests on handling code C.

    Parameters
    ----------
    folder, path
        The assessment and where it lies.

    Returns
    -------
    AssessmentFolder or None
        Nothing where the assessment needs none, or none lies beside it.

    Raises
    ------
    AssessmentRefusedError
        It is damaged.
    """
    beside = path / SANITISED
    if folder.assessment.handling_code != "C" or not beside.is_dir():
        return None
    return read_assessment(beside)


def sanitised_writers(
    plan: PatrolPlan,
    sanitised: AssessmentFolder,
    request: PlacementRequest,
    area: StudyArea,
    progress: Progress = silent,
    *,
    judge: bool = True,
) -> dict[str, Writer]:
    """Return a writer for every file of a plan's sanitised version.

    Parameters
    ----------
    plan
        The plan as it was made, from the whole assessment. Its areas are kept; none of its
        figures, reasons or other words is.
    sanitised
        The sanitised assessment.
    request
        What was asked for; its previous plan gives areas alone.
    judge
        False leaves the simulated weeks out.

    Raises
    ------
    PlanningRefusedError
        The sanitised assessment cannot be planned on, for example because it expects nothing.
    AssessmentRefusedError
        The boundaries are not those the assessment was made on.
    """
    progress("Making the sanitised version", 0.0)
    restated = restate_plan(
        plan,
        sanitised.assessment,
        request.fleet,
        previous=request.previous,
        settings=request.settings,
        travel=request.travel,
        time_limit_s=request.time_limit_s,
    )
    units = {unit.unit_id for unit in plan.units}
    kept = tuple(unit for unit in request.fleet.units if unit.unit_id in units)
    own = replace(request, fleet=replace(request.fleet, units=kept))
    verdict = weekly.judged(restated, sanitised, own) if judge else None
    progress("Making the sanitised version", 0.7)
    writers = weekly.plan_writers(
        restated,
        sanitised,
        area,
        previous=request.previous,
        verdict=verdict,
        fleet_source=request.fleet_source,
    )
    shapes = {AREA_SHAPES: text_writer(json_text(area_shapes(restated, area)))}
    progress("Making the sanitised version", 1.0)
    return shapes | writers


def sanitised_if_needed(
    plan: PatrolPlan,
    folder: AssessmentFolder,
    path: Path,
    *,
    request: PlacementRequest,
    area: StudyArea,
    progress: Progress = silent,
    judge: bool = True,
) -> tuple[dict[str, Writer], str]:
    """Return the writers of a plan's sanitised version, or why there is none.

    Parameters
    ----------
    plan, request, area, progress, judge
        As for :func:`sanitised_writers`.
    folder, path
        The whole assessment and where it lies.

    Returns
    -------
    writers : dict
        Empty where no version is needed, or none can be made.
    why : str
        Empty, or in a sentence why a version that is needed cannot be made. The plan is made
        all the same, and opens with the scope alone.
    """
    if folder.assessment.handling_code != "C":
        return {}, ""
    sanitised = sanitised_beside(folder, path)
    if sanitised is None:
        return {}, (
            f"the assessment rests on handling code C and has no {SANITISED}/ beside it, so the "
            "plan has no sanitised version. Remedy: assess again."
        )
    try:
        return sanitised_writers(plan, sanitised, request, area, progress, judge=judge), ""
    except PlanningRefusedError as refusal:
        return {}, f"the plan has no sanitised version: {refusal}"
