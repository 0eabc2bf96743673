"""A request file of `arv tpu`, sent to the service, as the body of ``POST /tpu``."""

from __future__ import annotations

import asyncio
from datetime import date, time
from typing import Any

from fastapi import UploadFile
from pydantic import ValidationError

from allocator.tpu.request import TpuRefusedError
from api.files.tpu_file import EXAMPLE, MAX_BYTES, requests_from_table, table_of_text
from api.routes.roster_form import typed_day, typed_whole
from api.routes.tpu_bodies import RosterBody

LONGEST_NAME = 80


async def file_body(file: UploadFile | None, first_day: str, days: str) -> RosterBody:
    """Return what a request file asks for on some days.

    Overrides are recorded under the name of who sends the file, whatever actor it names.

    Raises
    ------
    TpuRefusedError
        There is no file, it is too large, or what ``arv tpu`` refuses, in the same words.
    ProblemError
        The first day is not of the calendar, or the days are no number.
    """
    if file is None or not file.filename:
        raise TpuRefusedError("no file was chosen", remedy=f"choose a request file; {EXAMPLE}")
    first, count = typed_day(first_day, "First day"), typed_whole(days, "Days")
    content = await file.read(MAX_BYTES + 1)
    return await asyncio.to_thread(_body, content, file.filename[:LONGEST_NAME], first, count)


def _body(content: bytes, name: str, first: date, n_days: int) -> RosterBody:
    if len(content) > MAX_BYTES:
        raise TpuRefusedError(
            f"{name}: larger than {MAX_BYTES:,} bytes", remedy=f"send a request file; {EXAMPLE}"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise TpuRefusedError(
            f"{name}: not a text in UTF-8", remedy=f"send a request file; {EXAMPLE}"
        ) from fault
    table = table_of_text(text, name)
    requests_from_table(table, name, first_day=first, n_days=n_days)  # refuses in its own words
    asked = {**_plain(table), "from": first.isoformat(), "days": n_days}
    for one in asked.get("overrides", ()):
        one.pop("actor", None)
    try:
        return RosterBody.model_validate(asked)
    except ValidationError as fault:
        found = fault.errors()[0]
        where = ".".join(str(part) for part in found["loc"])
        raise TpuRefusedError(
            f"{name}: {where}: {found['msg']}", remedy=f"correct it; {EXAMPLE}"
        ) from fault


def _plain(value: Any) -> Any:
    """Return values of TOML as those of JSON: days and times as texts."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date | time) else value
