"""What is costly to make and only read: made by one process of a run, for all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return this process's own copy of a folder that ``make`` filled once in the whole run.

    Processes of one run share the folder above their own; the first to come makes the folder
    there while the others wait, so that the work is done once however many there are. Each
    then copies it: nobody sees what another test does to it.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = shared / f"{name}-whole"
        if not whole.is_dir():
            begun = shared / f"{name}-begun"
            shutil.rmtree(begun, ignore_errors=True)
            make(begun)
            begun.rename(whole)
    return Path(shutil.copytree(whole, factory.mktemp(name) / name))
