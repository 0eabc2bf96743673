"""The whole corpus in one process: memory grows by less than 200 MB beyond reading sound files."""

from __future__ import annotations

import subprocess
import sys

MOST_GROWTH_MB = 200
PROGRAM = """
import contextlib, io, os, re, tempfile
from pathlib import Path
import api.week
from api.cli import run
from tests.bad_input.commands import command, sound
from tests.bad_input.faults import FAULTS
from tests.bad_input.good_files import small_london

def memory_mb(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")

def make_all(root):
    # In a process of its own: what making a bomb takes must not hide what reading it takes.
    if (child := os.fork()) == 0:
        for number, one in enumerate(FAULTS):
            (root / str(number)).mkdir()
            (root / f"{number}.path").write_text(str(one.make(root / str(number))))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    return [Path((root / f"{n}.path").read_text()) for n in range(len(FAULTS))]

api.week.load_bundled = small_london
with tempfile.TemporaryDirectory() as name:
    root = Path(name)
    inputs = sound(root / "sound")
    made = make_all(root)
    with contextlib.redirect_stderr(io.StringIO()):
        assert run(command("incidents", inputs / "week.csv", inputs, root / "o")) == 0
        assert run(command("events", inputs / "log.csv", inputs, root / "p")) == 0
    before, growths = memory_mb("VmRSS"), []
    for one, bad in zip(FAULTS, made):
        forget_peak()
        with contextlib.redirect_stderr(io.StringIO()):
            assert run(command(one.door, bad, inputs, root / "out")) == 1, one.label
        growths.append((memory_mb("VmHWM") - before, one.label))
    growths.sort(reverse=True)
    print(round(growths[0][0]), round(before), growths[:8])
"""


def test_the_corpus_needs_little_memory() -> None:
    """Peaks count: what one fault takes and gives back would show too."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[0]) < MOST_GROWTH_MB, done.stdout
