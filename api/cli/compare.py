"""`arv compare`: a plan beside the ways it could have been made, and what its rules cost."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from allocator.comparison import Comparison
from allocator.comparison import compare as compared
from api.cli.app import arv
from api.cli.options import Json
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import write_json
from api.plans.file import read_plan

WORST = 3  # boroughs named a row


@arv.command()
def compare(
    *,
    plan: Annotated[Path, typer.Option(help="The proposed plan.json.")],
    assessment: Annotated[Path, typer.Option(help="Folder that `arv assess` wrote.")],
    fleet: Annotated[Path, typer.Option(help="Fleet file (TOML) the plan was made with.")],
    previous: Annotated[Path | None, typer.Option(help="Last week's plan.json.")] = None,
    time_limit_s: Annotated[
        float, typer.Option(min=0.001, help="Seconds for all the solves together.")
    ] = 120.0,
    json_file: Json = None,
) -> None:
    """Set a plan beside last week's, unconstrained, proportional, Voronoi and greedy placements.

    Example: `arv compare --plan out/week/plan.json --assessment out/week
    --fleet examples/fleet.toml --previous out/last/plan.json`

    Every row is weighed by the same coverage formula. Below the table: what each lock,
    exclusion, floor and limit of the plan costs.
    """
    result = compared(
        read_plan(plan),
        read_assessment(assessment).assessment,
        read_fleet(fleet),
        previous=read_plan(previous) if previous else None,
        time_limit_s=time_limit_s,
    )
    write_json(json_file, asdict(result))
    if json_file != "-":
        typer.echo(table(result))


def table(result: Comparison) -> str:
    """Return the comparison as lines for people."""
    base = result.alternatives[0].objective
    lines = [f"{'placement':34} {'covered':>8} {'difference':>11}  worst covered boroughs"]
    for row in result.alternatives:
        order = sorted(range(len(row.borough_coverage)), key=lambda n: row.borough_coverage[n])
        worst = ", ".join(
            f"{result.borough_names[n]} {row.borough_coverage[n]:.0%}" for n in order[:WORST]
        )
        lines.append(
            f"{row.label:34} {row.objective:8.2%} {100 * (row.objective - base):+8.2f} pp  {worst}"
        )
    lines.append("")
    lines.append("what the rules of the plan cost (percentage points of coverage without them)")
    for cost in result.rule_costs:
        gain, most = 100 * cost.gain, 100 * cost.gain_at_most
        lines.append(f"  {cost.rule}: {gain:.2f}, proven at most {most:.2f}")
    if not result.rule_costs:
        lines.append("  none was priced within the time limit")
    return "\n".join(lines)
