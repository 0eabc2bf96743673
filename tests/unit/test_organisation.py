"""Names of roles and units: a file may change them, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.access import Role
from api.organisation import FILE_NAME, read_organisation
from api.settings import ServiceRefusedError


def test_every_role_has_a_name_and_the_papers_units_are_there(tmp_path: Path) -> None:
    kept = read_organisation(tmp_path)
    assert set(kept.roles) == set(Role) - {Role.ANYONE}
    assert kept.units["CO19"] == "Specialist Firearms Command"


def test_a_force_changes_some_names_and_keeps_the_others(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(
        'schema_version = 1\nforce = "Another Force"\n[roles]\nchair = "Head of the meeting"\n'
        '[units]\nFSU = "Firearms Support Unit"\n'
    )
    kept = read_organisation(tmp_path)
    assert kept.force == "Another Force"
    assert kept.roles[Role.CHAIR] == "Head of the meeting"
    assert kept.roles[Role.AUDITOR] == "Auditor"
    assert {"FSU", "CO19"} <= set(kept.units)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema_version = 2",
        "schema_version = 1\nroles = 3",
        'schema_version = 1\n[roles]\nboss = "Boss"',
        "schema_version = 1\n[roles]\nchair = 1",
        'schema_version = 1\n[roles]\nchair = ""',
        'schema_version = 1\n[roles]\nchair = "a\\u202eb"',
        f'schema_version = 1\n[units]\nCO19 = "{"x" * 81}"',
        "schema_version = 1\n[rights]\n",
        "schema_version =",
    ],
)
def test_a_file_that_says_more_or_other_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ServiceRefusedError, match="Remedy"):
        read_organisation(tmp_path)
