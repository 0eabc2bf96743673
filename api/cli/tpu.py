"""`arv tpu`: roster the Trojan Proactive Unit over the coming days."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Annotated

import typer

from allocator.tpu.request import Override, TpuRefusedError
from allocator.tpu.roster import document
from allocator.tpu.tasking import EPSILON, MAX_EPSILON, roster_week
from api.briefing.tpu_paper import render_roster_pdf
from api.calendar_day import parse_day
from api.cli.app import arv, say
from api.cli.options import Json
from api.files.assessment_folder import read as read_assessment
from api.files.output import (
    Output,
    bytes_writer,
    json_outputs,
    json_text,
    print_json,
    text_writer,
    write_outputs,
)
from api.files.tables import csv_text
from api.files.tpu_file import read_requests, read_roster, with_overrides
from api.files.tpu_tables import roster_lines, roster_table

#: A seed nobody chose: enough that it cannot be tried out by hand, short enough to read aloud.
SEED_BITS = 32
OVERRIDE = re.compile(r"(?P<team>[A-Z0-9-]+)=(?P<day>[0-9/-]+):(?P<tasking>E09\d{6}|rest)")


@arv.command("tpu")
def tpu_command(
    *,
    assessment: Annotated[Path, typer.Option(help="Folder that `arv assess` wrote.")],
    requests: Annotated[
        Path, typer.Option(help="Request file (TOML): teams, rules, requests, absences.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if missing.")],
    first_day: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="First day; the assessment's date if absent."),
    ] = None,
    days: Annotated[int, typer.Option(help="Days of the roster.")] = 7,
    published: Annotated[
        Path | None,
        typer.Option(help="The tpu_roster.json in force: its days inside the lead stay."),
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option(help="TEAM=DATE:E09… or TEAM=DATE:rest alters a frozen day; repeat for more."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why the overrides are made; recorded.")] = "",
    actor: Annotated[str, typer.Option(help="Who makes the overrides, by office; recorded.")] = "",
    seed: Annotated[
        int | None, typer.Option(help="Seed of the draw; without one it is drawn and recorded.")
    ] = None,
    epsilon: Annotated[
        float,
        typer.Option(help=f"Share of the best to give up for unpredictability, 0-{MAX_EPSILON}."),
    ] = EPSILON,
    time_limit_s: Annotated[
        float, typer.Option(min=0.001, help="End each solve after this many seconds.")
    ] = 20.0,
    json_file: Json = None,
) -> None:
    """Roster the Trojan Proactive Unit: who goes to which borough on which day, and why.

    Example: `arv tpu --assessment out/week --requests examples/tpu.toml --out out/tpu`

    Meets as many requests as duty allows, then visits as much expected risk as possible (proven
    best), drawn at random among the rosters within epsilon of that best. Set-piece tactics are
    only ever proposed, with mobile patrol until they are authorised elsewhere. Tomorrow, give
    today's result as `--published`: the first days stay as told.

    Writes tpu_roster.json, tpu_roster.csv and tpu_roster.pdf, and prints the roster.
    """
    scored = read_assessment(assessment).assessment
    start = parse_day(first_day, "--from") if first_day else scored.as_of
    request = read_requests(requests, first_day=start, n_days=days)
    request = with_overrides(request, parse_overrides(override or [], reason, actor))
    in_force = read_roster(published) if published else None
    roster = roster_week(
        scored,
        request,
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        epsilon=epsilon,
        published=in_force,
        time_limit_s=time_limit_s,
    )
    body = document(roster)
    files = {
        "tpu_roster.csv": text_writer(csv_text(roster_table(roster))),
        "tpu_roster.pdf": bytes_writer(render_roster_pdf(roster, scored)),
        "tpu_roster.json": text_writer(json_text(body)),
    }
    write_outputs([Output(out, files), *json_outputs(json_file, body)])
    print_json(json_file, body)
    lines = roster_lines(roster)
    if json_file == "-":
        for line in lines:
            say(line)
    else:
        typer.echo("\n".join(lines))


def parse_overrides(texts: list[str], reason: str, actor: str) -> tuple[Override, ...]:
    """Return the overrides of ``TEAM=DATE:E09…`` texts, all with the one reason and actor."""
    found = []
    for text in texts:
        match = OVERRIDE.fullmatch(text.strip())
        if match is None:
            raise TpuRefusedError(
                f"--override {text[:80]!r} is not of the form TEAM=DATE:E09… or TEAM=DATE:rest",
                remedy="write for example --override TPU-A=2026-11-23:E09000012",
            )
        day = parse_day(match["day"], "--override")
        found.append(Override(day, match["team"], match["tasking"], reason, actor))
    return tuple(found)
