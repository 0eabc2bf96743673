"""`arv allocate --floor --events --robust`: what reaches the planner, and refusals in one line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from allocator.plan import Fleet, Unit
from allocator.settings import PlanSettings
from api import week as weekly
from api.cli import run
from api.files.assessment_folder import AssessmentFolder
from api.files.events_file import read_events
from api.routes.bodies import PlacementBody
from api.working.orders import PlacementOrder
from tests.bad_input.commands import sound
from tests.oracle.plan_worlds import make_world


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sound(tmp_path_factory.mktemp("options") / "inputs")


def allocate(inputs: Path, out: Path, *options: str) -> int:
    return run(
        ["allocate", "--assessment", str(inputs / "assessed"), "--fleet",
         str(inputs / "fleet.toml"), "--out", str(out), *options]
    )  # fmt: skip


def test_the_options_reach_the_plan(tmp_path: Path) -> None:
    folder = AssessmentFolder(make_world(2, n_boroughs=6), pd.DataFrame())
    calendar = tmp_path / "events.toml"
    calendar.write_text(
        '[[events]]\nname = "Fair"\nfrom = 2020-01-01\nto = 2040-01-01\n'
        'boroughs = ["E09000002"]\nextra_share = 1.0\nunits_committed = 1\n',
        encoding="utf-8",
    )
    request = weekly.PlacementRequest(
        fleet=Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "Y")), 540, 60),
        settings=PlanSettings(coverage_floor=0.01, robust="cvar"),
        events=read_events(calendar),
    )
    plan = weekly.place(folder, request)
    assert plan.settings["coverage_floor"] == 0.01
    assert plan.settings["robust"] == "cvar"
    events = plan.settings["events"]
    assert isinstance(events, list) and events[0]["name"] == "Fair"
    assert any("Fair is assumed to add demand here" in unit.reason for unit in plan.units)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--floor", "1.5"), 2, "--floor"),
        (("--robust", "worst"), 2, "--robust"),
        (("--events", "absent.toml"), 1, "the events file cannot be read"),
    ],
)
def test_refusals(
    inputs: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    out = inputs / "out"
    assert allocate(inputs, out, *options) == code
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_a_body_has_the_same_options() -> None:
    body = PlacementBody.model_validate(
        {"coverage_floor": 0.3, "robust": "cvar", "events": [{"name": "E", "date": "2026-11-28"}]}
    )
    order = PlacementOrder(
        assessment=Path("a"),
        coverage_floor=body.coverage_floor,
        robust=body.robust,
        events=body.calendar(),
    )
    assert (order.coverage_floor, order.robust, order.events[0].name) == (0.3, "cvar", "E")
