"""A plan mended in mid-week with its papers: what the command line writes and the service keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from allocator.following import stop_asked
from allocator.plan import Fleet, PatrolPlan
from allocator.plan import document as plan_document
from allocator.replan import (
    CurvePoint,
    Replan,
    ReplanRequest,
    price_of_stability,
    replan,
    sentences,
)
from allocator.travel_time import TravelTime
from allocator.verdict import Verdict
from api import week as weekly
from api.files.assessment_folder import AssessmentFolder
from api.files.output import Writer, json_text, text_writer
from api.plans.fleet_source import FleetSource
from api.working.progress import Progress, silent
from api.working.study_orders import REPLAN
from hotspots.boundaries.study_area import StudyArea


@dataclass(frozen=True)
class Mending:
    """What is asked of a re-plan.

    Attributes
    ----------
    request
        What happened, and what must stay.
    fleet
        The whole fleet; lost units may still be in it.
    curve
        True to price 0, 2, 4, 8 and 16 changed units as well.
    time_limit_s
        Seconds for the solves of the re-plan, and again for those of the curve.
    travel
        Drive times; those of the embedded model when left out.
    made_from
        Further members of the document, such as which record was mended and why.
    fleet_source
        Where the fleet came from.
    """

    request: ReplanRequest
    fleet: Fleet
    curve: bool = False
    time_limit_s: float = 60.0
    travel: TravelTime | None = None
    made_from: Mapping[str, Any] = field(default_factory=dict)
    fleet_source: FleetSource | None = None


@dataclass(frozen=True)
class Mended:
    """A re-plan, the price of stability where it was asked for, and a writer for every file.

    ``verdict`` is ``None`` when whoever followed the work asked for its end.
    """

    result: Replan
    points: tuple[CurvePoint, ...]
    verdict: Verdict | None
    document: dict[str, Any]
    files: dict[str, Writer]


def mend(
    folder: AssessmentFolder, asked: Mending, area: StudyArea, progress: Progress = silent
) -> Mended:
    """Mend a plan, simulate it and gather its files.

    Parameters
    ----------
    folder
        The assessment now, with its cells.
    asked
        What is asked.
    area
        The boundaries the assessment was made on.
    progress
        Told the steps; a follower may ask for the end, and gets the best plan so far.

    Raises
    ------
    PlanningRefusedError
        See :func:`allocator.replan.replan`.
    AssessmentRefusedError
        The boundaries are not those of the assessment.
    """
    current = asked.request.current
    result = replan(
        folder.assessment,
        asked.fleet,
        asked.request,
        time_limit_s=asked.time_limit_s,
        travel=asked.travel,
        progress=progress,
    )
    points: tuple[CurvePoint, ...] = ()
    if asked.curve:
        points = price_of_stability(
            folder.assessment,
            asked.fleet,
            asked.request,
            time_limit_s=asked.time_limit_s,
            travel=asked.travel,
            progress=progress,
        )
    verdict = None
    if not stop_asked(progress):  # whoever asks for the end wants the plan, not its simulation
        verdict = weekly.judged(result.plan, folder, placed(result.plan, asked), progress)
    document = replan_document(result, points) | dict(asked.made_from)
    files = weekly.plan_writers(
        result.plan,
        folder,
        area,
        progress,
        previous=current,
        verdict=verdict,
        fleet_source=asked.fleet_source,
    )
    own: dict[str, Writer] = {REPLAN: text_writer(json_text(document))}
    return Mended(result, points, verdict, document, own | files)


def replan_document(result: Replan, points: tuple[CurvePoint, ...]) -> dict[str, Any]:
    """Return what ``replan.json`` holds, as plain JSON values."""
    return {
        "plan": plan_document(result.plan),
        "from_scratch": {
            "objective": result.from_scratch.objective,
            "bound": result.from_scratch.bound,
            "changed_units": result.from_scratch_changes,
        },
        "coverage_tolerance": result.coverage_tolerance,
        "changes": [
            {**asdict(change), "gained": change.gained, "given_up": change.given_up}
            for change in result.changes
        ],
        "loads": dict(result.loads),
        "sentences": list(sentences(result)),
        "price_of_stability": [asdict(point) for point in points],
    }


def placed(plan: PatrolPlan, asked: Mending) -> weekly.PlacementRequest:
    """Return the placement that a mended plan stands for: the fleet that is left, and the past."""
    left = {unit.unit_id for unit in plan.units}
    units = tuple(unit for unit in asked.fleet.units if unit.unit_id in left)
    return weekly.PlacementRequest(
        fleet=replace(asked.fleet, units=units),
        fleet_source=asked.fleet_source,
        previous=asked.request.current,
        travel=asked.travel,
    )
