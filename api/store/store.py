"""The one door to the record: open a store, read a snapshot, write in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from api.store import schema_version
from api.store.database import (
    checked_url,
    has_database_header,
    leave_write_ahead_mode,
    make_engines,
    make_private_file,
    sqlite_path,
)
from api.store.errors import (
    CorruptStoreError,
    OutcomeUnknownError,
    StoreLockedError,
    StoreUnavailableError,
    UnknownDatabaseError,
)
from api.store.faults import error_of, own_errors


@dataclass(frozen=True)
class Store:
    """An open store. Threads may share it; close it when done.

    Attributes
    ----------
    url
        Where it lies.
    writer, reader
        The engines behind :meth:`write` and :meth:`read`.
    """

    url: URL
    writer: Engine
    reader: Engine

    @property
    def kind(self) -> str:
        """Return ``sqlite`` or ``postgresql``."""
        return self.url.get_backend_name()

    @property
    def name(self) -> str:
        """Return the address without its password, for messages."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection in one transaction, committed when the block ends without a fault.

        Writers come one at a time on both databases: what one reads, no other changes before
        its commit. When the block has ended without an exception the change is on disk.

        Raises
        ------
        StoreRefusedError
            The subclass says what happened; the whole transaction was undone, except for
            :class:`OutcomeUnknownError`.
        """
        with self._afresh_after_faults(), self.writer.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except SQLAlchemyError as fault:
                raise _after_commit(fault) from fault

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the store and cannot change it.

        Raises
        ------
        StoreRefusedError
            As :meth:`write`.
        """
        with (
            self._afresh_after_faults(),
            self.reader.connect() as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _afresh_after_faults(self) -> Iterator[None]:
        """Raise the store's own errors; what a full or read-only disk left open is closed.

        A connection opened while the file could not be written would stay so.
        """
        try:
            with own_errors():
                yield
        except StoreLockedError:
            raise
        except (StoreUnavailableError, CorruptStoreError):
            self.close()
            raise

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.writer.dispose()
        self.reader.dispose()


def open_store(url: str | URL, *, upgrade: bool = False, create: bool = True) -> Store:
    """Open the store at an address; an empty database gets the schema.

    Parameters
    ----------
    url
        ``sqlite:////path/to/file`` or ``postgresql://…``; see
        :func:`api.store.database.database_url` for the default.
    upgrade
        True brings an older schema up to date; False refuses it.
    create
        False refuses a database that is not there, or that has no schema yet.

    Returns
    -------
    Store
        Ready to be read and written.

    Raises
    ------
    UnknownDatabaseError, CorruptStoreError
        The address leads to no database of this product.
    NewerSchemaError, OlderSchemaError
        The schema is of another version; the message says what to do.
    StoreUnavailableError
        The database cannot be reached or written.
    """
    address = checked_url(url if isinstance(url, str) else url.render_as_string(False))
    path = sqlite_path(address)
    if path is not None:
        _check_file(path, create=create)
    store = Store(address, *make_engines(address))
    try:
        schema_version.bring_up(store, upgrade=upgrade, create=create)
    except BaseException:
        store.close()
        raise
    return store


def _check_file(path: Path, *, create: bool) -> None:
    try:
        if not path.exists():
            if not create:
                raise UnknownDatabaseError(
                    f"there is no database at {path}",
                    remedy="check the address, or make one with `arv store init`",
                )
            make_private_file(path)
        elif path.stat().st_size and not has_database_header(path):
            raise CorruptStoreError(
                f"{path} is not a SQLite database, or its beginning is damaged",
                remedy="check the address, or restore the last backup with `arv store restore`",
            )
        leave_write_ahead_mode(path)
    except OSError as fault:
        raise StoreUnavailableError(
            f"{path} cannot be opened ({(fault.strerror or str(fault)).lower()})",
            remedy="check the path, its permissions and the free space",
        ) from fault


def _after_commit(fault: SQLAlchemyError) -> Exception:
    """Return what a fault during commit means: undone, or unknown when the connection broke."""
    known = error_of(fault)
    if type(known) is StoreUnavailableError:
        return OutcomeUnknownError(
            "the connection to the database broke while the change was being committed",
            remedy="read the record back: it is either wholly there or not at all",
        )
    return known or fault
