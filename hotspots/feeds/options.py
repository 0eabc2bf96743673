"""What a caller may ask of a reader, and the limits that keep a hostile file harmless."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hotspots.errors import InputRefusedError

MEBIBYTE = 2**20


@dataclass(frozen=True)
class ReadOptions:
    """How to read a feed.

    Attributes
    ----------
    on_rejected
        ``"refuse"``: the first malformed row refuses the whole file, naming row, value and
        remedy. ``"report"``: malformed rows are collected in ``FeedReading.rejected``. Rows
        a public format cannot place by its nature (no location, not-known area) never
        refuse a file; they are collected in either mode, marked ``expected``.
    drop_personal_columns
        Drop columns that look like personal data instead of refusing the file.
    outside_tolerance_m
        Metres a point may lie outside the study area and still be accepted: anonymised
        points are moved and boundaries generalised. The farthest in the public street
        files of 2017 lies 85 m outside.
    max_file_bytes, max_json_bytes, max_decompressed_bytes, max_compression_ratio, max_rows, \
max_columns, max_cells, max_archive_members
        Limits; a file beyond one is refused before it can exhaust memory. JSON takes some ten
        times its size when parsed; ``max_cells`` bounds rows times columns.
    """

    on_rejected: Literal["refuse", "report"] = "refuse"
    drop_personal_columns: bool = False
    outside_tolerance_m: float = 250.0
    max_file_bytes: int = 512 * MEBIBYTE
    max_json_bytes: int = 64 * MEBIBYTE
    max_decompressed_bytes: int = 1024 * MEBIBYTE
    max_compression_ratio: float = 300.0
    max_rows: int = 5_000_000
    max_columns: int = 2_000
    max_cells: int = 100_000_000
    max_archive_members: int = 2_000

    def __post_init__(self) -> None:
        """Refuse options that are not numbers a limit can be."""
        if self.on_rejected not in ("refuse", "report"):
            raise InputRefusedError(
                f"on_rejected is {self.on_rejected!r}", remedy="use 'refuse' or 'report'"
            )
        limits = {
            "max_file_bytes": self.max_file_bytes,
            "max_json_bytes": self.max_json_bytes,
            "max_decompressed_bytes": self.max_decompressed_bytes,
            "max_compression_ratio": self.max_compression_ratio,
            "max_rows": self.max_rows,
            "max_columns": self.max_columns,
            "max_cells": self.max_cells,
            "max_archive_members": self.max_archive_members,
        }
        for name, limit in limits.items():
            if not limit > 0:
                raise InputRefusedError(
                    f"the limit {name} is {limit!r}", remedy="give a number above 0"
                )
        if not 0 <= self.outside_tolerance_m <= 10_000:
            raise InputRefusedError(
                f"outside_tolerance_m is {self.outside_tolerance_m!r}",
                remedy="give metres between 0 and 10,000",
            )
