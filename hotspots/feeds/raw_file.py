"""Bytes of a feed file: read once, checked against limits, unpacked in memory only."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hotspots.errors import FeedRefusedError
from hotspots.feeds.options import MEBIBYTE, ReadOptions
from hotspots.feeds.whole_file import read_whole, shown_name

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
    name = shown_name(path)
    kind = _kind_of_suffix(name)
    content = read_whole(
        path,
        max_bytes=_size_limit(kind, options),
        too_large=f"split it by month or raise {_limit_name(kind)}",
        check_head=lambda head: _refuse_nonsense(name, kind, head),
    )
    return RawFile(name, kind, content, hashlib.sha256(content).hexdigest())


def _limit_name(kind: str) -> str:
    return "max_json_bytes" if kind == "geojson" else "max_file_bytes"


def _size_limit(kind: str, options: ReadOptions) -> int:
    if kind == "geojson":
        return min(options.max_json_bytes, options.max_file_bytes)
    return options.max_file_bytes


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


def _refuse_nonsense(name: str, kind: str, head: bytes) -> None:
    """Refuse by its first bytes what is not the container or the text that its suffix says."""
    if not head:
        raise FeedRefusedError(
            "the file is empty", remedy="export the feed again, with its header line", file=name
        )
    found = next((k for magic, k in _MAGIC.items() if head.startswith(magic)), None)
    if found != (None if kind in ("csv", "geojson") else kind):
        looks = found or ("a text file" if b"\x00" not in head[:4096] else "something else")
        raise FeedRefusedError(
            f"the file is named {name!r} but its content is {looks}",
            remedy="export the feed again in the format its name says; from Excel save as "
            "'CSV UTF-8 (comma delimited)'",
            file=name,
        )
    if kind in ("csv", "geojson"):
        refuse_nul(head, name)


def refuse_nul(content: bytes, name: str) -> None:
    """Refuse text with NUL bytes, unless a byte-order mark says why it has them."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    if (at := content.find(b"\x00")) >= 0:
        raise FeedRefusedError(
            f"the text holds a NUL byte at position {at:,}: it is not text or is damaged",
            remedy="export the feed again as CSV UTF-8",
            file=name,
        )


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
