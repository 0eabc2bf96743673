"""`arv equality`: what a plan means for the residents of areas, beside the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import arv, say
from api.cli.options import Json
from api.files.assessment_folder import read as read_assessment
from api.files.output import write_json
from api.plans.equality import equality_statement
from api.plans.equality_table import MOST_BYTES, read_area_table
from api.plans.file import read_plan
from hotspots.feeds.whole_file import read_whole


@arv.command()
def equality(
    *,
    plan: Annotated[Path, typer.Option(help="plan.json of the plan.")],
    assessment: Annotated[Path, typer.Option(help="Folder of the assessment it was made from.")],
    areas: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="area_code, population, characteristic, group, share; one row a group of an "
            "area. Without it the plan is 'not assessed'.",
        ),
    ] = None,
    json_file: Json = None,
) -> None:
    """State coverage, patrol and expected incidents where groups of residents live.

    The table is used for this statement alone: it reaches no score and no placement. Areas
    without a row are named, never filled in.

    Example: `arv equality --plan out/plan.json --assessment out --areas census.csv --json -`
    """
    folder = read_assessment(assessment)
    table = None
    if areas is not None:
        content = read_whole(areas, max_bytes=MOST_BYTES)
        table = read_area_table(content, areas.name, folder.assessment)
    statement = equality_statement(read_plan(plan), folder.assessment, table)
    write_json(json_file, statement)
    if json_file != "-":
        for sentence in statement["words"]:
            say(sentence)
