"""Options that several commands share, each with the one help text it has everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsOf = Annotated[
    str, typer.Option(help="First day not yet known, for example 2026-11-23 or 23/11/2026.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if missing.")]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Also write the result as JSON; - is stdout."),
]
Incidents = Annotated[
    list[Path] | None,
    typer.Option(help="A file of records; repeat for more. police.uk or the meeting's format."),
]
Counts = Annotated[
    list[Path] | None,
    typer.Option(help="A file of ward-month or borough-month counts; repeat for more."),
]
Policy = Annotated[
    Path | None, typer.Option(help="Evidence policy (TOML); default: the bundled one.")
]
Wards = Annotated[
    Path | None,
    typer.Option(help="Your own ward boundaries (GeoPackage or GeoJSON, EPSG:27700)."),
]
Boroughs = Annotated[
    Path | None, typer.Option(help="Your own borough boundaries; default: the wards, dissolved.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the posterior draws.")]
Classification = Annotated[str, typer.Option(help="Marking carried by every output.")]
ReportRejected = Annotated[
    bool,
    typer.Option(
        "--report-rejected",
        help="Go on past refused rows and list them, instead of stopping.",
    ),
]
