"""The fleet file: what is read, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from allocator.errors import FleetRefusedError
from api.files.fleet_file import parse_fleet, read_fleet

HEAD = "service_standard_s = 540\nturnout_s = 60\n"


def unit(unit_id: str = "ARV-01", more: str = "") -> str:
    return f'[[units]]\nunit_id = "{unit_id}"\nprovenance = "CO19"\n{more}\n'


def test_the_example_is_the_sixteen_typed_units(repository: Path) -> None:
    fleet = read_fleet(repository / "examples" / "fleet.toml")
    provenances = [one.provenance for one in fleet.units]
    assert len(fleet.units) == 16
    assert provenances.count("CO19") > 8
    assert {"CO19", "SO6", "SO18"} == set(provenances)
    assert "INVENTED" in fleet.label
    for one in fleet.units:
        assert one.provenance == "CO19" or len(one.eligible_boroughs) >= 3


def test_defaults_and_sorting() -> None:
    fleet = parse_fleet(
        HEAD + unit(more='eligible_boroughs = ["E09000033", "E09000007"]\non_duty = ["Sun", "mon"]')
    )
    assert fleet.units[0].eligible_boroughs == ("E09000007", "E09000033")
    assert fleet.units[0].on_duty == (0, 6)
    assert parse_fleet(HEAD + unit()).units[0].on_duty == tuple(range(7))
    assert (fleet.service_standard_s, fleet.turnout_s) == (540, 60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["service_standard_s", "missing"]),
        (HEAD, ["0 units"]),
        (HEAD + "".join(unit(f"U-{n}") for n in range(40)), ["40 units", "32", "8 units"]),
        (HEAD + unit() + unit(), ["unit 2", "'ARV-01'", "unit 1"]),
        (HEAD + unit("arv 1"), ["unit 1", "'arv 1'", "capital"]),
        (HEAD + unit(more="speed = 3"), ["unit 1", "'ARV-01'", "unknown key 'speed'"]),
        ("colour = 1\n" + HEAD + unit(), ["unknown key 'colour'"]),
        (HEAD + unit(more='eligible_boroughs = ["Camden"]'), ["'Camden'", "GSS"]),
        (HEAD + unit(more='eligible_boroughs = ["E09000007", "E09000007"]'), ["twice"]),
        (HEAD + unit(more='eligible_boroughs = "E09000007"'), ["ARV-01", "list"]),
        (HEAD + unit(more="on_duty = []"), ["on_duty", "no day"]),
        (HEAD + unit(more="on_duty = false"), ["on_duty", "no day"]),
        (HEAD + unit(more='on_duty = ["Moonday"]'), ["'moonday'", "monday"]),
        (HEAD + unit(more='on_duty = ["mon", "Monday"]'), ["monday twice"]),
        ("service_standard_s = 60\nturnout_s = 60\n" + unit(), ["60", "above turnout_s"]),
        ("service_standard_s = 0\nturnout_s = 0\n" + unit(), ["service_standard_s", "greater"]),
        ("service_standard_s = 540.5\nturnout_s = 0\n" + unit(), ["540.5", "integer"]),
        ("service_standard_s = 540\nturnout_s = -1\n" + unit(), ["turnout_s", "-1"]),
        (HEAD + "[[units]]\nunit_id = 'A'\n", ["unit 1", "provenance is missing"]),
        (HEAD + "units = 3", ["units", "list"]),
        (HEAD + "[[units]\n", ["not valid TOML", "line 3"]),
    ],
)
def test_refusals_name_the_unit_the_value_and_the_remedy(text: str, words: list[str]) -> None:
    with pytest.raises(FleetRefusedError) as refusal:
        parse_fleet(text, "fleet.toml")
    message = str(refusal.value)
    assert message.startswith("fleet.toml")
    assert "Remedy: " in message
    assert "\n" not in message
    for word in words:
        assert word in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FleetRefusedError, match=r"nothing\.toml: the fleet file cannot be read"):
        read_fleet(tmp_path / "nothing.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'label = "caf\xe9"\n')
    with pytest.raises(FleetRefusedError, match="not UTF-8"):
        read_fleet(latin)


def test_the_assumed_work_is_read_and_bounded() -> None:
    head = "service_standard_s = 540\nturnout_s = 60\n"
    unit = '[[units]]\nunit_id = "A"\nprovenance = "X"\n'
    fleet = parse_fleet(head + "calls_per_week = 300\nservice_time_s = 1800.0\n" + unit)
    assert (fleet.calls_per_week, fleet.service_time_s) == (300.0, 1800.0)
    assert parse_fleet(head + unit).calls_per_week is None
    for line, words in (
        ("calls_per_week = 0", "calls_per_week is 0"),
        ("calls_per_week = nan", "calls_per_week is nan"),
        ("calls_per_week = 1e9", "calls_per_week is 1000000000.0"),
        ("service_time_s = 60", "service_time_s is given without calls_per_week"),
    ):
        with pytest.raises(FleetRefusedError, match=words):
            parse_fleet(f"{head}{line}\n{unit}")
