"""What every `arv store` command shares: which store, who acts, and the record of both."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.audit.entry import clipped
from api.audit.log import Record
from api.audit.signing import open_signer
from api.settings import data_directory
from api.store.database import database_url
from api.store.store import open_store

Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="sqlite:////path/to/file or postgresql://user@host/name; default: "
        "ARV_DATABASE_URL, or arv.sqlite3 in the data directory.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Data directory; default: ARV_DATA_DIR, or your own."),
]
ActorName = Annotated[
    str | None, typer.Option("--actor", help="Who acts, for the record; default: your account.")
]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; recorded.")]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Also write the result as JSON; - is stdout."),
]


def actor_name(given: str | None) -> str:
    """Return who acts: the name given, or the account of this machine."""
    return clipped(given.strip() if given else f"local:{_account()}", 128)


def address(database: str | None, data: Path | None) -> tuple[str, Path]:
    """Return the store's address, with its password, and the data directory."""
    folder = data_directory(data)
    return database_url(database, folder).render_as_string(hide_password=False), folder


@contextmanager
def opened_record(database: str | None, data: Path | None) -> Iterator[Record]:
    """Yield the store with its audit record; a store that is not there is refused."""
    url, folder = address(database, data)
    store = open_store(url, create=False)
    try:
        yield Record(store, open_signer(folder), folder)
    finally:
        store.close()


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return "unknown"
