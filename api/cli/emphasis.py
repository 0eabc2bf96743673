"""`arv emphasis`: which wards of its area each vehicle emphasises in every shift of the week."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from allocator.shift_emphasis import SHIFTS, WeekEmphasis, document, emphasise
from api.cli.app import arv, say
from api.cli.options import Json
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import Output, json_outputs, json_text, print_json, text_writer, write_outputs
from api.files.tables import csv_text
from api.plans.file import read_plan
from api.wording import week_in_words

SEED_BITS = 32


@arv.command()
def emphasis(
    *,
    plan: Annotated[Path, typer.Option(help="The plan.json of the week.")],
    assessment: Annotated[Path, typer.Option(help="Folder that `arv assess` wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if missing.")],
    fleet: Annotated[
        Path | None, typer.Option(help="Fleet file (TOML), for the weekdays each unit works.")
    ] = None,
    shift: Annotated[
        list[str] | None,
        typer.Option(help="A shift of the day, in order; repeat for more. Early, late, night."),
    ] = None,
    wards_per_shift: Annotated[
        int | None, typer.Option(help="Wards to emphasise in a shift; worked out if absent.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the draw; without one it is drawn and recorded.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Draw the wards that each vehicle emphasises within its default area, shift by shift.

    Example: `arv emphasis --plan out/week/plan.json --assessment out/week --out out/emphasis`

    The default areas stay as planned. Every ward of an area is emphasised at least once in the
    week, and more often the more incidents are expected there; which shift, nobody can foretell
    without the seed. Writes shift_emphasis.json and shift_emphasis.csv.
    """
    on_duty = {unit.unit_id: unit.on_duty for unit in read_fleet(fleet).units} if fleet else None
    result = emphasise(
        read_plan(plan),
        read_assessment(assessment).assessment,
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        shift_names=tuple(shift or SHIFTS),
        wards_per_shift=wards_per_shift,
        on_duty=on_duty,
    )
    body = document(result)
    files = {
        "shift_emphasis.csv": text_writer(csv_text(table(result))),
        "shift_emphasis.json": text_writer(json_text(body)),
    }
    write_outputs([Output(out, files), *json_outputs(json_file, body)])
    print_json(json_file, body)
    for line in lines(result):
        say(line)


def table(result: WeekEmphasis) -> pd.DataFrame:
    """Return one row a vehicle, shift and ward, with the marking of the assessment."""
    rows = [
        {
            "unit_id": unit.unit_id,
            "date": shift.day.isoformat(),
            "shift": shift.shift,
            "ward": ward.code,
            "name": ward.name,
            "expected_per_week": round(ward.expected_per_week, 6),
            "shifts_in_week": ward.shifts,
            "emphasis_id": result.emphasis_id,
            "plan_id": result.plan_id,
            "classification": result.classification,
            "notice": result.notice,
        }
        for unit in result.units
        for shift in unit.shifts
        for ward in unit.wards
        if ward.code in shift.wards
    ]
    return pd.DataFrame(rows)


def lines(result: WeekEmphasis) -> list[str]:
    """Return what a planner reads first: a line a vehicle."""
    marking = " ".join(filter(None, (result.classification, result.notice)))
    head = f"{marking}  Emphasis within default areas, {week_in_words(result.week)}"
    told = [f"{head}, drawn with seed {result.seed}:"]
    for unit in result.units:
        most = max(unit.wards, key=lambda ward: (ward.shifts, ward.expected_per_week))
        told.append(
            f"{unit.unit_id}: {unit.wards_per_shift} of {len(unit.wards)} wards in each of "
            f"{len(unit.shifts)} shifts; most often {most.name} ({most.shifts} shifts, so a guess "
            f"at it is right {most.chance:.0%} of the time)."
        )
    return told
