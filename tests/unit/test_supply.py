"""The bill of materials, the audit of dependencies and bandit's review, each seen to fail."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

HASH = "--hash=sha256:" + "0" * 64


@pytest.fixture(scope="module")
def checks(repository: Path) -> Iterator[dict[str, ModuleType]]:
    """Return the modules of the checks, which are programs and no package."""
    folder = str(repository / ".ci")
    names = ("pins", "sbom", "check_dependencies", "check_security")
    sys.path.insert(0, folder)
    yield {name: importlib.import_module(name) for name in names}
    sys.path.remove(folder)
    for name in names:
        sys.modules.pop(name, None)


def test_the_bill_of_materials_is_valid_whole_and_the_same_each_time(
    checks: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for name in ("a.json", "b.json"):
        monkeypatch.setattr(sys, "argv", ["sbom.py", str(tmp_path / name)])
        assert checks["sbom"].main() == 0
        made.append((tmp_path / name).read_text("utf-8"))
    assert made[0] == made[1]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made[0]) is None
    body = json.loads(made[0])
    components = {one["name"]: one for one in body["components"]}
    assert {"fastapi", "sqlalchemy", "ortools", "cryptography", "numpy"} <= set(components)
    assert "pytest" not in components
    assert all(one["licenses"] and one["hashes"] for one in components.values())
    own = body["metadata"]["component"]["purl"]
    needs = {one["ref"]: one["dependsOn"] for one in body["dependencies"]}
    reached, waiting = {own}, [own]
    while waiting:
        for other in set(needs[waiting.pop()]) - reached:
            reached.add(other)
            waiting.append(other)
    assert {components["starlette"]["purl"], components["h11"]["purl"]} <= reached
    assert "timestamp" not in made[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"one>=1.0 {HASH}", "not pinned"),
        ("one==1.0", "not pinned with a hash"),
        ("--index-url somewhere", "an option"),
        (f"one @ https://example.org/one.whl {HASH}", "an address"),
    ],
)
def test_a_lock_file_that_is_loose_is_refused(
    checks: dict[str, ModuleType], tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "runtime.txt"
    path.write_text(f"# made\n{text}\n")
    with pytest.raises(ValueError, match=words):
        checks["pins"].read_pins(path)


def test_a_strange_version_or_licence_is_named(
    checks: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    audit, pins = checks["check_dependencies"], checks["pins"]
    monkeypatch.setattr(audit, "_unfit", list)
    assert audit.faults() == []
    fastapi = next(one for one in pins.read_pins() if one.name == "fastapi")
    older = pins.Pin("fastapi", "0.1", fastapi.hashes)
    others = [one for one in pins.read_pins() if one.name != "fastapi"]
    monkeypatch.setattr(audit, "read_pins", lambda *_path, **_more: [*others, older])
    assert [line for line in audit.faults() if "fastapi is pinned at 0.1, installed" in line]
    assert [line for line in audit.faults() if "fastapi>=" in line]
    monkeypatch.setattr(audit, "read_pins", lambda *_path, **_more: [*others, fastapi])
    monkeypatch.setattr(audit, "licence_of", lambda _name: "AGPL-3.0-only")
    assert [line for line in audit.faults() if "not looked at yet (AGPL-3.0-only)" in line]


def test_a_new_finding_and_one_that_is_gone_both_fail(
    checks: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], repository: Path,
) -> None:  # fmt: skip
    scan = checks["check_security"]
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "a.py").write_text("eval(input())\n")
    (tmp_path / "pyproject.toml").write_text((repository / "pyproject.toml").read_text("utf-8"))
    known = tmp_path / "reviewed.toml"
    entry = '[[reviewed]]\nfile = "pkg/a.py"\ntest = "{}"\ntimes = 1\nreason = "a test"\n'
    monkeypatch.setattr(scan, "ROOT", tmp_path)
    monkeypatch.setattr(scan, "PACKAGES", ("pkg",))
    monkeypatch.setattr(scan, "REVIEWED", known)
    known.write_text(entry.format("B307"))
    assert scan.main() == 0
    known.write_text(entry.format("B102"))
    assert scan.main() == 1
    said = capsys.readouterr().err
    assert "pkg/a.py B307: 1 found, 0 reviewed" in said
    assert "it is gone" in said
    known.write_text(entry.format("B307").replace("a test", " "))
    with pytest.raises(ValueError, match="without a reason"):
        scan.main()
