"""`arv replan`: mend the week's plan when something has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allocator.replan import COVERAGE_TOLERANCE, CurvePoint, ReplanRequest, sentences
from api import week as weekly
from api.cli.app import arv, say
from api.cli.arguments import parse_locks
from api.cli.options import Json
from api.cli.progress import progress_bars
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import Output, json_outputs, print_json, write_outputs
from api.files.travel_sources import read_travel
from api.plans.file import read_plan
from api.plans.fleet_source import file_source
from api.plans.mending import Mending, mend
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
    max_changes: Annotated[
        int | None,
        typer.Option(min=0, help="Most units whose area may change, whatever coverage that costs."),
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
        max_changes=max_changes,
    )
    matrix = read_travel(travel, folder.assessment) if travel else None
    area = weekly.study_area(wards, boroughs)
    asked = Mending(
        request,
        vehicles,
        curve=curve,
        time_limit_s=time_limit_s,
        travel=matrix,
        fleet_source=file_source(fleet),
    )
    with progress_bars() as progress:
        mended = mend(folder, asked, area, progress)
        write_outputs([Output(out, mended.files), *json_outputs(json_file, mended.document)])
    print_json(json_file, mended.document)
    for line in (*sentences(mended.result), *(_said(point) for point in mended.points)):
        say(line)
    if mended.verdict is not None:
        say(verdict_view(mended.verdict).headline)


def _said(point: CurvePoint) -> str:
    if point.objective is None:
        return f"At most {point.max_changes} changes: no plan keeps the rules."
    relaxed = ", workload bounds relaxed" if point.workload_bounds_relaxed else ""
    return (
        f"At most {point.max_changes} changes: coverage {point.objective:.4f} "
        f"({point.changed} changed, {point.status}{relaxed})."
    )
