"""Bytes of a feed file: read once, checked against limits, unpacked in memory only."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hotspots.errors import FeedRefusedError
from hotspots.feeds.options import MEBIBYTE, ReadOptions

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PAR1": "parquet",
    b"SQLite format 3\x00": "geopackage",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
}
#: Below this many unpacked bytes a high compression ratio is harmless.
_RATIO_FLOOR_BYTES = 16 * MEBIBYTE

SUFFIXES = {
    ".csv.gz": "gzip",
    ".csv": "csv",
    ".zip": "zip",
    ".parquet": "parquet",
    ".geojson": "geojson",
    ".json": "geojson",
    ".gpkg": "geopackage",
}


@dataclass(frozen=True)
class RawFile:
    """A file as it stands on disk: name without folder, kind of container, bytes, hash."""

    name: str
    kind: str  # csv | gzip | zip | parquet | geojson | geopackage
    content: bytes
    sha256: str


def read_raw(path: Path, options: ReadOptions) -> RawFile:
    """Read the whole file once and recognise its container from suffix and first bytes.

    Raises
    ------
    FeedRefusedError
        The file is missing, no regular file, empty, too large, of an unknown suffix, not
        what its suffix says, or changed while it was read.
    """
    name = path.name
    kind = _kind_of_suffix(name)
    content = _read_unchanged(path, options)
    if not content:
        raise FeedRefusedError(
            "the file is empty", remedy="export the feed again, with its header line", file=name
        )
    found = next((k for magic, k in _MAGIC.items() if content.startswith(magic)), None)
    if found != (None if kind in ("csv", "geojson") else kind):
        looks = found or ("a text file" if b"\x00" not in content[:4096] else "something else")
        raise FeedRefusedError(
            f"the file is named {name!r} but its content is {looks}",
            remedy="export the feed again in the format its name says; from Excel save as "
            "'CSV UTF-8 (comma delimited)'",
            file=name,
        )
    return RawFile(name, kind, content, hashlib.sha256(content).hexdigest())


def _kind_of_suffix(name: str) -> str:
    lowered = name.casefold()
    for suffix, kind in SUFFIXES.items():
        if lowered.endswith(suffix):
            return kind
    raise FeedRefusedError(
        "the suffix is not one a feed can have",
        remedy=f"give a file ending in one of {', '.join(SUFFIXES)}",
        file=name,
        value=Path(name).suffix,
    )


def _read_unchanged(path: Path, options: ReadOptions) -> bytes:
    name = path.name
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            before = os.fstat(stream.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise FeedRefusedError(
                    "this is no regular file", remedy="give the path of a file", file=name
                )
            if before.st_size > options.max_file_bytes:
                raise FeedRefusedError(
                    f"the file has {before.st_size:,} bytes, above the limit of "
                    f"{options.max_file_bytes:,}",
                    remedy="split it by month or raise max_file_bytes",
                    file=name,
                )
            content = stream.read(options.max_file_bytes + 1)
            after = os.fstat(stream.fileno())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FeedRefusedError(
            f"the file cannot be opened ({reason})",
            remedy="check the path and that you may read it",
            file=name,
        ) from error
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not same or len(content) != after.st_size:
        raise FeedRefusedError(
            "the file changed while it was being read",
            remedy="wait until the export has finished, then read it again",
            file=name,
        )
    return content


def gunzip(raw: RawFile, options: ReadOptions) -> bytes:
    """Unpack a gzip file in memory, within the limits of ``options``."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw.content)) as stream:
            return _read_bounded(stream, raw.name, len(raw.content), options)
    except (EOFError, OSError, zlib.error) as error:
        raise FeedRefusedError(
            f"the gzip file is damaged ({error})",
            remedy="copy or download it again",
            file=raw.name,
        ) from error


def unzip_street_files(raw: RawFile, options: ReadOptions) -> tuple[dict[str, bytes], int]:
    """Unpack the ``…-street.csv`` members of a monthly archive, in order of their path.

    Returns
    -------
    dict, int
        Member file name without folder to bytes; how many other members were left alone.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw.content)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            _check_members(members, raw.name, options)
            street = [m for m in members if m.filename.casefold().endswith("-street.csv")]
            return _unpack(archive, street, raw, options), len(members) - len(street)
    except FeedRefusedError:
        raise
    except Exception as error:  # zipfile raises many kinds on a damaged archive
        raise FeedRefusedError(
            f"the zip archive cannot be unpacked ({type(error).__name__}: {error})",
            remedy="download it again, without a password",
            file=raw.name,
        ) from error


def _check_members(members: list[zipfile.ZipInfo], name: str, options: ReadOptions) -> None:
    if len(members) > options.max_archive_members:
        raise FeedRefusedError(
            f"the archive holds {len(members):,} files, above the limit of "
            f"{options.max_archive_members:,}",
            remedy="unpack it and give the street files of the months you need",
            file=name,
        )
    if not any(m.filename.casefold().endswith("-street.csv") for m in members):
        raise FeedRefusedError(
            "the archive holds no file ending in '-street.csv'",
            remedy="download 'street-level crime' from the police.uk archive",
            file=name,
        )


def _unpack(
    archive: zipfile.ZipFile, street: list[zipfile.ZipInfo], raw: RawFile, options: ReadOptions
) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    total = 0
    for member in sorted(street, key=lambda m: m.filename):
        short = member.filename.replace("\\", "/").rsplit("/", 1)[-1]
        if short in contents:
            raise FeedRefusedError(
                f"the archive holds two files named {short!r}",
                remedy="keep one file for each force and month",
                file=raw.name,
            )
        with archive.open(member) as stream:
            contents[short] = _read_bounded(
                stream, short, max(member.compress_size, 1), options, already=total
            )
        total += len(contents[short])
    return contents


def _read_bounded(
    stream: IO[bytes] | gzip.GzipFile,
    name: str,
    packed_bytes: int,
    options: ReadOptions,
    already: int = 0,
) -> bytes:
    limit = options.max_decompressed_bytes - already
    pieces: list[bytes] = []
    size = 0
    while piece := stream.read(MEBIBYTE):
        pieces.append(piece)
        size += len(piece)
        ratio = size / packed_bytes
        if size > limit or (size > _RATIO_FLOOR_BYTES and ratio > options.max_compression_ratio):
            raise FeedRefusedError(
                f"the file unpacks to more than {size:,} bytes, {ratio:,.0f} times its packed "
                f"size; the limits are {options.max_decompressed_bytes:,} bytes and "
                f"{options.max_compression_ratio:,.0f} times",
                remedy="check that it is a feed and not a decompression bomb, or split it",
                file=name,
            )
    return b"".join(pieces)
