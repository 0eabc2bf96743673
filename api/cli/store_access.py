"""What every `arv store` command shares: which store, who acts, and the record of both."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from api.audit.entry import clipped
from api.audit.log import Record
from api.cli.operator import Database, DataDir, operator
from api.record_folder import open_record
from api.settings import data_directory
from api.store.database import database_url

ActorName = Annotated[
    str | None, typer.Option("--actor", help="Who acts, for the record; default: your account.")
]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; recorded.")]

__all__ = [
    "ActorName",
    "DataDir",
    "Database",
    "Reason",
    "actor_name",
    "address",
    "opened_record",
]


def actor_name(given: str | None) -> str:
    """Return who acts: the name given, marked as given here, or the account of this machine."""
    account = operator().name
    return clipped(f"{account} for {given.strip()}", 128) if given else account


def address(database: str | None, data: Path | None) -> tuple[str, Path]:
    """Return the store's address, with its password, and the data directory."""
    folder = data_directory(data)
    return database_url(database, folder).render_as_string(hide_password=False), folder


def opened_record(database: str | None, data: Path | None) -> AbstractContextManager[Record]:
    """Open the store with its audit record; a store that is not there is refused."""
    return open_record(data_directory(data), database, create=False)
