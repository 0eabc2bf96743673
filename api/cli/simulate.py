"""`arv simulate`: a plan through many simulated weeks, alone or beside other placements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allocator.simulation.assumptions import (
    RULE_WORDS,
    SimulationAssumptions,
)
from allocator.simulation.report import BoroughResponse, SimulationReport
from allocator.travel_time import embedded_travel_time
from allocator.verdict import WEEKS, Verdict
from api import week as weekly
from api.cli.app import arv, say
from api.cli.options import Json
from api.cli.progress import progress_bars
from api.files.assessment_folder import read as read_assessment
from api.files.call_log import read_call_log
from api.files.fleet_file import read_fleet
from api.files.output import write_json
from api.files.travel_sources import read_travel
from api.plans.file import read_plan
from api.plans.studies import SimulationRequest, assumptions_from, simulated
from api.plans.verdict_view import COLUMNS, basis, headline, spread, verdict_view
from api.wording import percent

DEFAULTS = SimulationAssumptions()
RULE_HELP = "Which available unit is sent: " + "; ".join(
    f"{rule}: {words}" for rule, words in RULE_WORDS.items()
)


@arv.command()
def simulate(
    *,
    plan: Annotated[Path, typer.Option(help="The plan.json to judge.")],
    assessment: Annotated[Path, typer.Option(help="Folder of the assessment it was made from.")],
    weeks: Annotated[int, typer.Option(help="Simulated weeks, 1 to 100000.")] = WEEKS,
    seed: Annotated[int, typer.Option(help="Seed of all chance; one seed repeats.")] = 0,
    fleet: Annotated[
        Path | None,
        typer.Option(help="Fleet file (TOML) the plan was made with: days on duty, standard."),
    ] = None,
    calls_per_week: Annotated[
        float | None,
        typer.Option(
            help="Mean number of calls a week (an assumption); default: the fleet's, or "
            f"{DEFAULTS.calls_per_week:g}."
        ),
    ] = None,
    service_time_s: Annotated[
        float | None,
        typer.Option(
            help="Mean seconds from arrival until free again (an assumption); default: the "
            f"fleet's, or {DEFAULTS.service_time_s:g}."
        ),
    ] = None,
    two_unit_share: Annotated[
        float, typer.Option(help="Share of calls a second unit is sent to (an assumption).")
    ] = DEFAULTS.two_unit_share,
    travel_noise: Annotated[
        float, typer.Option(help="Logarithmic standard deviation of drive times (an assumption).")
    ] = DEFAULTS.travel_noise,
    rule: Annotated[str, typer.Option(help=RULE_HELP)] = DEFAULTS.rule,
    log: Annotated[
        Path | None,
        typer.Option(
            help="Held-out calls to replay (CSV or Parquet: occurred_at and x,y in EPSG:27700 or "
            "longitude,latitude) instead of calls drawn from the assessment."
        ),
    ] = None,
    beside: Annotated[
        bool,
        typer.Option(
            "--beside",
            help="Also simulate the fleet by demand, by nearest centre and greedily, on the same "
            "calls, and give the differences with paired 95% intervals.",
        ),
    ] = False,
    previous: Annotated[
        Path | None, typer.Option(help="Last week's plan.json, to stand beside as well.")
    ] = None,
    unconstrained: Annotated[
        Path | None,
        typer.Option(help="A plan.json made without the meeting's rules, to stand beside as well."),
    ] = None,
    travel: Annotated[
        Path | None, typer.Option(help="Drive times between wards (Parquet), as for `allocate`.")
    ] = None,
    wards: Annotated[Path | None, typer.Option(help="Your own ward boundaries, for --log.")] = None,
    boroughs: Annotated[Path | None, typer.Option(help="Your own borough boundaries.")] = None,
    json_file: Json = None,
) -> None:
    """Send the units of a plan to the calls of many simulated weeks, and report what happened.

    Example: `arv simulate --plan out/week/plan.json --assessment out/week --weeks 1000 --seed 1
    --json out/week/simulation.json`

    The simulation shares nothing with the model that made the plan. Calls are drawn from the
    assessment's posterior (or replayed from a log), each answered by the closest available
    unit (or another rule); times vary by chance. Every figure has a 95% interval over the
    weeks. What is assumed is printed and stands in the JSON. A comparison, never a forecast.
    """
    folder = read_assessment(assessment)
    proposed = read_plan(plan)
    crew = read_fleet(fleet) if fleet else None
    given = assumptions_from(
        crew,
        {
            "calls_per_week": calls_per_week,
            "service_time_s": service_time_s,
            "two_unit_share": two_unit_share,
            "travel_noise": travel_noise,
            "rule": rule,
        },
    )
    drives = read_travel(travel, folder.assessment) if travel else None
    drives = drives or embedded_travel_time(folder.assessment)
    past = (
        read_call_log(log, folder.assessment, weekly.study_area(wards, boroughs)) if log else None
    )
    asked = SimulationRequest(
        weeks=weeks,
        seed=seed,
        assumptions=given,
        travel=drives,
        fleet=crew,
        log=past.calls if past else None,
        beside=beside,
        previous=read_plan(previous) if previous else None,
        unconstrained=read_plan(unconstrained) if unconstrained else None,
    )
    with progress_bars() as progress:
        result, body = simulated(proposed, folder.assessment, asked, progress)
    text = verdict_table(result) if isinstance(result, Verdict) else report_table(result)
    write_json(json_file, body)
    for line in past.remarks() if past else ():
        say(line)
    if drives.sha256 != proposed.settings.get("travel_time_sha256"):
        say(f"The plan was made with other drive times than those simulated ({drives.source}).")
    if json_file != "-":
        typer.echo(text)


def report_table(result: SimulationReport) -> str:
    """Return a report as lines for people."""
    lines = [headline(result), *spread(result), ""]
    lines.append(f"{'unit':12} {'on calls':>9} {'calls a week':>13}")
    lines += [
        f"{unit.unit_id:12} {percent(unit.utilisation.value) if unit.utilisation else '-':>9} "
        f"{unit.calls_per_week:13.1f}"
        for unit in result.units
    ]
    lines += ["", f"{'borough':26} {'calls':>8} {'in time':>8}  95% interval"]
    lines += [_borough_line(borough) for borough in sorted(result.boroughs, key=_by_share)]
    return "\n".join([*lines, "", basis(result)])


def verdict_table(verdict: Verdict) -> str:
    """Return a verdict as lines for people."""
    view = verdict_view(verdict)
    table = [COLUMNS, *(row.cells for row in view.rows)]
    widths = [max(len(line[n]) for line in table) for n in range(len(COLUMNS))]
    lines = [
        "  ".join(f"{cell:{widths[n]}}" for n, cell in enumerate(line)).rstrip() for line in table
    ]
    return "\n".join([view.headline, *view.sentences, "", *lines, "", view.basis])


def _by_share(borough: BoroughResponse) -> tuple[float, str]:
    return (borough.share_within.value if borough.share_within else 2.0, borough.name)


def _borough_line(borough: BoroughResponse) -> str:
    share = borough.share_within
    shown, limits = (percent(share.value), "") if share else ("-", "")
    if share and share.lower_95 is not None and share.upper_95 is not None:
        limits = f"{percent(share.lower_95)} to {percent(share.upper_95)}"
    return f"{borough.name:26} {borough.calls:8,} {shown:>8}  {limits}"
