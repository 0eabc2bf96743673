"""Backup and restore of the folders beside the database, and what the check finds missing."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from api.access import Action
from api.audit.entry import entry
from api.cli import run
from api.store.data_files import copy_files
from api.store.taskings import keep_roster
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import add_person, record_of, sign_in_as
from tests.api.service_world import BEARER, WEEK, client_of, fill, made_up_week, service

ROSTER_ID = f"tpu-2026-11-23-{'a' * 16}"
ROSTER = {
    "roster_id": ROSTER_ID,
    "assessment_id": "none",
    "handling_code": "",
    "classification": "O",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with a week whose plan is in the record."""
    root = tmp_path_factory.mktemp("files") / "data"
    area = load_bundled()
    fill(root, area, *made_up_week(area))
    made = service(root)
    with client_of(made):
        add_person(made, "paul", "planner")
        assert sign_in_as(made, "paul").post("/plans", {"week": WEEK}).status_code == 201
        plan_id = plan_folder(root).name
        with made.state.service.workspace.staging() as staged:
            (staged / "study").mkdir()
            (staged / "study" / "study.json").write_text('{"weeks": 40}')
            shelf = made.state.service.workspace
            shelf.publish_study(staged / "study", plan_id, "simulation", "0123456789abcdef")
            (staged / "roster").mkdir()
            (staged / "roster" / "tpu_roster.json").write_text(json.dumps(ROSTER))
            shelf.publish_roster(staged / "roster", ROSTER_ID)
        with record_of(made).change() as change:
            days = (date(2026, 11, 23), date(2026, 11, 29))
            keep_roster(change.tx, ROSTER_ID, ROSTER, days, actor="paul", now=change.now)
            change.note(entry("paul", Action.MAKE_ROSTER, "roster", ROSTER_ID))
    return root


@pytest.fixture
def root(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "data", ignore=shutil.ignore_patterns("lock")))


def arv(root: Path, *words: str) -> int:
    return run(["store", words[0], *words[1:], "--data", str(root)])


def everything(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in ("assessments", "plans", "studies", "rosters", "fleets")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def plan_folder(root: Path) -> Path:
    return next(path for path in (root / "plans" / WEEK).iterdir() if path.is_dir())


def test_a_lost_machine_comes_back_with_its_plans(root: Path, tmp_path: Path) -> None:
    assert arv(root, "backup", str(tmp_path / "b")) == 0
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text("utf-8"))
    assert manifest["n_files"] == len(everything(root))
    assert not list((tmp_path / "b").rglob("*.pem"))
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(root / "audit-key.pem", other)
    assert arv(other, "restore", str(tmp_path / "b")) == 0
    assert everything(other) == everything(root)
    assert arv(other, "check") == 0
    with client_of(service(other)) as client:
        answer = client.get(f"/allocate?week={WEEK}", headers=BEARER)
        assert (answer.status_code, answer.headers["x-plan-state"]) == (200, "draft")
        assert client.get(f"/tpu/{ROSTER_ID}", headers=BEARER).json() == ROSTER
        key = client.get(f"/plans?week={WEEK}", headers=BEARER).json()["plans"][0]["key"]
        study = client.get(f"/plans/{key}/simulation", headers=BEARER)
        assert study.json() == {"weeks": 40}


@pytest.mark.parametrize("lost", ["plan", "assessment", "other content", "unreadable"])
def test_a_plan_without_its_folder_is_found_and_comes_back(
    root: Path, tmp_path: Path, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arv(root, "backup", str(tmp_path / "b")) == 0
    assert arv(root, "check") == 0
    whole, folder = everything(root), plan_folder(root)
    if lost == "plan":
        shutil.rmtree(folder)
    elif lost == "assessment":
        shutil.rmtree(root / "assessments")
    else:
        text = (
            "{" if lost == "unreadable" else (folder / "plan.json").read_text().replace("0.", "1.")
        )
        (folder / "plan.json").write_text(text)
    with client_of(service(root)) as client:
        answer = client.get(f"/allocate?week={WEEK}", headers=BEARER)
        assert (answer.status_code == 200) == (lost == "other content"), answer.text
        if lost in ("plan", "assessment"):
            assert "restore" in answer.json()["detail"]
    capsys.readouterr()
    assert arv(root, "check") == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "arv store restore BACKUP --files" in said
    assert WEEK in said
    if lost in ("plan", "assessment"):
        assert arv(root, "restore", str(tmp_path / "b"), "--files") == 0
        assert arv(root, "check") == 0
    else:
        assert arv(root, "restore", str(tmp_path / "b"), "--files") == 1
        assert "move its folder aside" in " ".join(capsys.readouterr().err.split())
        shutil.rmtree(folder)
        assert arv(root, "restore", str(tmp_path / "b"), "--files") == 0
    assert everything(root) == whole


@pytest.mark.parametrize("lost", ["roster", "studies", "altered"])
def test_rosters_and_studies_come_back(
    root: Path, tmp_path: Path, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arv(root, "backup", str(tmp_path / "b")) == 0
    whole = everything(root)
    study = next((root / "studies").rglob("study.json"))
    if lost == "altered":
        study.write_text("{}")
        assert arv(root, "restore", str(tmp_path / "b"), "--files") == 1
        study.unlink()
    else:
        shutil.rmtree(root / "rosters" / ROSTER_ID if lost == "roster" else root / "studies")
    capsys.readouterr()
    assert arv(root, "check") == (1 if lost == "roster" else 0)
    assert (ROSTER_ID in " ".join(capsys.readouterr().err.split())) == (lost == "roster")
    assert arv(root, "restore", str(tmp_path / "b"), "--files") == 0
    assert everything(root) == whole
    assert arv(root, "check") == 0


def test_newer_pointers_and_fleets_are_kept(root: Path, tmp_path: Path) -> None:
    assert arv(root, "backup", str(tmp_path / "b")) == 0
    (root / "fleets" / "example.toml").write_text("newer")
    (root / "plans" / WEEK / "current").write_text("newer\n")
    assert arv(root, "restore", str(tmp_path / "b"), "--files") == 0
    assert (root / "fleets" / "example.toml").read_text() == "newer"
    assert (root / "plans" / WEEK / "current").read_text() == "newer\n"


@pytest.mark.parametrize("damage", ["altered", "missing", "list", "outside"])
def test_damaged_files_of_a_backup_are_refused(
    root: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = tmp_path / "b"
    assert arv(root, "backup", str(backup)) == 0
    some = next((backup / "files" / "plans").rglob("plan.json"))
    if damage == "altered":
        some.write_bytes(some.read_bytes() + b" ")
    elif damage == "missing":
        some.unlink()
    elif damage == "list":
        (backup / "files.json").write_text("{}")
    else:
        listed = {"../../escaped": "0" * 64}
        (backup / "files.json").write_text(json.dumps(listed))
    before = everything(root)
    capsys.readouterr()
    assert arv(root, "restore", str(backup), "--files") == 1
    assert "not those its manifest tells of" in " ".join(capsys.readouterr().err.split())
    assert everything(root) == before


def test_links_and_secrets_stay_out(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (root / "plans" / "link").symlink_to(tmp_path / "secret")
    target = tmp_path / "b"
    target.mkdir()
    copy_files(root, target)
    listed = json.loads((target / "files.json").read_text())
    assert "plans/link" not in listed
    assert not [name for name in listed if "audit" in name or "administrator" in name]
