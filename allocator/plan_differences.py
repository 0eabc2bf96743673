"""Which units' areas differ between two plans: what a re-plan or an alternative would change."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.plan import PatrolPlan


@dataclass(frozen=True)
class UnitChange:
    """One unit whose set of boroughs differs; ``after`` is empty for a unit that was lost."""

    unit_id: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def gained(self) -> tuple[str, ...]:
        """Boroughs it takes over."""
        return tuple(code for code in self.after if code not in self.before)

    @property
    def given_up(self) -> tuple[str, ...]:
        """Boroughs it hands on."""
        return tuple(code for code in self.before if code not in self.after)


def differences(before: PatrolPlan, after: PatrolPlan) -> tuple[UnitChange, ...]:
    """Return the units whose set of boroughs differs: lost units first, then by unit."""
    old = {unit.unit_id: unit.boroughs for unit in before.units}
    new = {unit.unit_id: unit.boroughs for unit in after.units}
    changed = [
        UnitChange(unit_id, old.get(unit_id, ()), new.get(unit_id, ()))
        for unit_id in sorted(old.keys() | new.keys())
        if set(old.get(unit_id, ())) != set(new.get(unit_id, ()))
    ]
    return tuple(sorted(changed, key=lambda change: (bool(change.after), change.unit_id)))


def changed_units(before: PatrolPlan, after: PatrolPlan) -> list[str]:
    """Return the units of both plans whose set of boroughs differs, in the order of ``after``."""
    old = {unit.unit_id: set(unit.boroughs) for unit in before.units}
    return [
        unit.unit_id
        for unit in after.units
        if unit.unit_id in old and old[unit.unit_id] != set(unit.boroughs)
    ]
