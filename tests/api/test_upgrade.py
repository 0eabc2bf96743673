"""An upgrade as docs/operations.md tells it: backup, upgrade, and the way back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.cli import run
from api.store import schema_version
from api.store.store import open_store
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import add_person, sign_in_as
from tests.api.service_world import BEARER, WEEK, client_of, fill, made_up_week, service


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data directory of an earlier release: a week, its draft, and the record."""
    root = tmp_path_factory.mktemp("older") / "data"
    area = load_bundled()
    fill(root, area, *made_up_week(area))
    made = service(root)
    with client_of(made):
        add_person(made, "paul", "planner")
        assert sign_in_as(made, "paul").post("/plans", {"week": WEEK}).status_code == 201
    store = open_store(f"sqlite:///{root}/arv.sqlite3", create=False)
    earlier = schema_version.versions()[-2]
    schema_version.move(store, earlier)
    store.close()
    return root


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_backup_upgrade_and_the_way_back(
    older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, backup = tmp_path / "data", tmp_path / "before-upgrade"
    shutil.copytree(older, root, ignore=shutil.ignore_patterns("lock"))
    data = ["--data", str(root)]
    assert run(["serve", "--port", "0", *data]) == 1
    assert "arv store upgrade" in said(capsys)
    assert run(["store", "backup", str(backup), *data]) == 0
    assert run(["store", "upgrade", *data]) == 0
    assert run(["store", "check", *data]) == 0
    assert run(["audit", "verify", *data]) == 0
    with client_of(service(root)) as client:
        answer = client.get(f"/allocate?week={WEEK}", headers=BEARER)
        assert (answer.status_code, answer.headers["x-plan-state"]) == (200, "draft")
        assert sign_in_as(client.app, "paul").get("/").status_code == 200  # type: ignore[arg-type]  # the application it was made with
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(root / "audit-key.pem", again)
    capsys.readouterr()
    assert run(["store", "restore", str(backup), "--data", str(again)]) == 0
    assert "older" in said(capsys)
    assert run(["store", "upgrade", "--data", str(again)]) == 0
    assert run(["store", "check", "--data", str(again)]) == 0
