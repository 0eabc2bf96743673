"""`arv alternatives`: other plans nearly as good that differ from the proposed one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allocator.alternatives import MOST, TOLERANCE, AlternativePlan
from allocator.alternatives import alternatives as found_alternatives
from allocator.plan import PatrolPlan
from allocator.plan import document as plan_document
from allocator.plan_differences import differences
from api.cli.app import arv
from api.cli.options import Json
from api.cli.progress import progress_bars
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import Output, json_outputs, json_text, print_json, text_writer, write_outputs
from api.files.travel_sources import read_travel
from api.plans.file import read_plan
from api.plans.studies import alternatives_document


@arv.command()
def alternatives(
    *,
    plan: Annotated[Path, typer.Option(help="The proposed plan.json.")],
    assessment: Annotated[Path, typer.Option(help="Folder that `arv assess` wrote.")],
    fleet: Annotated[Path, typer.Option(help="Fleet file (TOML) the plan was made with.")],
    count: Annotated[int, typer.Option(min=1, max=MOST, help="How many other plans.")] = 2,
    tolerance: Annotated[
        float,
        typer.Option(min=1e-6, max=0.1, help="Share of the proven best coverage to give up."),
    ] = TOLERANCE,
    previous: Annotated[
        Path | None, typer.Option(help="Last week's plan.json, if the plan limits changes.")
    ] = None,
    travel: Annotated[
        Path | None, typer.Option(help="Drive times between wards (Parquet), as for the plan.")
    ] = None,
    time_limit_s: Annotated[
        float, typer.Option(min=0.001, help="Seconds for all the solves together.")
    ] = 120.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for alternative-1.json, …: each a whole plan.json."),
    ] = None,
    json_file: Json = None,
) -> None:
    """Show plans that cover nearly as much as the best but differ as much as possible.

    Example: `arv alternatives --plan out/week/plan.json --assessment out/week
    --fleet examples/fleet.toml --count 3`

    Every alternative keeps the rules of the plan, is verified independently, and moves the
    most boroughs to other units, counted against the plan and the alternatives before it.
    """
    proposed = read_plan(plan)
    folder = read_assessment(assessment)
    matrix = read_travel(travel, folder.assessment) if travel else None
    with progress_bars() as progress:
        found = found_alternatives(
            proposed,
            folder.assessment,
            read_fleet(fleet),
            count=count,
            tolerance=tolerance,
            previous=read_plan(previous) if previous else None,
            travel=matrix,
            time_limit_s=time_limit_s,
            progress=progress,
        )
    document = alternatives_document(proposed, tolerance, found)
    outputs = json_outputs(json_file, document)
    if out is not None:
        files = {
            f"alternative-{number}.json": text_writer(json_text(plan_document(one.plan)))
            for number, one in enumerate(found, start=1)
        }
        outputs.insert(0, Output(out, files))
    write_outputs(outputs)
    print_json(json_file, document)
    if json_file != "-":
        typer.echo(table(proposed, found))


def table(proposed: PatrolPlan, found: tuple[AlternativePlan, ...]) -> str:
    """Return the alternatives as lines for people: figures, then every changed area."""
    lines = [f"{'plan':16} {'covered':>8} {'difference':>11} {'boroughs moved':>15} {'units':>6}"]
    lines.append(f"{'proposed':16} {proposed.objective:8.2%} {0:+8.2f} pp {0:15} {0:6}")
    for number, one in enumerate(found, start=1):
        lines.append(
            f"{f'alternative {number}':16} {one.plan.objective:8.2%} "
            f"{-100 * one.objective_loss:+8.2f} pp {one.boroughs_moved:15} {one.units_changed:6}"
        )
    names = {borough.code: borough.name for borough in proposed.boroughs}
    for number, one in enumerate(found, start=1):
        lines += ["", f"alternative {number}"]
        lines += [
            f"  {change.unit_id}: {', '.join(names[code] for code in change.after)}"
            for change in differences(proposed, one.plan)
        ]
    if not found:
        lines.append("no other plan this good was found within the time limit")
    return "\n".join(lines)
