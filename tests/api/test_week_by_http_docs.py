"""docs/week_by_http.md in a stranger's shell: every block as it stands, on an empty machine."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

LIMIT_S = 900  # of wall time, for a machine with other work


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """Return the home directory of somebody who ran every block of the document."""
    home = tmp_path_factory.mktemp("stranger")
    blocks = re.findall(
        r"```sh\n(.*?)```", (repository / "docs/week_by_http.md").read_text("utf-8"), re.DOTALL
    )
    script = home / "week.sh"
    stop = 'trap \'[ -z "${SERVICE:-}" ] || kill "$SERVICE" 2>/dev/null || true\' EXIT\n'
    script.write_text(stop + re.sub(r"(?<=[: ])8000\b", str(free_port()), "".join(blocks)), "utf-8")
    commands = home / "bin"
    commands.mkdir()
    arv = commands / "arv"
    arv.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(repository)!r})\n"
        "from api.cli import main\nif __name__ == '__main__':\n    main()\n",
        "utf-8",
    )
    arv.chmod(0o755)
    plain = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        ["/bin/sh", "-eu", str(script)],
        env={**plain, "HOME": str(home), "PATH": f"{commands}:/usr/bin:/bin"},
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    log = home / "week" / "served.log"
    said = log.read_text("utf-8")[-3000:] if log.exists() else ""
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{said}"
    (home / "said.txt").write_text(done.stdout, "utf-8")
    (home / "noted.txt").write_text(done.stderr, "utf-8")
    return home


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.timeout(LIMIT_S)
def test_the_plan_was_proven_and_published_by_two_people(home: Path) -> None:
    said = (home / "said.txt").read_text("utf-8").splitlines()
    assert [one for one in said if one in ("proposed", "approved", "published")] == [
        "proposed", "approved", "published",
    ]  # fmt: skip
    plan = json.loads((home / "week/plan.json").read_text("utf-8"))
    assert plan["status"] in ("optimal", "feasible")
    record = json.loads((home / "week/draft.json").read_text("utf-8"))
    assert (record["proposer"], record["approver"]) == ("ann.miller", "bea.osei")
    assert record["plan_id"] == plan["plan_id"]
    events = (home / "week/events.txt").read_text("utf-8")
    assert events.count("event: end") == 1
    noted = (home / "noted.txt").read_text("utf-8")
    assert re.search(r"[\d,]+ rows, [1-9]\d* heads from outside the database: sound", noted), noted


def test_the_papers_can_be_opened(home: Path) -> None:
    week = home / "week"
    assert (week / "map.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert (week / "briefing.pdf").read_bytes().startswith(b"%PDF")
    plan = json.loads((week / "plan.json").read_text("utf-8"))
    areas = gpd.read_file(week / "areas.gpkg")
    assert set(areas["unit_id"]) == {unit["unit_id"] for unit in plan["units"]}
    assert set(areas["state"]) == {"published"}
    assert len(json.loads((week / "areas.geojson").read_text("utf-8"))["features"]) == 5
    assert len(pd.read_csv(week / "wards.csv")) == 679
    assert len(json.loads((week / "feeds.json").read_text("utf-8"))["receipts"]) == 3
    assert json.loads((week / "incidents.json").read_text("utf-8"))["incidents"]


def test_the_replan_changes_little_beside_the_published_plan(home: Path) -> None:
    week = home / "week"
    before = json.loads((week / "plan.json").read_text("utf-8"))
    outcome = json.loads((week / "replan.json").read_text("utf-8"))["replan"]
    areas = {unit["unit_id"]: unit["boroughs"] for unit in before["units"]}
    after = {unit["unit_id"]: unit["boroughs"] for unit in outcome["plan"]["units"]}
    assert set(areas) - set(after) == {"ARV-09"}
    changed = [unit_id for unit_id, boroughs in after.items() if boroughs != areas[unit_id]]
    assert len(changed) + 1 == len(outcome["changes"]) <= 7  # the lost one is a change, too
    assert outcome["plan"]["objective"] >= 0.99 * outcome["from_scratch"]["objective"]
    plans = json.loads((week / "plans.json").read_text("utf-8"))["plans"]
    assert sorted(one["state"] for one in plans) == ["draft", "published"]


def test_nothing_is_left_open_to_others(home: Path) -> None:
    for path in (home / "week").iterdir():
        if path.name.endswith(".aux.xml"):  # GDAL's, left by reading in the test above
            continue
        assert path.stat().st_mode & 0o077 == 0, path
    assert (home / "arv-week/arv.sqlite3").is_file()
