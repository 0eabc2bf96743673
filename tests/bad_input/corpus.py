"""The corpus of bad input: every named fault as code that writes it, and the words it must draw.

Nothing is kept in the repository: each fault is written into an empty folder when it is wanted.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from tests.bad_input import good_files as good
from tests.unit.feed_files import MEETING_HEADER, STREET_HEADER, meeting_line, street_line

Make = Callable[[Path], Path]
STREET = "2017-06-metropolitan-street.csv"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
GIGABYTE = 2**30
DEEP = b"[" * 100_000 + b"]" * 100_000
#: Which reader a fault is for; see ``commands`` for the command line of each.
DOORS = ("incidents", "counts", "sidecar", "events", "boundary", "wards", "fleet", "policy",
         "plan", "assessment")  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One bad input: its name, the reader it is for, how to write it, and words to expect."""

    name: str
    door: str
    make: Make
    words: tuple[str, ...]
    upload: bool = True  # can be sent over HTTP as a file

    @property
    def label(self) -> str:
        """Return the name of the case."""
        return f"{self.door}: {self.name}"


Content = bytes | str | Callable[[], bytes]


def fault(door: str, name: str, file: str, content: Content, *words: str) -> Fault:
    """Return a fault that is one file; content that takes time to make is made when wanted."""

    def make(folder: Path) -> Path:
        path = folder / file
        data = content() if callable(content) else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return Fault(name, door, make, words)


def sparse(file: str, size: int, head: bytes = b"") -> Make:
    """Return a maker of a huge file that takes no room on the disk."""

    def make(folder: Path) -> Path:
        path = folder / file
        with path.open("wb") as stream:
            stream.write(head)
            stream.truncate(size)
        return path

    return make


def pipe(file: str) -> Make:
    """Return a maker of a pipe nobody writes to: whoever waits for it waits for ever."""

    def make(folder: Path) -> Path:
        os.mkfifo(folder / file)
        return folder / file

    return make


def folder_named(file: str) -> Make:
    """Return a maker of a folder that has the name of a file."""

    def make(folder: Path) -> Path:
        (folder / file).mkdir()
        return folder / file

    return make


def meeting(*lines: str, header: str = MEETING_HEADER) -> str:
    """Return a meeting feed of one sound row and the given ones."""
    return "\n".join([header, meeting_line("R1"), *lines, ""])


def street(*lines: str) -> str:
    """Return a street file of one sound row and the given ones."""
    return "\n".join([STREET_HEADER, street_line("a"), *lines, ""])


def counts(**changes: str) -> str:
    """Return long counts of one sound row and one with some cells changed."""
    header, first = good.counts_csv().decode().splitlines()[:2]
    row = dict(zip(header.split(","), first.split(","), strict=True)) | {"month": "2026-07"}
    return "\n".join([header, first, ",".join((row | changes).values()), ""])


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """Return a zip archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members:
            target.writestr(name, content)
    return packed.getvalue()


def encrypted() -> bytes:
    """Return an archive whose members say that they need a password."""
    content = bytearray(good.street_zip())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + offset] |= 1
    return bytes(content)


def symlink() -> bytes:
    """Return an archive whose street file is a link to a file of the machine."""
    link = zipfile.ZipInfo(STREET)
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return archive((link, b"/etc/passwd"))


def parquet_of(table: pa.Table) -> bytes:
    """Return a table as Parquet."""
    packed = io.BytesIO()
    pq.write_table(table, packed)
    return packed.getvalue()


def parquet_bomb() -> bytes:
    """Return some kilobytes of Parquet that hold one text of 64 KiB forty thousand times."""
    once = pa.array(["x" * 65_536])
    many = pa.DictionaryArray.from_arrays(pa.array(np.zeros(40_000, dtype=np.int32)), once)
    return parquet_of(pa.table({"record_id": many, "source": many}))


def parquet_with(column: str, values: pa.Array) -> bytes:
    """Return the meeting's Parquet with the values of a column replaced."""
    table = pq.read_table(io.BytesIO(good.parquet(good.meeting_csv())))
    at = table.schema.get_field_index(column)
    return parquet_of(table.set_column(at, column, values))


def features(*geometries: object, **properties: str) -> bytes:
    """Return a GeoJSON feed with the given geometries."""
    plain = {"source": "crimint", "category": "intelligence_firearm", "basis": "reported",
             "occurred_at": "2026-11-20"}  # fmt: skip
    found = [
        {
            "type": "Feature",
            "properties": {"record_id": f"R{n}", **plain, **properties},
            "geometry": geometry,
        }
        for n, geometry in enumerate(geometries)
    ]  # fmt: skip
    return good.compact_json({"type": "FeatureCollection", "features": found})


POINT = {"type": "Point", "coordinates": [-0.12, 51.5]}


