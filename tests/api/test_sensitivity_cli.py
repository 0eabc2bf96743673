"""`arv sensitivity`: twelve what-ifs as JSON and as a table, one of them done again by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from api.cli import run
from hotspots.sources import default_policy_text
from tests.bad_input.good_files import small_london
from tests.unit.feed_files import MEETING_HEADER, meeting_line

AS_OF = "2026-11-23"


def week_csv() -> str:
    """Return sixty shootings and twelve reports of intelligence in three boroughs."""
    random = np.random.default_rng(4)
    wards = small_london().wards
    chosen = wards.iloc[random.integers(0, len(wards), 60)]
    points = chosen.geometry.representative_point()
    days = pd.Timestamp("2026-01-02T21:15") + pd.to_timedelta(random.integers(0, 320, 60), "D")
    shots = [
        meeting_line(
            f"RS-{i}",
            easting=f"{point.x:.0f}",
            northing=f"{point.y:.0f}",
            occurred_at=f"{at:%Y-%m-%dT%H:%M}",
            known_at=f"{at:%Y-%m-%dT%H:%M}Z",
        )
        for i, (point, at) in enumerate(zip(points, days, strict=True))
    ]
    told = [
        meeting_line(
            f"CR-{i}", source="crimint", category="intelligence_firearm", easting="", northing="",
            area_code=str(wards["ward_code"].iloc[i]), occurred_at="2026-11-20T10:00",
            known_at="2026-11-20T12:00Z", source_grade="1", information_grade="A",
        )
        for i in range(12)
    ]  # fmt: skip
    return "\n".join([MEETING_HEADER, *shots, *told]) + "\n"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("sensitivity")
    wards = small_london().wards.drop(columns="policed")
    wards.to_file(folder / "wards.gpkg")
    (folder / "week.csv").write_text(week_csv(), "utf-8")
    covered = [f"{code},2026-01-01,2026-11-22" for code in sorted(set(wards["borough_code"]))]
    sidecar = "\n".join(["area_code,first_day,last_day", *covered]) + "\n"
    (folder / "week.coverage.csv").write_text(sidecar, "utf-8")
    return ["--as-of", AS_OF, "--incidents", str(folder / "week.csv"),
            "--wards", str(folder / "wards.gpkg")]  # fmt: skip


@pytest.fixture(scope="module")
def panel(inputs: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("panel") / "panel.json"
    assert run(["sensitivity", *inputs, "--json", str(target)]) == 0
    return dict(json.loads(target.read_text("utf-8")))


def row(panel: dict[str, Any], what: str) -> dict[str, Any]:
    return next(one for one in panel["changes"] if one["what"] == what)


def test_twelve_changes_name_the_week_they_change(panel: dict[str, Any]) -> None:
    assert len(panel["changes"]) == 12
    assert panel["as_of"] == AS_OF
    assert panel["classification"] == "OFFICIAL-SENSITIVE"
    for one in panel["changes"]:
        assert [move["rank"] for move in one["top_wards"]] == list(range(1, 11))
        assert sorted(move["rank_after"] for move in one["top_boroughs"]) == [1, 2, 3]
    for what in ("kernel half as wide", "kernel twice as wide"):
        assert all(move["rank"] == move["rank_after"] for move in row(panel, what)["top_wards"])


def test_a_change_is_the_assessment_under_a_policy_changed_by_hand(
    panel: dict[str, Any], inputs: list[str], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    text = default_policy_text()
    assert "\ncap = 0.5\n" in text
    policy.write_text(text.replace("\ncap = 0.5\n", "\ncap = 0.0\n"), "utf-8")
    tables = {}
    for name, more in (("base", []), ("changed", ["--policy", str(policy)])):
        assert run(["assess", *inputs, *more, "--out", str(tmp_path / name)]) == 0
        tables[name] = pd.read_csv(tmp_path / name / "wards.csv").set_index("code")
    found = row(panel, "intelligence raises nothing")
    for move in found["top_wards"]:
        assert tables["base"].loc[move["code"], "rank"] == move["rank"]
        assert tables["changed"].loc[move["code"], "rank"] == move["rank_after"]
    both = tables["base"].join(tables["changed"].add_suffix("_changed"))
    assert found["tiers_changed"] == (both["tier"] != both["tier_changed"]).sum()
    tenth = int(np.ceil(len(both) / 10))
    kept = ((both["rank"] <= tenth) & (both["rank_changed"] <= tenth)).sum() / tenth
    assert found["top_wards_kept"] == pytest.approx(kept)
    assert found["ward_rank_correlation"] == pytest.approx(
        both["expected_per_week"].corr(both["expected_per_week_changed"], method="spearman"),
        abs=1e-3,  # the table rounds, which may tie wards
    )


def test_the_table_shows_ranks_and_a_refusal_is_one_line(
    inputs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sensitivity", *inputs, "--seed", "3"]) == 0
    shown = capsys.readouterr().out
    assert "half-lives doubled" in shown
    assert "ranks of the 10 highest wards under each change: 1 " in shown
    assert "ranks of the 3 highest boroughs" in shown
    assert run(["sensitivity", "--as-of", "2020-01-01", *inputs[2:]]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
