"""The whole corpus in one process: memory grows by less than 200 MB beyond reading sound files."""

from __future__ import annotations

import subprocess
import sys

MOST_GROWTH_MB = 200
PROGRAM = """
import contextlib, io, resource, tempfile
from pathlib import Path
import api.week
from api.cli import run
from tests.bad_input.commands import command, sound
from tests.bad_input.faults import FAULTS
from tests.bad_input.good_files import small_london

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

api.week.load_bundled = small_london
with tempfile.TemporaryDirectory() as name:
    root = Path(name)
    inputs = sound(root / "sound")
    with contextlib.redirect_stderr(io.StringIO()):
        assert run(command("incidents", inputs / "week.csv", inputs, root / "o")) == 0
        assert run(command("events", inputs / "log.csv", inputs, root / "p")) == 0
    made = []
    for number, one in enumerate(FAULTS):
        (root / str(number)).mkdir()
        made.append(one.make(root / str(number)))
    before = peak_mb()
    worst = ("", 0.0)
    for one, bad in zip(FAULTS, made):
        start = peak_mb()
        with contextlib.redirect_stderr(io.StringIO()):
            assert run(command(one.door, bad, inputs, root / "out")) == 1, one.label
        worst = max(worst, (one.label, peak_mb() - start), key=lambda pair: pair[1])
    print(f"{before:.0f} {peak_mb() - before:.0f} {worst[0]} {worst[1]:.0f}")
"""


def test_the_corpus_needs_little_memory() -> None:
    """Peaks count: what one fault takes and gives back would show too."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[1]) < MOST_GROWTH_MB, done.stdout
