"""The sources of evidence and the policy that says what each of them weighs.

A record weighs ``category x source grade x information grade x 2^(-age / half-life)``; the
numbers come from a versioned TOML policy that the tasking meeting can read and change.
Three rules no policy can change: discovered crime weighs nothing, information suspected
false weighs nothing, and no unit defined by the ethnicity of victims or suspects weighs
anything.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

from hotspots.errors import PolicyRefusedError

Role = Literal["incident", "proxy", "prior", "shown"]
ROLES: tuple[Role, ...] = ("incident", "proxy", "prior", "shown")
UNGRADED = "ungraded"
SOURCE_GRADES = ("1", "2", "3", UNGRADED)
INFORMATION_GRADES = ("A", "B", "C", "D", "E", UNGRADED)

#: Categories that the police find rather than are told of: weight 0 by rule.
DISCOVERED_CATEGORIES = frozenset(
    {
        "weapon_recovered",
        "possession_firearm",
        "patrol_activity",
        "possession_of_weapons",
        "drugs",
        "public_disorder_and_weapons",
        "possession_of_drugs",
        "trafficking_of_drugs",
    }
)
#: Words that no weighted source or category may carry (see ``SHOWN_BY_RULE``).
REFUSED_WORDS = ("trident", "trafalgar")


@dataclass(frozen=True)
class Source:
    """A system or unit that evidence comes from. ``basis`` is what it is unless it says so."""

    key: str
    title: str
    basis: Literal["reported", "discovered"]


REGISTRY: Mapping[str, Source] = MappingProxyType(
    {
        source.key: source
        for source in (
            Source("reported_shooting", "Reported shootings", "reported"),
            Source("recorded_gun_crime", "Recorded gun crime", "reported"),
            Source("co19_handover", "CO19 handovers", "reported"),
            Source("crimint", "Crimint+ intelligence", "reported"),
            Source("scd7", "SCD7 operations", "reported"),
            Source("scd8", "SCD8 operations", "reported"),
            Source("blunt_2", "Operation Blunt 2", "discovered"),
            Source("daris_320", "Daris 320 calls", "reported"),
            Source("gang_tension", "Gang tension reports", "reported"),
            Source("arv_activity", "Armed response vehicle activity", "discovered"),
            Source("police_uk_street", "police.uk street-level crime", "reported"),
            Source(
                "mps_dashboard_counts", "Metropolitan Police gun and knife crime counts", "reported"
            ),
            Source("mps_recorded_crime_counts", "Metropolitan Police recorded crime", "reported"),
        )
    }
)

#: Sources that are displayed and never weighed, with the reason a reader is given.
SHOWN_BY_RULE: Mapping[str, str] = MappingProxyType(
    {
        "blunt_2": "discovered crime follows patrols, so it cannot measure need",
        "arv_activity": "what armed patrols do and find follows patrols",
        "scd8": "papers define its Trident and Trafalgar work by the ethnicity of those involved",
    }
)


@dataclass(frozen=True)
class SourcePolicy:
    """What one source weighs.

    Attributes
    ----------
    role
        ``incident`` counts the target itself, ``proxy`` a known share of other offences,
        ``prior`` may only raise a ward's prior mean, ``shown`` weighs nothing.
    half_life_days, stale_after_days
        Decay of each record, and the age of the last covered day beyond which the whole
        source is shown only.
    categories
        Weight by category: reported firearms incidents each record stands for.
    """

    source: str
    role: Role
    half_life_days: float
    stale_after_days: float
    categories: Mapping[str, float]


@dataclass(frozen=True)
class EvidencePolicy:
    """A complete, validated evidence policy; see ``hotspots/policy/default.toml``.

    ``sources`` weigh the response demand. ``harm`` holds, by counting source, the weights of
    the categories that the second target counts; empty when the policy names no harm.
    """

    version: str
    sha256: str
    memory_days: int
    source_grades: Mapping[str, float]
    information_grades: Mapping[str, float]
    prior_cap: float
    prior_half_at: float
    proxy_trust: float
    proxy_half_trust_at_weeks: float
    bandwidth_m: float
    sources: Mapping[str, SourcePolicy]
    harm: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, source: str) -> SourcePolicy:
        """Return the policy of a source; one the policy does not name is shown only."""
        found = self.sources.get(source)
        if found is not None:
            return found
        return SourcePolicy(source, "shown", 365.0, 365.0, MappingProxyType({}))

    def for_harm(self) -> EvidencePolicy:
        """Return the policy of the second target: only harm counts as an incident."""
        sources = {
            key: replace(one, categories=self.harm.get(key, MappingProxyType({})))
            if one.role == "incident"
            else one
            for key, one in self.sources.items()
        }
        return replace(self, sources=MappingProxyType(sources))

    def with_role(self, role: Role) -> tuple[str, ...]:
        """Return the keys of the sources that have a role, sorted."""
        return tuple(sorted(key for key, one in self.sources.items() if one.role == role))


@cache
def load_default_policy() -> EvidencePolicy:
    """Return the bundled policy (a package resource; no path, no setting)."""
    return parse_policy(default_policy_text())


def default_policy_text() -> str:
    """Return the text of the bundled policy, for a person to read and change."""
    place = resources.files("hotspots") / "policy" / "default.toml"
    return place.read_text(encoding="utf-8")


def parse_policy(text: str) -> EvidencePolicy:
    """Read an evidence policy from TOML text.

    Parameters
    ----------
    text
        TOML in the layout of ``hotspots/policy/default.toml``. A missing table is refused:
        a policy is read whole, never merged with another.

    Raises
    ------
    PolicyRefusedError
        Not TOML; a missing or unknown key, source, role or grade; a number outside its
        range; or a weight for discovered crime or for a source that is shown by rule.
    """
    try:
        table = tomllib.loads(text)
    except RecursionError as fault:
        raise PolicyRefusedError(
            "not TOML (it is nested too deeply)",
            remedy="start from the bundled policy in docs/model.md",
        ) from fault
    except ValueError as fault:  # also numbers of 5,000 digits
        raise PolicyRefusedError(
            f"not TOML ({str(fault).partition(';')[0]})",
            remedy="start from the bundled policy in docs/model.md",
        ) from fault
    _only_keys(
        table,
        "",
        ("version", "memory_days", "grades", "prior", "proxy", "surface", "sources", "harm"),
    )
    grades = _table(table, "", "grades")
    _only_keys(grades, "grades", ("source", "information"))
    prior, proxy = _table(table, "", "prior"), _table(table, "", "proxy")
    surface = _table(table, "", "surface")
    _only_keys(prior, "prior", ("cap", "half_at"))
    _only_keys(proxy, "proxy", ("trust", "half_trust_at_weeks"))
    _only_keys(surface, "surface", ("bandwidth_m",))
    sources = {
        key: _source_policy(key, _table(_table(table, "", "sources"), "sources", key))
        for key in sorted(_table(table, "", "sources"))
    }
    _refuse_mixed_levels(sources)
    information = _grades(_table(grades, "grades", "information"), "information")
    if information["E"] != 0.0:
        raise PolicyRefusedError(
            "information suspected false (grade E) must weigh 0",
            remedy="set grades.information.E to 0",
            column="grades.information.E",
            value=information["E"],
        )
    return EvidencePolicy(
        version=_version(table),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        memory_days=int(_number(table, "", "memory_days", 1, 36525)),
        source_grades=_grades(_table(grades, "grades", "source"), "source"),
        information_grades=information,
        prior_cap=_number(prior, "prior", "cap", 0.0, 1.0),
        prior_half_at=_number(prior, "prior", "half_at", 1e-3, 1e6),
        proxy_trust=_number(proxy, "proxy", "trust", 0.0, 0.99),
        proxy_half_trust_at_weeks=_number(proxy, "proxy", "half_trust_at_weeks", 1e-3, 1e4),
        bandwidth_m=_number(surface, "surface", "bandwidth_m", 50.0, 5000.0),
        sources=MappingProxyType(sources),
        harm=_harm(_table(table, "", "harm") if "harm" in table else {}, sources),
    )


def _harm(
    table: Mapping[str, Any], sources: Mapping[str, SourcePolicy]
) -> Mapping[str, Mapping[str, float]]:
    """Read what the second target counts: only of sources that count incidents."""
    harm = {}
    for key in sorted(table):
        if key not in sources or sources[key].role != "incident":
            raise PolicyRefusedError(
                "harm is counted only from sources of role 'incident'",
                remedy="name one of them, or remove this table",
                column=f"harm.{key}",
            )
        harm[key] = _categories(_table(table, "harm", key), f"harm.{key}")
    return MappingProxyType(harm)


def _source_policy(key: str, table: Mapping[str, Any]) -> SourcePolicy:
    where = f"sources.{key}"
    _refuse_names(key, where)
    if key not in REGISTRY:
        raise PolicyRefusedError(
            f"unknown source {key!r}",
            remedy=f"use one of {', '.join(sorted(REGISTRY))}",
            column=where,
        )
    _only_keys(table, where, ("role", "half_life_days", "stale_after_days", "categories"))
    role = table.get("role")
    if role not in ROLES:
        raise PolicyRefusedError(
            "unknown role",
            remedy=f"use one of {', '.join(ROLES)}",
            column=f"{where}.role",
            value=role,
        )
    categories = _categories(_table(table, where, "categories"), f"{where}.categories")
    if role == "shown" and any(categories.values()):
        raise PolicyRefusedError(
            "a source that is only shown cannot weigh anything",
            remedy="set its category weights to 0 or change its role",
            column=f"{where}.categories",
        )
    if key in SHOWN_BY_RULE and any(categories.values()):
        raise PolicyRefusedError(
            f"this source can never weigh anything: {SHOWN_BY_RULE[key]}",
            remedy="remove its weights; its records are still shown",
            column=f"{where}.categories",
        )
    return SourcePolicy(
        source=key,
        role=role,
        half_life_days=_number(table, where, "half_life_days", 1e-3, 1e6),
        stale_after_days=_number(table, where, "stale_after_days", 1.0, 1e6),
        categories=categories,
    )


def _refuse_mixed_levels(sources: Mapping[str, SourcePolicy]) -> None:
    """Refuse sources of one counting role that decay differently: they measure one rate."""
    for role in ("incident", "proxy"):
        same = [one for one in sources.values() if one.role == role]
        for one in same[1:]:
            if one.half_life_days != same[0].half_life_days:
                raise PolicyRefusedError(
                    f"all sources of role {role!r} measure one rate and share a half-life",
                    remedy=f"use the half_life_days of {same[0].source}",
                    column=f"sources.{one.source}.half_life_days",
                    value=one.half_life_days,
                )


def _categories(table: Mapping[str, Any], where: str) -> Mapping[str, float]:
    weights: dict[str, float] = {}
    for category in sorted(table):
        _refuse_names(category, f"{where}.{category}")
        weight = _number(table, where, category, 0.0, 1.0)
        if weight > 0 and category in DISCOVERED_CATEGORIES:
            raise PolicyRefusedError(
                "discovered crime weighs 0 in every score: it follows patrols, not need",
                remedy="set this weight to 0; the records are still shown",
                column=f"{where}.{category}",
                value=weight,
            )
        weights[category] = weight
    return MappingProxyType(weights)


def _grades(
    table: Mapping[str, Any], kind: Literal["source", "information"]
) -> Mapping[str, float]:
    known = SOURCE_GRADES if kind == "source" else INFORMATION_GRADES
    where = f"grades.{kind}"
    _only_keys(table, where, known)
    return MappingProxyType({grade: _number(table, where, grade, 0.0, 1.0) for grade in known})


def _version(table: Mapping[str, Any]) -> str:
    version = table.get("version")
    if not isinstance(version, str) or not 0 < len(version) <= 40:
        raise PolicyRefusedError(
            "a policy has a version of 1 to 40 characters",
            remedy='write for example version = "2026.1"',
            column="version",
            value=version,
        )
    return version


def _table(table: Mapping[str, Any], where: str, key: str) -> Mapping[str, Any]:
    value = table.get(key)
    if not isinstance(value, dict):
        name = f"{where}.{key}" if where else key
        raise PolicyRefusedError(
            f"the table [{name}] is missing or is not a table",
            remedy="start from the bundled policy in docs/model.md",
            column=name,
        )
    return value


def _number(table: Mapping[str, Any], where: str, key: str, low: float, high: float) -> float:
    value = table.get(key)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not low <= value <= high:  # type: ignore[operator]  # a number, as checked
        raise PolicyRefusedError(
            f"must be a number from {low:g} to {high:g}",
            remedy="correct the number",
            column=f"{where}.{key}" if where else key,
            value=value,
        )
    return float(value)  # type: ignore[arg-type]  # a number, as checked


def _only_keys(table: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise PolicyRefusedError(
                f"unknown key {key!r}",
                remedy=f"use only {', '.join(known)}",
                column=f"{where}.{key}" if where else key,
            )


def _refuse_names(name: str, where: str) -> None:
    if any(word in name.lower() for word in REFUSED_WORDS):
        raise PolicyRefusedError(
            "no weight may use a unit that papers define by ethnicity",
            remedy="remove this entry",
            column=where,
        )
