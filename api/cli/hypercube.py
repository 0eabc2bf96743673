"""`arv hypercube`: how busy a plan's units are, and who answers whom, as a queue."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from allocator.queueing.fleet_queue import CallLoad
from allocator.queueing.plan_queue import PlanQueue, queue_of_plan
from allocator.simulation.report import rounded
from api.cli.app import arv
from api.cli.options import Json
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import write_json
from api.files.travel_sources import read_travel
from api.plans.file import read_plan

DEFAULT = CallLoad()


@arv.command()
def hypercube(
    *,
    plan: Annotated[Path, typer.Option(help="The plan.json.")],
    assessment: Annotated[Path, typer.Option(help="Folder that `arv assess` wrote.")],
    fleet: Annotated[
        Path | None, typer.Option(help="Fleet file, for the days on duty; else every day.")
    ] = None,
    calls_per_week: Annotated[
        float, typer.Option(help="Assumption: calls that vehicles are sent to, a week.")
    ] = DEFAULT.calls_per_week,
    service_time_s: Annotated[
        float, typer.Option(help="Assumption: mean seconds from arrival until free again.")
    ] = DEFAULT.service_time_s,
    two_unit_share: Annotated[
        float, typer.Option(help="Assumption: share of calls with a second vehicle.")
    ] = DEFAULT.two_unit_share,
    travel: Annotated[
        Path | None, typer.Option(help="Drive times between wards (Parquet), as for `allocate`.")
    ] = None,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Larson's approximation: quicker.")
    ] = False,
    json_file: Json = None,
) -> None:
    """Work out how busy each unit of a plan is and how often it leaves its area.

    Example: `arv hypercube --plan out/week/plan.json --assessment out/week`

    The hypercube queueing model (Larson 1974) in its steady state, exact up to 16 units: a call
    goes to the free unit whose patrol is nearest, whatever its area. `arv simulate` judges the
    same plan with changing demand, handovers and noise.
    """
    week = read_assessment(assessment).assessment
    result = queue_of_plan(
        read_plan(plan),
        week,
        read_fleet(fleet) if fleet else None,
        travel=read_travel(travel, week) if travel else None,
        load=CallLoad(calls_per_week, service_time_s, two_unit_share),
        exact=not approximate,
    )
    write_json(json_file, rounded(asdict(result)))
    if json_file != "-":
        typer.echo(table(result))


def table(result: PlanQueue) -> str:
    """Return the queue of a plan as lines for people."""
    load = result.load
    other = "" if result.travel_time_as_planned else " (NOT those the plan was made with)"
    lines = [
        " ".join(filter(None, (result.classification, result.notice))),
        f"Plan {result.plan_id} as a hypercube queue ({result.method})",
        f"Assumed: {load.calls_per_week:g} calls a week, {load.service_time_s / 60:g} minutes at "
        f"the scene, {load.two_unit_share:.0%} with a second vehicle",
        f"Drive times: {result.travel_time_source}{other}",
        "",
        f"reached within the standard {result.within_standard:7.1%}",
        f"mean response               {result.mean_response_s / 60:7.1f} min",
        f"answered by another area    {result.interarea_share:7.1%}",
        f"no unit free                {result.probability_all_busy:7.2%}",
        "",
        f"{'unit':12} {'busy':>6} {'of calls':>9} {'outside area':>13} {'mean drive':>11}",
    ]
    lines += [
        f"{unit.unit_id:12} {unit.busy_fraction:6.1%} {unit.call_share:9.1%} "
        f"{unit.outside_share:13.1%} {unit.mean_drive_s / 60:7.1f} min"
        for unit in result.units
    ]
    lines += ["", f"{'borough':24} {'in standard':>11} {'response':>12} {'own unit':>9}"]
    lines += [
        f"{one.name:24} {one.within_standard:11.1%} {one.mean_response_s / 60:8.1f} min "
        f"{one.own_unit_share:9.1%}"
        for one in sorted(result.boroughs, key=lambda one: (one.within_standard, one.code))
    ]
    return "\n".join(lines)
