"""`arv boundaries`: what the bundled boundaries are, whether yours fit, and the official ones."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api import week as weekly
from api.cli.app import arv, say
from api.cli.options import Boroughs, Json, Wards
from api.cli.progress import progress_bars
from api.files.output import write_json
from hotspots.boundaries.describe import StudyAreaDescription, describe_study_area
from hotspots.boundaries.fetch import OfficialSource, fetch_boundaries

boundaries = typer.Typer(
    help="Ward and borough boundaries: show what is used, check your own, or download the "
    "official ones.\n\nThe bundled boundaries are approximate (derived from postcodes) and "
    "say so wherever they are drawn. Any GeoPackage or GeoJSON in EPSG:27700 with code and "
    "name columns can replace them: pass it as --wards to `arv assess` and `arv allocate`.",
    no_args_is_help=True,
)
arv.add_typer(boundaries, name="boundaries")


@boundaries.command()
def show(*, wards: Wards = None, boroughs: Boroughs = None, json_file: Json = None) -> None:
    """Say what the study area holds, borough by borough; refuse boundaries that cannot be used.

    Without options it describes the bundled boundaries. With --wards it reads and checks
    your own file and names the first thing wrong with it, if anything is.
    """
    description = describe_study_area(weekly.study_area(wards, boroughs))
    if json_file == "-":
        write_json(json_file, asdict(description))
        return
    write_json(json_file, asdict(description))
    Console().print(_table(description))
    for line in description.attribution:
        say(line)


@boundaries.command()
def fetch(
    *,
    out: Annotated[Path, typer.Option(help="Folder to make; it appears whole or not at all.")],
    wards_url: Annotated[
        str | None, typer.Option(help="Layer of the wards, without /query; default: ONS.")
    ] = None,
    boroughs_url: Annotated[
        str | None, typer.Option(help="Layer of the boroughs, without /query; default: ONS.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Take the place of an earlier download.")
    ] = False,
) -> None:
    """Download the official ward and borough boundaries; the one command that needs internet.

    Example: `arv boundaries fetch --out boundaries`, then
    `arv assess --wards boundaries/wards.geojson --boroughs boundaries/boroughs.geojson …`
    """
    source = OfficialSource()
    if wards_url:
        source = replace(source, wards_url=wards_url)
    if boroughs_url:
        source = replace(source, boroughs_url=boroughs_url)
    with progress_bars() as progress:
        area = fetch_boundaries(out, source=source, progress=progress, replace=overwrite)
    say(f"{area.name}: {len(area.wards)} wards, {len(area.boroughs)} boroughs in {out}")
    say(
        f"Use them with --wards {out / 'wards.geojson'} --boroughs {out / 'boroughs.geojson'} "
        "in both `arv assess` and `arv allocate`."
    )


def _table(description: StudyAreaDescription) -> Table:
    exactness = "approximate" if description.approximate else "as supplied"
    table = Table(
        title=f"{description.name} ({exactness})",
        caption=f"{description.wards} wards, {description.wards_policed} policed by the "
        f"Metropolitan Police; {description.area_km2:,.0f} km²",
    )
    table.add_column("Code")
    table.add_column("Borough")
    table.add_column("Wards", justify="right")
    table.add_column("km²", justify="right")
    table.add_column("Drivable neighbours", justify="right")
    table.add_column("Patrolled")
    for row in description.rows:
        table.add_row(
            row.code,
            row.name,
            str(row.wards),
            f"{row.area_km2:.1f}",
            str(len(row.neighbours)),
            "yes" if row.policed else "no (another force)",
        )
    return table
