"""`arv users`, `arv audit` and `arv equality` as a person types them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from api.cli import run

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that runs a command on a data directory of its own."""

    def call(*words: str) -> tuple[int, str, str]:
        code = run([*words, "--data", str(tmp_path / "data")])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def add(say: Say, name: str, *more: str) -> str:
    code, out, err = say("users", "add", name, "--display-name", name.title(), *more)
    assert code == 0, err
    return out


def test_accounts_and_keys_from_the_command_line(say: Say) -> None:
    out = add(say, "ann", "--role", "planner", "--role", "approver")
    assert re.search(r"One-time password of ann .*: [A-Z0-9]{5}(-[A-Z0-9]{5}){3}", out)
    add(say, "hackney", "--role", "borough", "--borough", "E09000012")
    code, out, _ = say("users", "list", "--json", "-")
    kept = {one["name"]: one for one in json.loads(out)}
    assert code == 0
    assert kept["ann"]["roles"] == ["approver", "planner"]
    assert kept["hackney"]["boroughs"] == ["E09000012"]
    assert kept["ann"]["must_change_password"]
    code, out, _ = say("users", "key", "ann", "--action", "plan.read", "--label", "nightly")
    key = re.search(r"Key (k\w+) until .*: arvk_", out)
    assert key
    code, out, err = say("users", "replace-key", key[1], "--overlap-days", "3")
    assert (code, "goes on until" in err) == (0, True)
    assert re.search(r"Key k\w+ until .*: arvk_", out)
    assert say("users", "end-key", key[1], "--reason", "replaced")[0] == 0
    assert say("users", "rights", "ann", "--role", "auditor", "--reason", "moved")[0] == 0
    assert "One-time password" in say("users", "password", "ann")[1]
    assert say("users", "link", "ann", "--issuer", "https://i.example", "--subject", "s")[0] == 0
    assert say("users", "close", "hackney", "--reason", "left")[0] == 0
    code, out, _ = say("users", "keys", "--json", "-")
    assert json.loads(out)[0]["revoked"]
    assert [one["last_used"] for one in json.loads(out)] == [None, None]
    assert say("users", "keys")[0] == 0
    code, out, _ = say("audit", "show", "--json", "-")
    said = [(one["action"], one["outcome"]) for one in json.loads(out)]
    assert said.count(("users.manage", "done")) == 6
    assert said.count(("keys.manage", "done")) == 4
    assert say("users", "list")[0] == 0
    assert say("users", "keys")[0] == 0


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (("users", "add", "ann", "--display-name", "A", "--role", "boss"), "no such role"),
        (("users", "add", "аnn", "--display-name", "A", "--role", "planner"), "CYRILLIC"),
        (("users", "add", "ann", "--display-name", "A", "--role", "borough"), "belong together"),
        (("users", "close", "bob", "--reason", "left"), "no database"),
        (("audit", "verify"), "signing key"),
        (("audit", "anchor", "--out", "anchor.json"), "no database"),
        (("users", "list", "--database", "mysql://x/y"), "SQLite"),
    ],
)
def test_refusals_are_one_line_with_a_remedy(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], fragment: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = say(*words)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert fragment in err
    assert "Remedy:" in err
    assert not (tmp_path / "anchor.json").exists()


def test_the_record_is_verified_and_tampering_is_exit_code_1(say: Say, tmp_path: Path) -> None:
    for name in ("ann", "bob", "cyd"):
        add(say, name, "--role", "planner")
    anchor = tmp_path / "anchor.json"
    assert say("audit", "anchor", "--out", str(anchor))[0] == 0
    code, out, _ = say("audit", "verify", "--anchor", str(anchor), "--json", "-")
    assert code == 0
    assert json.loads(out)["sound"]
    public = tmp_path / "data" / "audit-key.pub.pem"
    assert say("audit", "verify", "--public-key", str(public))[0] == 0
    engine = create_engine(f"sqlite:///{tmp_path}/data/arv.sqlite3")
    with engine.begin() as tx:
        tx.execute(text("DROP TRIGGER audit_no_update"))
        tx.execute(text("UPDATE audit SET actor = 'nobody' WHERE position = 2"))
    engine.dispose()
    code, out, err = say("audit", "verify", "--json", "-")
    assert code == 1
    assert "row 2" in err
    assert "edited" in err
    assert not json.loads(out)["sound"]


def test_a_key_of_another_record_is_refused(say: Say, tmp_path: Path) -> None:
    add(say, "ann", "--role", "planner")
    key = tmp_path / "data" / "audit-key.pem"
    kept = key.read_bytes()
    key.unlink()
    code, _, err = say("users", "list")
    assert code == 1
    assert "not in the data directory" in err
    assert run(["users", "add", "x1", "--display-name", "x", "--role", "planner",
                "--data", str(tmp_path / "other")]) == 0  # fmt: skip
    key.write_bytes((tmp_path / "other" / "audit-key.pem").read_bytes())
    key.chmod(0o600)
    code, _, err = say("users", "list")
    assert code == 1
    assert "belongs to this database" in err
    key.write_bytes(kept)
    assert say("users", "list")[0] == 0


def test_the_signing_key_is_changed_and_an_older_backup_is_continued(
    say: Say, tmp_path: Path
) -> None:
    add(say, "ann", "--role", "planner")
    anchor, data = tmp_path / "anchor.json", tmp_path / "data"
    assert say("audit", "anchor", "--out", str(anchor))[0] == 0
    assert say("store", "backup", str(tmp_path / "backup"))[0] == 0
    code, out, _ = say("audit", "rotate-key", "--reason", "yearly", "--json", "-")
    assert code == 0
    done = json.loads(out)
    old = data / f"audit-key.{done['old_key_id']}.pub.pem"
    code, out, _ = say("audit", "verify", "--anchor", str(anchor), "--json", "-")
    assert (code, json.loads(out)["keys"]) == (0, [done["old_key_id"], done["new_key_id"]])
    assert say("audit", "verify", "--public-key", str(old))[0] == 0
    (data / "arv.sqlite3").unlink()
    code, _, err = say("store", "restore", str(tmp_path / "backup"))
    assert code == 0
    assert "rotate-key --again" in err
    code, _, err = say("users", "list")
    assert code == 1
    assert "rotate-key --again" in err
    code, _, err = say("audit", "verify")
    assert code == 1
    assert f"--public-key {old.name}" in err
    assert say("audit", "verify", "--public-key", str(old))[0] == 0
    assert say("audit", "rotate-key", "--again", "--reason", "restored")[0] == 0
    assert say("users", "list")[0] == 0
    code, out, err = say("audit", "verify", "--anchor", str(anchor), "--json", "-")
    assert (code, json.loads(out)["keys"]) == (0, [done["old_key_id"], done["new_key_id"]]), err
    code, _, err = say("audit", "rotate-key", "--reason", " ")
    assert code == 1
    assert "needs a reason" in err


def test_equality_of_the_demo_week(
    demo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "areas.csv"
    table.write_text(
        "area_code,population,characteristic,group,share\n"
        "E09000012,1000,age,under 25,0.4\nE09000033,1000,age,under 25,0.2\n"
    )
    words = ["equality", "--plan", str(demo_folder / "plan.json"), "--assessment",
             str(demo_folder), "--json", "-"]  # fmt: skip
    assert run([*words, "--areas", str(table)]) == 0
    statement = json.loads(capsys.readouterr().out)
    assert statement["status"] == "assessed"
    assert len(statement["areas_without_data"]) == 30
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "not assessed"
    table.write_text("area_code,share\n")
    assert run([*words, "--areas", str(table)]) == 1
    assert "population" in capsys.readouterr().err
