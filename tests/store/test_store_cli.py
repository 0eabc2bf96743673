"""`arv store` from nothing to backup and restore, and what it refuses in one line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import typer
from sqlalchemy import select

from api.cli import app, run
from api.files.output import json_text
from api.store import schema, schema_version
from api.store.assessments import list_assessments, read_assessment
from api.store.store import open_store
from hotspots.assessment import document
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feeds
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy
from tests.unit.feed_files import meeting_file, meeting_line


@pytest.fixture
def arv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return what runs an `arv store` command on a data directory of the test's own."""
    monkeypatch.setenv("ARV_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("ARV_DATABASE_URL", raising=False)

    def call(*words: str | Path) -> int:
        return run(["store", *map(str, words)])

    return call


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    assert "Remedy:" in text
    return text


def test_from_nothing_to_backup_and_restore(
    arv: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = meeting_file(tmp_path, meeting_line("A1"), meeting_line("A2"))
    mixed = meeting_file(
        tmp_path, meeting_line("B1"), meeting_line("B2", source="rumour"), name="mixed.csv"
    )
    assert arv("init") == 0
    assert arv("init") == 0
    assert arv("ingest", good) == 0
    assert arv("ingest", good, mixed) == 1
    assert "rumour" in capsys.readouterr().err
    assert arv("ingest", "--report-rejected", good, mixed, "--json", tmp_path / "taken.json") == 0
    taken = json.loads((tmp_path / "taken.json").read_text())
    assert [one["repeated"] for one in taken] == [True, False]
    assert [one["n_rejected"] for one in taken] == [0, 1]
    assert arv("check") == 0
    assert arv("backup", tmp_path / "backup") == 0
    later = meeting_file(tmp_path, meeting_line("C1"), name="later.csv")
    assert arv("ingest", later) == 0
    (tmp_path / "data" / "arv.sqlite3").unlink()
    assert arv("status") == 1
    capsys.readouterr()
    elsewhere = ("--data", tmp_path / "elsewhere")
    assert arv("restore", tmp_path / "backup", *elsewhere) == 1
    assert "audit-key.pem" in refusal(capsys)
    assert arv("restore", tmp_path / "backup") == 0
    assert arv("status", "--json", tmp_path / "status.json") == 0
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["rows"]["incidents"] == 3
    assert [feed["feed_id"] for feed in status["feeds"]] == ["reported_shooting"]
    assert run(["audit", "verify"]) == 0
    assert list((tmp_path / "data").glob("audit-head.row-*.json"))


def test_an_older_schema_is_upgraded_on_request(
    arv: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arv("init") == 0
    store = open_store(f"sqlite:///{tmp_path}/data/arv.sqlite3")
    schema_version.move(store, schema_version.versions()[-2])
    store.close()
    capsys.readouterr()
    assert arv("status") == 1
    assert "arv store upgrade" in refusal(capsys)
    assert arv("upgrade") == 0
    assert arv("check") == 0
    assert run(["audit", "verify"]) == 0


def test_a_statement_of_coverage_goes_with_its_feed(
    arv: Callable[..., int], tmp_path: Path
) -> None:
    feed = meeting_file(tmp_path, meeting_line("A1"))
    sidecar = tmp_path / "week.coverage.csv"
    sidecar.write_text("area_code,first_day,last_day\nE09000033,2026-11-01,2026-11-30\n")
    assert arv("init") == 0
    assert arv("ingest", feed, sidecar, "--json", tmp_path / "taken.json") == 0
    [taken] = json.loads((tmp_path / "taken.json").read_text())
    assert taken["coverage"]["first_day"] == "2026-11-01"


def test_every_command_of_the_operations_page_is_there(repository: Path) -> None:
    page = (repository / "docs/operations.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("arv ")]
    assert len(commands) > 12
    for name in ("store", "audit", "serve"):  # a command is read when it is called
        assert run([name, "--help"]) == 0
    for words in commands:
        group = typer.main.get_command(app.arv)
        while hasattr(group, "commands") and words and words[0] in group.commands:
            group = group.commands[words.pop(0)]
        assert not hasattr(group, "commands"), words
        known = {name for one in group.params for name in one.opts}
        assert {word for word in words if word.startswith("--")} <= known, (group.name, words)


def test_the_quarter_of_an_hour_of_the_operations_page_ends_well(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (repository / "docs/operations.md").read_text("utf-8")
    told = page.split("## A quarter of an hour on SQLite")[1].split("\n## ")[0]
    lines = "".join(re.findall(r"```sh\n(.*?)```", told, re.DOTALL)).splitlines()
    assert len(lines) == 11
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARV_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    feed = str(repository / "data/sample/feeds/reported_shooting.csv")
    for line in lines:
        words = shlex.split(line.replace("data/sample/feeds/*.csv", feed))
        if words[0] == "mv":
            Path(words[1]).expanduser().rename(tmp_path / "lost.sqlite3")
        elif words[:3] != ["arv", "store", "assess"]:  # half a minute of its own, tested elsewhere
            assert run(words[1:]) == 0, line


def test_withdrawing_and_erasing_need_a_reason_and_leave_a_trace(
    arv: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arv("init") == 0
    assert arv("ingest", meeting_file(tmp_path, meeting_line("A1")), "--json", tmp_path / "r") == 0
    receipt = json.loads((tmp_path / "r").read_text())[0]["receipt_id"]
    assert arv("withdraw", receipt) == 2
    assert arv("withdraw", receipt[:10], "--reason", "a training export") == 0
    capsys.readouterr()
    assert arv("withdraw", receipt, "--reason", "again") == 1
    assert "training export" in refusal(capsys)
    assert arv("reinstate", receipt, "--reason", "it was not") == 0
    words = ("--days", "1", "--basis", "a test")
    assert arv("retention", "rule", "receipt", *words) == 0
    assert arv("retention", "rule", "plan", *words) == 1
    assert arv("retention", "due", "--on", "2099-01-01", "--json", tmp_path / "due") == 0
    assert json.loads((tmp_path / "due").read_text())[0]["record_id"] == receipt
    assert arv("retention", "keep", "receipt", receipt, "--until", "2098-01-01",
               "--reason", "live") == 0  # fmt: skip
    assert arv("retention", "erase", "receipt", receipt, "--reason", "term over") == 0
    assert arv("check") == 0
    capsys.readouterr()
    assert arv("retention", "erase", "job", "J1'; DROP TABLE jobs", "--reason", "x") == 1
    refusal(capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status"], "arv store init"),
        (["status", "--database", "mysql://u:secret@h/arv"], "sqlite:////path"),
        (["status", "--database", "postgresql://u:secret@127.0.0.1:9/arv"], "does not answer"),
        (["backup", "/nowhere/x"], "arv store init"),
        (["restore", "."], "no backup of this product"),
        (["ingest", "nothing.csv"], "arv store init"),
        (["upgrade"], "arv store init"),
        (["assess", "--as-of", "soon", "--out", "/nowhere/x"], "not a day"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arv: Callable[..., int], words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arv(*words) == 1
    text = refusal(capsys)
    assert said in text
    assert "secret" not in text


def test_assessing_from_the_store_gives_what_the_files_give(
    arv: Callable[..., int], tmp_path: Path, repository: Path
) -> None:
    feeds = repository / "data/sample/feeds"
    paths = [feeds / "reported_shooting.csv", feeds / "scd8.csv"]
    assert arv("init") == 0
    assert arv("ingest", *paths) == 0
    assert arv("assess", "--as-of", "2026-11-23", "--out", tmp_path / "out") == 0
    assert arv("check") == 0
    area = load_bundled()
    wanted = assess_week(
        read_feeds(paths, area),
        area,
        as_of=date(2026, 11, 23),
        policy=load_default_policy(),
        classification="OFFICIAL-SENSITIVE",
    ).assessment
    found = json.loads((tmp_path / "out" / "assessment.json").read_text())
    assert found == json.loads(json_text(document(wanted)))
    store = open_store(f"sqlite:///{tmp_path}/data/arv.sqlite3")
    with store.read() as tx:
        [kept] = list_assessments(tx)
        back = read_assessment(tx, kept.assessment_id)
        lineage = tx.execute(select(schema.assessment_receipts)).all()
        scores = tx.execute(
            select(schema.assessment_areas.c.code).where(schema.assessment_areas.c.rank == 1)
        ).all()
    store.close()
    assert document(back) == document(wanted)
    assert (back.draws == wanted.draws).all()
    assert len(lineage) == 2
    assert scores
