"""A small part of London for the readers, and a folder of sound inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input import commands
from tests.bad_input.good_files import small_london


@pytest.fixture(autouse=True)
def quick_boundaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands and workers use three boroughs, read once: refusals do not need the rest."""
    for module in ("api.week", "api.working.solve_tasks"):
        monkeypatch.setattr(f"{module}.load_bundled", small_london)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of sound inputs."""
    return commands.sound(tmp_path_factory.mktemp("sound") / "inputs")
