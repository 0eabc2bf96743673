"""What a planner asks of single units beside locks: boroughs to keep out of, and to support.

An exclusion narrows where a unit may patrol. Support is deliberate overlap: the unit's primary
area stays one part of the partition, but it spends its time over that area and the supported
boroughs together, in proportion to the same patrol weights. Supported boroughs belong to other
units and must join the unit's area.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from allocator.errors import LockRefusedError
from allocator.plan import Fleet

Codes = Mapping[str, tuple[str, ...]]


def tidy(codes_of_unit: Codes | None) -> dict[str, tuple[str, ...]]:
    """Return the codes of each unit sorted and once each, units without codes left out."""
    return {
        unit_id: tuple(sorted(set(codes)))
        for unit_id, codes in sorted((codes_of_unit or {}).items())
        if codes
    }


def without_excluded(fleet: Fleet, excludes: Codes, boroughs: tuple[str, ...]) -> Fleet:
    """Return the fleet with each unit's eligible boroughs narrowed by what it must not patrol.

    Parameters
    ----------
    fleet
        The fleet; no eligible boroughs means all of ``boroughs``.
    excludes
        Boroughs that each unit must not patrol.
    boroughs
        Codes of the patrolled boroughs.

    Raises
    ------
    LockRefusedError
        When a unit or borough is unknown, or a unit would be left with nowhere to patrol.
    """
    _check_known("excludes", fleet, excludes, boroughs)
    units = []
    for unit in fleet.units:
        banned = frozenset(excludes.get(unit.unit_id, ()))
        allowed = tuple(code for code in unit.eligible_boroughs or boroughs if code not in banned)
        if not allowed:
            raise LockRefusedError(
                f"excludes leave {unit.unit_id} no borough to patrol",
                remedy="exclude fewer boroughs, or widen its eligible_boroughs",
            )
        units.append(replace(unit, eligible_boroughs=allowed) if banned else unit)
    return replace(fleet, units=tuple(units))


def check_support(fleet: Fleet, support: Codes, locks: Codes, boroughs: tuple[str, ...]) -> None:
    """Refuse support that names nothing or contradicts eligibility or a lock.

    Parameters
    ----------
    fleet
        The fleet after :func:`without_excluded`.
    support, locks
        Boroughs each unit is to overlap, and those its own area must contain.
    boroughs
        Codes of the patrolled boroughs.

    Raises
    ------
    LockRefusedError
        Naming the unit, the borough and the remedy.
    """
    _check_known("support", fleet, support, boroughs)
    eligible = {unit.unit_id: unit.eligible_boroughs or boroughs for unit in fleet.units}
    for unit_id, codes in support.items():
        for code in codes:
            if code not in eligible[unit_id]:
                raise LockRefusedError(
                    f"{unit_id} is to support {code}, where it may not patrol",
                    remedy="let another unit support it, or widen its eligible boroughs",
                )
            if code in locks.get(unit_id, ()):
                raise LockRefusedError(
                    f"{unit_id} is both locked to {code} and to support it",
                    remedy="drop one: support is for boroughs of other units",
                )


def _check_known(what: str, fleet: Fleet, asked: Codes, boroughs: tuple[str, ...]) -> None:
    known = {unit.unit_id for unit in fleet.units}
    for unit_id, codes in asked.items():
        if unit_id not in known:
            raise LockRefusedError(
                f"{what} names unit {unit_id!r}, which is not in the fleet",
                remedy="use a unit_id of the fleet",
            )
        for code in codes:
            if code not in boroughs:
                raise LockRefusedError(
                    f"{what} of {unit_id} names {code!r}, which is not a patrolled borough",
                    remedy="use a borough code of the assessment, E09…",
                )
