"""`arv demo`, `arv assess` and `arv allocate`: the week of the tasking meeting."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from allocator.plan import PatrolPlan
from allocator.plan import document as plan_document
from allocator.settings import PlanSettings
from allocator.ward_refinement import refine_wards
from allocator.ward_refinement import sentence as refinement_sentence
from api import week as weekly
from api.calendar_day import parse_day
from api.cli.app import arv, say
from api.cli.arguments import parse_classification, parse_locks
from api.cli.options import (
    AsOf,
    Boroughs,
    Classification,
    Counts,
    Incidents,
    Json,
    Out,
    Policy,
    ReportRejected,
    Seed,
    Wards,
)
from api.cli.progress import progress_bars
from api.files.assessment_folder import AssessmentFolder
from api.files.assessment_folder import read as read_assessment
from api.files.events_file import read_events
from api.files.fleet_file import read_fleet
from api.files.grouping_file import read_grouping
from api.files.output import Output, json_outputs, print_json, text_writer, write_outputs
from api.files.policy_file import read_policy
from api.files.sample_data import SAMPLE_AS_OF, sample_feeds, sample_fleet
from api.files.travel_sources import read_travel
from api.plans.file import read_plan
from api.plans.fleet_source import file_source
from api.plans.verdict_view import verdict_view
from api.sanitised_plan import sanitised_if_needed
from api.working.orders import SANITISED
from hotspots.assessment import RiskAssessment
from hotspots.assessment import document as assessment_document
from hotspots.feeds.reader import ReadOptions


@arv.command()
def demo(*, out: Out, seed: Seed = 0, json_file: Json = None) -> None:
    """Run the whole week on the bundled synthetic sample, without a network.

    Reads the sample's feeds, scores 679 wards, places 16 vehicles, draws the map, and
    says where everything lies. Every output is marked SYNTHETIC.
    """
    area, policy = weekly.study_area(None, None), read_policy(None)
    with progress_bars() as progress:
        readings = weekly.read_feeds(sample_feeds(), area, ReadOptions(), progress)
        assessed = weekly.assess(
            readings,
            area,
            as_of=date.fromisoformat(SAMPLE_AS_OF),
            policy=policy,
            seed=seed,
            classification="OFFICIAL",
            progress=progress,
        )
        folder = AssessmentFolder(assessed.assessment, assessed.cells)
        source = file_source(sample_fleet())
        request = weekly.PlacementRequest(read_fleet(sample_fleet()), fleet_source=source)
        plan = weekly.place(folder, request, progress)
        verdict = weekly.judged(plan, folder, request, progress)
        writers = weekly.assessment_writers(assessed, readings, area, policy, progress)
        writers |= weekly.plan_writers(
            plan, folder, area, progress, verdict=verdict, fleet_source=source
        )
        document = plan_document(plan)
        write_outputs([Output(out, writers), *json_outputs(json_file, document)])
    print_json(json_file, document)
    _say_assessment(assessed.assessment)
    _say_plan(plan)
    say(verdict_view(verdict).headline)
    _say_files(
        out,
        [
            "briefing.pdf",
            "map.html",
            "plan.json",
            "verdict.json",
            "plan.geojson",
            "wards.csv",
            "backtest.json",
            "assessment.json",
        ],
    )


@arv.command()
def assess(
    *,
    as_of: AsOf,
    out: Out,
    incidents: Incidents = None,
    counts: Counts = None,
    policy: Policy = None,
    grouping: Annotated[
        list[Path] | None,
        typer.Option(
            help="Lookup of areas to groups (CSV: area_code, group_code, group_name); "
            "its groups are scored in groups.csv. Repeat for more."
        ),
    ] = None,
    wards: Wards = None,
    boroughs: Boroughs = None,
    seed: Seed = 0,
    classification: Classification = "OFFICIAL-SENSITIVE",
    sanitised: Annotated[
        bool,
        typer.Option(
            "--sanitised", help="Leave out all material with handling code C, and say so."
        ),
    ] = False,
    report_rejected: ReportRejected = False,
    drop_personal_columns: Annotated[
        bool,
        typer.Option(
            "--drop-personal-columns",
            help="Drop columns of personal data unread, instead of refusing the file.",
        ),
    ] = False,
    json_file: Json = None,
) -> None:
    """Score every ward and borough from the evidence known before a day.

    Example: `arv assess --as-of 2026-11-23 --incidents week.csv --counts dashboard.csv
    --out out/week`

    Writes assessment.json, draws.parquet, wards.csv, boroughs.csv, cells.parquet,
    rejected.csv and backtest.json, the method's record on the weeks before. Evidence from
    the day itself or later is never used. Where material with handling code C was used, the
    folder sanitised/ inside holds the same files made without it.
    """
    day = parse_day(as_of, "--as-of")
    marking = parse_classification(classification)
    area, rules = weekly.study_area(wards, boroughs), read_policy(policy)
    options = ReadOptions(
        on_rejected="report" if report_rejected else "refuse",
        drop_personal_columns=drop_personal_columns,
    )
    with progress_bars() as progress:
        paths = [*(incidents or []), *(counts or [])]
        readings = weekly.read_feeds(paths, area, options, progress)
        picture = partial(
            weekly.assess,
            readings,
            area,
            as_of=day,
            policy=rules,
            seed=seed,
            classification=marking,
            groupings=[read_grouping(path) for path in grouping or []],
            progress=progress,
        )
        assessed = picture(sanitised=sanitised)
        document = assessment_document(assessed.assessment)
        files = weekly.assessment_writers(assessed, readings, area, rules, progress)
        outputs = [Output(out, files), *json_outputs(json_file, document)]
        if assessed.assessment.handling_code == "C":
            bare = picture(sanitised=True)
            files = weekly.assessment_writers(bare, readings, area, rules, progress)
            outputs.insert(0, Output(out / SANITISED, files))
        write_outputs(outputs)
    print_json(json_file, document)
    for reading in readings:
        for warning in reading.warnings:
            say(warning if warning.startswith(reading.file) else f"{reading.file}: {warning}")
    _say_assessment(assessed.assessment)
    _say_files(
        out, ["wards.csv", "boroughs.csv", "rejected.csv", "backtest.json", "assessment.json"]
    )


@arv.command()
def allocate(
    *,
    assessment: Annotated[Path, typer.Option(help="Folder that `arv assess` wrote.")],
    fleet: Annotated[Path, typer.Option(help="Fleet file (TOML); see examples/fleet.toml.")],
    out: Out,
    week: Annotated[
        str | None,
        typer.Option(help="ISO week, for example 2026-W48; default: the first after as-of."),
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="Last week's plan.json, to count changes from.")
    ] = None,
    lock: Annotated[
        list[str] | None,
        typer.Option(
            help="UNIT=E09…[,E09…]: the unit's area contains these boroughs; repeat for more."
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="UNIT=E09…[,E09…]: the unit keeps out of these boroughs."),
    ] = None,
    support: Annotated[
        list[str] | None,
        typer.Option(help="UNIT=E09…[,E09…]: the unit patrols these boroughs of others as well."),
    ] = None,
    max_changes: Annotated[
        int | None,
        typer.Option(min=0, help="At most this many units may change from the previous plan."),
    ] = None,
    floor: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Least coverage of every borough, a share such as 0.35; a rule of the proof.",
        ),
    ] = 0.0,
    robust: Annotated[
        Literal["mean", "cvar"],
        typer.Option(
            help="mean: greatest expected coverage; cvar: greatest mean coverage over the worst "
            "tenth of the posterior draws."
        ),
    ] = "mean",
    events: Annotated[
        Path | None,
        typer.Option(help="Events of the week (TOML); see examples/events.toml."),
    ] = None,
    time_limit_s: Annotated[
        float, typer.Option(min=0.001, help="End the solve after this many seconds.")
    ] = 60.0,
    travel: Annotated[
        Path | None,
        typer.Option(
            help="Drive times between wards (Parquet: from_ward, to_ward, seconds); default: "
            "the embedded ones."
        ),
    ] = None,
    write_model: Annotated[
        Path | None, typer.Option(metavar="FILE.mps", help="Write the solved model for others.")
    ] = None,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine-wards",
            help="Move border wards between neighbouring areas to even out demand (heuristic).",
        ),
    ] = False,
    wards: Wards = None,
    boroughs: Boroughs = None,
    json_file: Json = None,
) -> None:
    """Give every vehicle a default patrol area for the week, with a proven gap.

    Example: `arv allocate --assessment out/week --fleet examples/fleet.toml --out out/week`

    With `--floor 0.35` no borough is covered to less than 35%; `arv compare` says what that costs.
    With `--events events.toml` a match or a carnival adds demand and takes vehicles on its days.

    Writes plan.json, verdict.json (the plan in simulated weeks, beside other placements),
    plan.geojson, map.html and briefing.pdf. An infeasible request ends with exit code 1, says
    why, and writes nothing. On an assessment that rests on handling code C the folder sanitised/
    holds the same areas with every figure and reason from the sanitised assessment.
    """
    folder = read_assessment(assessment)
    models: list[str] = []
    request = weekly.PlacementRequest(
        fleet=read_fleet(fleet),
        fleet_source=file_source(fleet),
        week=week,
        previous=read_plan(previous) if previous else None,
        locks=parse_locks(lock or []),
        excludes=parse_locks(exclude or [], "--exclude"),
        support=parse_locks(support or [], "--support"),
        max_changes=max_changes,
        time_limit_s=time_limit_s,
        on_model=models.append if write_model else None,
        travel=read_travel(travel, folder.assessment) if travel else None,
        settings=PlanSettings(coverage_floor=floor, robust=robust),
        events=read_events(events) if events else (),
    )
    area = weekly.study_area(wards, boroughs)
    with progress_bars() as progress:
        plan = weekly.place(folder, request, progress)
        if refine:
            plan = refine_wards(
                plan,
                folder.assessment,
                request.fleet,
                settings=request.settings,
                travel=request.travel,
            )
        verdict = weekly.judged(plan, folder, request, progress)
        files = weekly.plan_writers(
            plan,
            folder,
            area,
            progress,
            previous=request.previous,
            verdict=verdict,
            fleet_source=request.fleet_source,
        )
        document = plan_document(plan)
        outputs = [Output(out, files), *json_outputs(json_file, document)]
        beside, missing = sanitised_if_needed(
            plan, folder, assessment, request=request, area=area, progress=progress
        )
        if beside:
            outputs.insert(0, Output(out / SANITISED, beside))
        if write_model:
            model = {write_model.name: text_writer(models[-1])}
            outputs.append(Output(write_model.parent, model))
        write_outputs(outputs)
    print_json(json_file, document)
    _say_plan(plan)
    if refine:
        say(refinement_sentence(plan))
    say(verdict_view(verdict).headline)
    if missing:
        say(missing)
    _say_files(out, ["briefing.pdf", "map.html", "plan.json", "verdict.json", "plan.geojson"])


def _say_assessment(assessment: RiskAssessment) -> None:
    top = sorted(assessment.boroughs, key=lambda score: score.rank)[:3]
    names = ", ".join(
        f"{score.name} {score.expected_per_week:.1f} ({score.lower_90:.1f} to {score.upper_90:.1f})"
        for score in top
    )
    say(
        f"{assessment.notice or assessment.classification}: {len(assessment.wards)} wards scored "
        f"as of {assessment.as_of:%d/%m/%Y}. Highest expected incidents a week, with 90% "
        f"intervals: {names}."
    )
    for gap in assessment.data_gaps:
        say(f"Data gap: {gap}")


def _say_plan(plan: PatrolPlan) -> None:
    say(
        f"Plan for {plan.week}: {plan.status}, {len(plan.units)} areas, expected share of demand "
        f"reached within the standard {plan.objective:.4f} (proven bound {plan.bound:.4f}, "
        f"gap {plan.gap:.3%})."
    )


def _say_files(out: Path, names: list[str]) -> None:
    for name in names:
        if (out / name).is_file():
            say(f"  {out / name}")