def polygons(*rings: object, crs: str = "EPSG:27700", **properties: str) -> bytes:
    """Return a GeoJSON of polygons, each a ward of Camden, in a declared system."""
    found = [
        {
            "type": "Feature",
            "properties": {"ward_code": f"E0500000{n}", "ward_name": f"Ward {n}",
                           "borough_code": "E09000007", **properties},
            "geometry": None if ring is None else {"type": "Polygon", "coordinates": [ring]},
        }
        for n, ring in enumerate(rings)
    ]  # fmt: skip
    declared = {"type": "name", "properties": {"name": crs}}
    return good.compact_json({"type": "FeatureCollection", "crs": declared, "features": found})


def square(x: float, y: float, side: float = 1000.0) -> list[list[float]]:
    """Return the ring of a square."""
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def circle(vertices: int, radius_m: float = 2000.0) -> NDArray[np.float64]:
    """Return a ring of very many vertices in the middle of London, shape (vertices + 1, 2)."""
    angle = np.arange(vertices, dtype=np.float64) * (2 * np.pi / vertices)
    ring = np.column_stack([530_000 + radius_m * np.cos(angle), 180_000 + radius_m * np.sin(angle)])
    closed: NDArray[np.float64] = np.vstack([ring, ring[:1]])
    return closed


def large_circle(vertices: int, table: gpd.GeoDataFrame) -> bytes:
    """Return the first row of a layer as GeoPackage, its polygon one of very many vertices."""
    one = table.to_crs(27700).head(1)
    return good.vector_bytes(one.set_geometry([shapely.Polygon(circle(vertices))]), ".gpkg")


def comb(vertices: int) -> list[list[float]]:
    """Return a ring that crosses itself thousands of times."""
    x = np.resize([530_000.0, 532_000.0], vertices)
    y = 180_000.0 + np.arange(vertices) % 997
    ring = np.column_stack([x, y]).tolist()
    return [*ring, ring[0]]


def virtual_dataset() -> str:
    """Return text that GDAL takes for a data set and that names a file of the machine."""
    return (
        '<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>/etc/secret.geojson'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )


def geopackage_with(statement: str) -> Make:
    """Return a maker of the wards' GeoPackage with one more statement run in it."""

    def make(folder: Path) -> Path:
        import sqlite3

        path = folder / "wards.gpkg"
        path.write_bytes(good.vector_bytes(good.toy_wards(), ".gpkg"))
        with sqlite3.connect(path) as database:
            database.execute(statement)
        database.close()
        return path

    return make


def sidecar(name: str, content: bytes | str, *words: str) -> Fault:
    """Return a fault in the coverage file beside a sound feed."""
    data = content.encode() if isinstance(content, str) else content

    def make(folder: Path) -> Path:
        (folder / "week.coverage.csv").write_bytes(data)
        path = folder / "week.csv"
        path.write_bytes(good.meeting_csv())
        return path

    return Fault(name, "sidecar", make, words)


def assessment(name: str, change: Callable[[Path], None], *words: str) -> Fault:
    """Return a fault in an otherwise sound assessment folder."""

    def make(folder: Path) -> Path:
        path = folder / "assessed"
        path.mkdir()
        for file, content in good.assessment_files().items():
            (path / file).write_bytes(content)
        change(path)
        return path

    return Fault(name, "assessment", make, words, upload=False)


def edited(file: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a change of one file of a folder."""

    def change(folder: Path) -> None:
        (folder / file).write_bytes(edit((folder / file).read_bytes()))

    return change


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    """Return an edit that replaces the first occurrence of a text, which must be there."""

    def edit(content: bytes) -> bytes:
        if old.encode() not in content:
            raise ValueError(f"{old!r} is not in the sound file")
        return content.replace(old.encode(), new.encode(), 1)

    return edit


def piped(file: str) -> Callable[[Path], None]:
    """Return a change that puts a pipe in the place of a file."""

    def change(folder: Path) -> None:
        (folder / file).unlink()
        os.mkfifo(folder / file)

    return change


def grown(file: str, size: int) -> Callable[[Path], None]:
    """Return a change that makes a file huge with zeros that take no room on the disk."""

    def change(folder: Path) -> None:
        os.truncate(folder / file, size)

    return change


def emptied(column: str, value: float) -> Callable[[bytes], bytes]:
    """Return an edit that puts a value into the first row of a Parquet column."""

    def edit(content: bytes) -> bytes:
        table = pq.read_table(io.BytesIO(content))
        values = table.column(column).to_numpy().copy()
        values[0] = value
        at = table.schema.get_field_index(column)
        return parquet_of(table.set_column(at, column, pa.array(values)))

    return edit


def gz(content: bytes) -> bytes:
    """Return gzip with no time in it."""
    return gzip.compress(content, mtime=0)


def json_with(content: bytes, **changes: object) -> bytes:
    """Return a JSON object with some members replaced."""
    return json.dumps({**json.loads(content), **changes}).encode()
