"""Small feed files in their real layouts, for the tests of the readers."""

from __future__ import annotations

from pathlib import Path

MEETING_HEADER = (
    "record_id,source,category,basis,occurred_at,occurred_from,occurred_to,known_at,easting,"
    "northing,longitude,latitude,area_code,source_grade,information_grade,handling_code,"
    "corrects,correction,notice"
)
STREET_HEADER = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,"
    "Crime type,Last outcome category,Context"
)
_MEETING_DEFAULTS = {
    "source": "reported_shooting",
    "category": "firearm_discharged",
    "basis": "reported",
    "occurred_at": "2026-11-20T21:15",
    "easting": "530034",
    "northing": "180381",
    "notice": "SYNTHETIC",
}
_STREET_DEFAULTS = {
    "Month": "2017-06",
    "Reported by": "Metropolitan Police Service",
    "Falls within": "Metropolitan Police Service",
    "Longitude": "-0.12",
    "Latitude": "51.50",
    "Location": "On or near Example Road",
    "LSOA code": "E01000001",
    "LSOA name": "Lambeth 001A",
    "Crime type": "Robbery",
}


def meeting_line(record_id: str, **values: str) -> str:
    """Return one row of the meeting's format; values replace a sound default."""
    row = {**_MEETING_DEFAULTS, "record_id": record_id, **values}
    return ",".join(row.get(name, "") for name in MEETING_HEADER.split(","))


def street_line(crime_id: str = "", **values: str) -> str:
    """Return one row of a police.uk street file; ``_`` in a name stands for a blank."""
    row = {**_STREET_DEFAULTS, "Crime ID": crime_id}
    row |= {name.replace("_", " "): value for name, value in values.items()}
    return ",".join(row.get(name, "") for name in STREET_HEADER.split(","))


def write_lines(path: Path, *lines: str, newline: str = "\n") -> Path:
    """Write lines as UTF-8 and return the path."""
    path.write_bytes((newline.join(lines) + newline).encode())
    return path


def meeting_file(folder: Path, *lines: str, name: str = "week.csv") -> Path:
    """Write a meeting feed with its header."""
    return write_lines(folder / name, MEETING_HEADER, *lines)


def street_file(folder: Path, *lines: str, name: str = "2017-06-metropolitan-street.csv") -> Path:
    """Write a street file with its header."""
    return write_lines(folder / name, STREET_HEADER, *lines)
