"""A part of the soak that never ends, with a process that outlives a polite request to end."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from benchmarks.soak.figures import Report

_FOREVER = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"]


def run() -> Report:
    """Start a process and wait for ever."""
    child = subprocess.Popen(_FOREVER)
    Path(os.environ["SOAK_PART_SAYS"]).write_text(str(child.pid), "utf-8")
    while True:
        time.sleep(60)
