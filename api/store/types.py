"""Column types that mean the same on both databases: UTC times, canonical JSON, geometry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, UserDefinedType

from api.store.errors import RecordRefusedError

SRID = 27700

#: A whole number that a database counts up; SQLite wants its own word for it.
WHOLE = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """A moment: aware in, UTC in the database, aware UTC out. Microseconds are kept."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC; a time without an offset is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise RecordRefusedError(
                "a time without an offset cannot be stored",
                remedy="give an aware time, for example datetime.now(UTC)",
                value=value.isoformat(),
            )
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment as aware UTC."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


class CanonicalJson(TypeDecorator[Any]):
    """A JSON value kept as its canonical text, so that its digest can always be checked."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - the signature of the library
        """Return the canonical text."""
        return None if value is None else canonical_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - as above
        """Return the JSON value."""
        return None if value is None else json.loads(value)


class NationalGrid(UserDefinedType[BaseGeometry]):
    """A shape in EPSG:27700: PostGIS ``geometry``, or well-known binary in SQLite.

    Parameters
    ----------
    kind
        ``Point`` or ``MultiPolygon``.
    """

    cache_ok = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def bind_processor(self, dialect: Dialect) -> Callable[[BaseGeometry | None], Any]:
        """Return what turns a shape into the database's own form."""
        postgis = dialect.name == "postgresql"

        def process(value: BaseGeometry | None) -> str | bytes | None:
            if value is None:
                return None
            if postgis:
                return str(
                    shapely.to_wkb(shapely.set_srid(value, SRID), hex=True, include_srid=True)
                )
            return bytes(shapely.to_wkb(value))

        return process

    def result_processor(
        self,
        dialect: Dialect,  # noqa: ARG002 - the signature of the library
        coltype: object,  # noqa: ARG002 - as above
    ) -> Callable[[Any], BaseGeometry | None]:
        """Return what turns the database's form into a shape."""

        def process(value: str | bytes | None) -> BaseGeometry | None:
            return None if value is None else shapely.from_wkb(value)

        return process


@compiles(NationalGrid, "sqlite")
def _sqlite_geometry(_type: NationalGrid, _compiler: Any, **_options: Any) -> str:
    return "BLOB"


@compiles(NationalGrid, "postgresql")
def _postgis_geometry(kind: NationalGrid, _compiler: Any, **_options: Any) -> str:
    return f"geometry({kind.kind},{SRID})"


def canonical_text(value: object) -> str:
    """Return the one text of a JSON value: keys sorted, no blanks, UTF-8, no NaN.

    Raises
    ------
    RecordRefusedError
        When the value is not JSON.
    """
    try:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError, RecursionError) as fault:
        raise RecordRefusedError(
            f"the document is not JSON ({str(fault)[:120]})",
            remedy="give plain objects, lists, texts and finite numbers",
        ) from fault


def digest(text: str | bytes) -> str:
    """Return the SHA-256 of a text (as UTF-8) or of bytes, in 64 hexadecimal digits."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()
