"""The evidence policy: what it says, and what no policy may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotspots.errors import PolicyRefusedError
from hotspots.feeds import dashboard_counts, meeting, police_uk
from hotspots.sources import (
    DISCOVERED_CATEGORIES,
    REGISTRY,
    default_policy_text,
    load_default_policy,
    parse_policy,
)

TEXT = default_policy_text()


def test_every_source_that_a_reader_names_is_registered() -> None:
    named = {*meeting.SOURCES, police_uk.SOURCE, dashboard_counts.DASHBOARD}
    assert named | {dashboard_counts.RECORDED} == set(REGISTRY)
    assert set(meeting.DISCOVERED_CATEGORIES) <= DISCOVERED_CATEGORIES
    assert set(police_uk.DISCOVERED) <= DISCOVERED_CATEGORIES


def test_the_default_policy_keeps_the_unit_incidents_a_week() -> None:
    policy = load_default_policy()
    for key in policy.with_role("incident"):
        assert set(policy.of(key).categories.values()) <= {0.0, 1.0}
    assert policy.of("mps_dashboard_counts").categories["lethal_barrel_discharge"] == 0
    assert policy.information_grades["E"] == 0
    assert policy.source_grades["ungraded"] == policy.information_grades["ungraded"] == 1
    assert policy.of("scd8").role == policy.of("blunt_2").role == "shown"


def test_the_identity_of_a_policy_is_its_text() -> None:
    assert parse_policy(TEXT).sha256 == load_default_policy().sha256
    assert parse_policy(TEXT + "\n# a note\n").sha256 != load_default_policy().sha256


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version =", "version", "not TOML"),
        ('version = "2026.2"', "", "version"),
        ("memory_days = 5479", "memory_days = -1", "memory_days"),
        ("half_life_days = 28", "half_life_days = -28", "half_life_days"),
        ("half_life_days = 28", "half_life_days = nan", "half_life_days"),
        ("half_life_days = 28", 'half_life_days = "28"', "half_life_days"),
        ("half_life_days = 28", "half_life_days = true", "half_life_days"),
        ("cap = 0.5", "cap = 5", "cap"),
        ("E = 0.0", "E = 0.1", "suspected false"),
        ("A = 1.0", "", "grades.information.A"),
        ("A = 1.0", "A = 1.0\nF = 0.5", "unknown key 'F'"),
        ("gang_tension = 0.5", "gang_tension = -0.5", "gang_tension"),
        ("sources.gang_tension", "sources.horoscope", "unknown source 'horoscope'"),
        ("sources.crimint", "sources.trident", "ethnicity"),
        ("intelligence_firearm = 1.0", "trafalgar_reports = 1.0", "ethnicity"),
        ("intelligence_firearm = 1.0", "weapon_recovered = 0.1", "discovered crime weighs 0"),
        ("robbery = 0.0097", "possession_of_weapons = 0.1", "discovered crime weighs 0"),
        ('role = "prior"', 'role = "oracle"', "unknown role"),
        ('role = "prior"', 'role = "shown"', "only shown"),
        ("half_life_days = 1461", "half_life_days = 100", "share a half-life"),
        ("[surface]", "[surfaces]", "surface"),
    ],
)
def test_an_impossible_policy_is_refused_by_name(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(PolicyRefusedError, match=message):
        parse_policy(TEXT.replace(old, new, 2 if old.startswith("sources.") else 1))


@pytest.mark.parametrize("source", ["scd8", "blunt_2", "arv_activity"])
def test_a_source_that_is_shown_by_rule_cannot_be_given_weight(source: str) -> None:
    table = (
        f'\n[sources.{source}]\nrole = "incident"\nhalf_life_days = 1461\n'
        f"stale_after_days = 90\n[sources.{source}.categories]\nfirearm_discharged = 1.0\n"
    )
    with pytest.raises(PolicyRefusedError, match="can never weigh"):
        parse_policy(TEXT + table)


def test_a_source_the_policy_does_not_name_weighs_nothing() -> None:
    start = TEXT.index("[sources.gang_tension]")
    policy = parse_policy(TEXT[:start])
    assert policy.of("gang_tension").role == "shown"
    assert not policy.of("gang_tension").categories


def test_the_documented_policy_is_the_bundled_one(repository: Path) -> None:
    page = (repository / "docs" / "model.md").read_text(encoding="utf-8")
    assert page.split("```toml\n")[1].split("```")[0] == TEXT
