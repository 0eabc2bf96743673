"""docs/access.md says what the code does: the rules, the commands, the organisation file."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

from api.access import KEYLESS, PERSONAL, RULES, SEPARATED, WHY, Action, Role
from api.cli.users import commands as users
from api.routes.table import ENDPOINTS

ROLES = [role for role in Role if role is not Role.ANYONE]


def text(repository: Path) -> str:
    return (repository / "docs" / "access.md").read_text("utf-8")


def test_the_table_of_rules_is_that_of_the_code(repository: Path) -> None:
    said = text(repository).split("<!-- rules")[1].split("<!-- end of rules")[0]
    lines = [line for line in said.splitlines() if line.startswith("| `")]
    expected = []
    for action in Action:
        if Role.ANYONE in RULES[action]:
            continue
        marks = (" †" if action in SEPARATED else "") + (" ‡" if action in PERSONAL else "")
        marks += " §" if action in KEYLESS else ""
        cells = " | ".join("●" if role in RULES[action] else "" for role in ROLES)
        expected.append(f"| `{action}`{marks} | {cells} | {WHY[action]} |")
    assert lines == expected


def test_the_organisation_file_is_the_bundled_one(repository: Path) -> None:
    shown = re.search(r"```toml\n(schema_version.*?)```", text(repository), re.DOTALL)
    assert shown
    bundled = resources.files("api").joinpath("organisation.toml").read_text("utf-8")
    assert tomllib.loads(shown[1]) == tomllib.loads(bundled)


def test_every_command_and_address_named_there_exists(repository: Path) -> None:
    said = text(repository)
    known = {one.name for one in users.registered_commands}
    named = set(re.findall(r"arv users ([a-z-]+)", said))
    assert named <= known, named - known
    offered = {
        (one.method, re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), one.path))
        for one in ENDPOINTS
    }
    for method, path in re.findall(r"`(GET|POST) (/\S+?)`", said):
        assert (method, path.split("?")[0]) in offered, (method, path)
