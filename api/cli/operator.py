"""Who works at this machine's command line, and the options that say where the record lies."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from api.access import Actor, Role

DataDir = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data directory; default: ARV_DATA_DIR, or yours."),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Address of the store; default: ARV_DATABASE_URL, or a file in the data directory.",
    ),
]


def operator() -> Actor:
    """Return the person at this machine, who holds its files and so administers accounts.

    The name in the record has a colon, which no account has: nobody can pass for the other.
    """
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container without a password file
        login = "unnamed"
    return Actor(f"operator:{login}"[:120], frozenset({Role.ADMINISTRATOR}), "console")
