"""The demo week, made once a run, and a plain fleet of sixteen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.cli import run
from tests.made_once import made_once


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that `arv demo` filled."""

    def demo(folder: Path) -> None:
        assert run(["demo", "--out", str(folder)]) == 0

    return made_once(tmp_path_factory, "demo", demo)


@pytest.fixture
def demo_copy(demo_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the demo week that a test may damage."""
    return Path(shutil.copytree(demo_folder, tmp_path / "week"))


@pytest.fixture(scope="session")
def plain_fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fleet file of sixteen units that may go anywhere."""
    unit = '[[units]]\nunit_id = "ARV-{n:02d}"\nprovenance = "CO19"\n'
    path = tmp_path_factory.mktemp("fleet") / "plain.toml"
    head = 'service_standard_s = 540\nturnout_s = 60\nlabel = "assumption of the tests"\n'
    path.write_text(head + "\n".join(unit.format(n=n) for n in range(1, 17)), "utf-8")
    return path
