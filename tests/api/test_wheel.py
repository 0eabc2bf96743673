"""The wheel alone, in a clean environment outside the repository, runs the demo week."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest


def command(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in arguments],
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.wheel
@pytest.mark.timeout(600)
def test_the_wheel_runs_the_demo_outside_the_repository(repository: Path, tmp_path: Path) -> None:
    dist, clean, work = tmp_path / "dist", tmp_path / "clean", tmp_path / "work"
    work.mkdir()
    command(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, repository,
        cwd=tmp_path,
    )  # fmt: skip
    (wheel,) = dist.glob("arv_tasking-*.whl")
    venv.create(clean)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", clean / "bin/python"]
    # What is imported is compiled then; compiling all that is installed takes half the test.
    install = [*pip, "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    locked = repository / "requirements/runtime.txt"
    command(*install, "--require-hashes", "--only-binary", ":all:", "-r", locked, cwd=work)
    command(*install, "--no-deps", "--no-index", wheel, cwd=work)
    command(*pip, "check", cwd=work)

    command(clean / "bin/arv", "demo", "--out", work / "week", cwd=work)

    plan = json.loads((work / "week/plan.json").read_text("utf-8"))
    assert plan["status"] == "optimal"
    assert len(plan["units"]) == 16
    assert "SYNTHETIC" in (work / "week/map.html").read_text("utf-8")
    licences = [name for name in _names(wheel) if "/licenses/" in name]
    assert any(name.endswith("LICENCES.md") for name in licences)
    assert any(name.endswith("NOTICE") for name in licences)


def _names(wheel: Path) -> list[str]:
    from zipfile import ZipFile

    with ZipFile(wheel) as archive:
        return archive.namelist()
