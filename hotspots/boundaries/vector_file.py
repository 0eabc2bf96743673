"""Name a boundary file for GDAL so that only the driver meant for it can open it.

GDAL knows some sixty formats and goes by content: a file named ``.geojson`` may be a virtual
dataset that reads another file of the machine or fetches an address of a network. Only
GeoPackage tables and GeoJSON text are let through.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hotspots.errors import BoundaryRefusedError

_SQLITE = b"SQLite format 3\x00"
#: Modules of virtual tables that GeoPackage itself asks for (spatial index).
_INDEX_MODULES = ("rtree",)
_REMEDY = "give a GeoPackage or GeoJSON file of polygons that a GIS can open"


@contextmanager
def steady_source(path: Path, max_bytes: int) -> Iterator[str]:
    """Yield the name under which GDAL opens a file with its own driver alone.

    Parameters
    ----------
    path
        GeoPackage or GeoJSON, told apart by content.
    max_bytes
        Limit on the size of the file.

    Raises
    ------
    BoundaryRefusedError
        The file cannot be opened, is no regular file, too large, neither of the two formats,
        a GeoPackage that computes its content, or changed before the ``with`` block ended.
    """
    before, head = _look(path)
    if before.st_size > max_bytes:
        raise BoundaryRefusedError(
            f"the file has {before.st_size:,} bytes (bound {max_bytes:,})",
            file=path.name,
            remedy="give generalised boundaries of the study area alone",
        )
    if head.startswith(_SQLITE):
        _refuse_computed(path)
        source = str(path)
    elif head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        source = f"GeoJSON:{path}"
    else:
        shown = "empty" if not head else "neither of the two formats"
        raise _refusal(path, f"this is not a geometry file (its content is {shown})")
    with gdal_silenced():
        yield source
    after = path.stat()
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (
        after.st_size, after.st_mtime_ns, after.st_ino,
    ):  # fmt: skip
        raise BoundaryRefusedError(
            "the file changed while it was being read",
            file=path.name,
            remedy="wait until the export has finished, then read it again",
        )


@contextmanager
def gdal_silenced() -> Iterator[None]:
    """Keep GDAL's remarks (an unclosed ring, an odd extension) off standard error.

    What matters of them is checked on the polygons themselves.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        yield


def _look(path: Path) -> tuple[os.stat_result, bytes]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise _refusal(path, "this is no regular file")
            return found, stream.read(4096)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BoundaryRefusedError(
            f"the file cannot be opened ({reason})",
            file=path.name,
            remedy="check the path and that you may read it",
        ) from error


def _refuse_computed(path: Path) -> None:
    """Refuse a database with views, computed columns or foreign virtual tables.

    Reading those runs what the file's author wrote: endless work, or other files.
    """
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            computed = computed_part(database)
    except sqlite3.Error as error:
        raise _refusal(path, f"this is not a geometry file ({error})") from error
    if computed:
        raise BoundaryRefusedError(
            f"the GeoPackage holds the {computed}, which would have to be run to be read",
            file=path.name,
            remedy="export the layer itself to a new GeoPackage",
        )


def computed_part(database: sqlite3.Connection) -> str:
    """Return what in a database is computed when read (a view, …), or ``""``."""
    found = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    for kind, name, text in found:
        if kind == "view":
            return f"view {name}"
        statement = " ".join(str(text or "").casefold().split())
        if kind == "table" and statement.startswith("create virtual"):
            if not any(f"using {module}" in statement for module in _INDEX_MODULES):
                return f"virtual table {name}"
        elif kind == "table":
            columns = database.execute("SELECT hidden FROM pragma_table_xinfo(?)", (name,))
            if any(hidden in (2, 3) for (hidden,) in columns):
                return f"computed column of {name}"
    return ""


def gdal_words(error: Exception) -> str:
    """Return what GDAL says is wrong, short, and without its configuration options."""
    if "too complex/large" in str(error):
        return "one polygon has more vertices than are read from GeoJSON, some 150,000"
    return str(error)[:120]


def _refusal(path: Path, problem: str) -> BoundaryRefusedError:
    return BoundaryRefusedError(problem, file=path.name, remedy=_REMEDY)
