"""`arv replan`: mend the week's plan when something has changed."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from allocator.plan import document as plan_document
from allocator.replan import (
    COVERAGE_TOLERANCE,
    CurvePoint,
    Replan,
    ReplanRequest,
    price_of_stability,
    replan,
    sentences,
)
from api import week as weekly
from api.cli.app import arv, say
from api.cli.arguments import parse_locks
from api.cli.options import Json
from api.cli.progress import progress_bars
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import Output, json_outputs, json_text, print_json, text_writer, write_outputs
from api.files.travel_sources import read_travel
from api.plans.file import read_plan
from api.plans.verdict_view import verdict_view


@arv.command("replan")
def replan_command(
    *,
    plan: Annotated[Path, typer.Option(help="The plan.json in force.")],
    assessment: Annotated[Path, typer.Option(help="Folder that `arv assess` wrote.")],
    fleet: Annotated[Path, typer.Option(help="Fleet file (TOML) of the week.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if missing.")],
    lost: Annotated[
        list[str] | None, typer.Option(help="A unit that is no longer available; repeat for more.")
    ] = None,
    started: Annotated[
        list[str] | None,
        typer.Option(help="A unit already out: it keeps every borough it has; repeat for more."),
    ] = None,
    lock: Annotated[
        list[str] | None,
        typer.Option(help="UNIT=E09…[,E09…]: the unit's area contains these boroughs."),
    ] = None,
    coverage_tolerance: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Share of coverage to give up for fewer changes."),
    ] = COVERAGE_TOLERANCE,
    workload_cap: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            help="Let a unit carry up to this many times an equal share of demand for the rest of "
            "the week, if that keeps changes few; default: the usual bounds.",
        ),
    ] = None,
    curve: Annotated[
        bool, typer.Option("--curve", help="Also price 0, 2, 4, 8 and 16 changed units.")
    ] = False,
    time_limit_s: Annotated[
        float, typer.Option(min=0.001, help="End each stage after this many seconds.")
    ] = 60.0,
    travel: Annotated[
        Path | None,
        typer.Option(help="Drive times between wards (Parquet), as for `arv allocate`."),
    ] = None,
    wards: Annotated[
        Path | None, typer.Option(help="Your own ward boundaries, as for `arv assess`.")
    ] = None,
    boroughs: Annotated[Path | None, typer.Option(help="Your own borough boundaries.")] = None,
    json_file: Json = None,
) -> None:
    """Mend a plan in mid-week, changing as few units' areas as coverage allows.

    Example: `arv replan --plan out/week/plan.json --assessment out/week
    --fleet examples/fleet.toml --lost ARV-04 --curve --out out/mended`

    Locks, exclusions and support of the plan stay in force. Writes the mended plan.json with its
    verdict in simulated weeks, map and briefing, and replan.json: every change, what it costs, and
    the price of stability.
    """
    folder = read_assessment(assessment)
    current = read_plan(plan)
    vehicles = read_fleet(fleet)
    request = ReplanRequest(
        current,
        lost=tuple(sorted(set(lost or []))),
        started=tuple(sorted(set(started or []))),
        locks=parse_locks(lock or []),
        coverage_tolerance=coverage_tolerance,
        workload_cap=workload_cap,
    )
    matrix = read_travel(travel, folder.assessment) if travel else None
    area = weekly.study_area(wards, boroughs)
    with progress_bars() as progress:
        result = replan(
            folder.assessment,
            vehicles,
            request,
            time_limit_s=time_limit_s,
            travel=matrix,
            progress=progress,
        )
        points: tuple[CurvePoint, ...] = ()
        if curve:
            points = price_of_stability(
                folder.assessment,
                vehicles,
                request,
                time_limit_s=time_limit_s,
                travel=matrix,
                progress=progress,
            )
        document = _document(result, points)
        left = {unit.unit_id for unit in result.plan.units}
        crew = replace(vehicles, units=tuple(u for u in vehicles.units if u.unit_id in left))
        placed = weekly.PlacementRequest(fleet=crew, previous=current, travel=matrix)
        verdict = weekly.judged(result.plan, folder, placed, progress)
        files = weekly.plan_writers(
            result.plan, folder, area, progress, previous=current, verdict=verdict
        )
        files = {"replan.json": text_writer(json_text(document)), **files}
        write_outputs([Output(out, files), *json_outputs(json_file, document)])
    print_json(json_file, document)
    for line in (*sentences(result), *(_said(point) for point in points)):
        say(line)
    say(verdict_view(verdict).headline)


def _document(result: Replan, points: tuple[CurvePoint, ...]) -> dict[str, Any]:
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


def _said(point: CurvePoint) -> str:
    if point.objective is None:
        return f"At most {point.max_changes} changes: no plan keeps the rules."
    relaxed = ", workload bounds relaxed" if point.workload_bounds_relaxed else ""
    return (
        f"At most {point.max_changes} changes: coverage {point.objective:.4f} "
        f"({point.changed} changed, {point.status}{relaxed})."
    )
