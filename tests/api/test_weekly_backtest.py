"""Every assessment comes with its backtest card, and the card admits when it cannot judge."""

from __future__ import annotations

import json
import re
from pathlib import Path

from api.cli import run

COUNTS = """month,area_type,area_code,area_name,borough_name,series,measure,count
2026-09,ward,E05009367,A,Hackney,gun_crime,offences,2
2026-10,ward,E05009367,A,Hackney,gun_crime,offences,3
"""


def test_the_demo_week_carries_a_card_of_thirteen_windows(demo_folder: Path) -> None:
    card = json.loads((demo_folder / "backtest.json").read_text("utf-8"))
    assessment = json.loads((demo_folder / "assessment.json").read_text("utf-8"))
    assert card["assessment_id"] == assessment["assessment_id"]
    assert card["notice"] == "SYNTHETIC"
    assert card["settings"]["n_windows"] == 13
    assert card["calibration"]["observed"] > 1000
    assert card["verdict"]


def test_counts_alone_cannot_be_backtested_and_the_card_says_so(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text(COUNTS, "utf-8")
    out = tmp_path / "out"
    arguments = ["--counts", str(tmp_path / "counts.csv"), "--out", str(out)]
    assert run(["assess", "--as-of", "2026-11-23", *arguments]) == 0
    card = json.loads((out / "backtest.json").read_text("utf-8"))
    assert card["verdict"].startswith("No backtest:")
    assert "baselines" not in card


def test_the_data_dictionary_names_every_field_of_the_card(
    demo_folder: Path, repository: Path
) -> None:
    card = json.loads((demo_folder / "backtest.json").read_text("utf-8"))
    page = (repository / "docs/data_dictionary.md").read_text("utf-8")
    section = page.split("### backtest card\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| \S", section, flags=re.MULTILINE) == sorted(card)
