"""Files that were sent: kept under their own names, made harmless."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from fastapi import UploadFile

COVERAGE_SUFFIX = ".coverage.csv"
_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]")


def safe_name(given: str | None) -> str:
    """Return the last part of a file's name, without what could lead elsewhere."""
    last = Path((given or "").replace("\\", "/")).name
    return _UNSAFE.sub("_", last)[-120:].lstrip(".") or "unnamed"


async def keep_upload(upload: UploadFile, folder: Path, name: str | None = None) -> Path:
    """Copy an upload under its own name, made harmless, so that messages can name it.

    Parameters
    ----------
    upload
        The file sent.
    folder
        Where it is kept; made if missing.
    name
        Another name than its own.
    """
    path = folder / safe_name(name or upload.filename)

    def copy() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            shutil.copyfileobj(upload.file, target, 2**20)

    await asyncio.to_thread(copy)
    return path
