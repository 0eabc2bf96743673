"""Whether the service can do its work: the store answers, its schema fits, the disk takes files."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from api.audit.log import Record
from api.store import schema_version
from api.store.errors import StoreRefusedError
from api.workspace import STAGING

#: Below this a plan or an assessment may not fit any more, in bytes.
LEAST_FREE = 64 * 2**20


def checks(record: Record | None, root: Path) -> dict[str, bool]:
    """Return each check by its name and whether it passed; it says nothing more to anybody.

    Parameters
    ----------
    record
        The store of the service, ``None`` before it has started.
    root
        The data directory.
    """
    reachable, current = _store(record)
    return {"store": reachable, "schema": current, "disk": _writable(root)}


def _store(record: Record | None) -> tuple[bool, bool]:
    if record is None:
        return False, False
    try:
        with record.store.read() as tx:
            return True, schema_version.current(tx) == _head()
    except StoreRefusedError:
        return False, False


@cache
def _head() -> str:
    return schema_version.head()


def _writable(root: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=root / STAGING) as file:
            file.write(b"ready")
            file.flush()
        return shutil.disk_usage(root).free >= LEAST_FREE
    except OSError:
        return False
