"""Which areas each class of units may be given: the rules on size and workload.

Every connected group of boroughs within the rules is listed. Where that would be more than
the solver can prove anything about (fleets of a few units), neighbouring boroughs are first
joined to blocks that are given out whole; the plan then says so and does not call itself
optimal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allocator.errors import PlanInfeasibleError
from allocator.patrol_areas import connected_areas, connected_parts, members_of
from allocator.plan_world import Floats, UnitClass, World

MAX_AREAS_OF_CLASS = 2_000
MAX_AREAS_OF_BLOCKS = 2_000
ROUNDING = 1e-12  # bounds are kept up to rounding of sums


@dataclass(frozen=True)
class WorkloadBounds:
    """Bounds of a unit's share of demand, as multiples of the equal share."""

    cap: float
    floor: float


@dataclass(frozen=True)
class Candidates:
    """Candidate areas and the rules they keep.

    Attributes
    ----------
    columns
        (area mask, class position) pairs.
    bounds, max_boroughs
        The rules in force. Single boroughs may exceed the cap; a lock outranks the cap and
        the size; a class with little eligible demand is excused from the floor.
    blocks
        Masks of boroughs given out whole; empty when every area within the rules is listed.
    """

    columns: tuple[tuple[int, int], ...]
    bounds: WorkloadBounds
    max_boroughs: int
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class _Tiles:
    """The pieces areas are made of: boroughs, or blocks of them."""

    masks: tuple[int, ...]
    neighbours: tuple[int, ...]
    demand: Floats

    def tiles_in(self, boroughs: int) -> int:
        """Mask of the tiles that lie wholly in a mask of boroughs."""
        return sum(1 << n for n, mask in enumerate(self.masks) if mask & ~boroughs == 0)

    def tiles_touching(self, boroughs: int) -> int:
        """Mask of the tiles that share a borough with a mask of boroughs."""
        return sum(1 << n for n, mask in enumerate(self.masks) if mask & boroughs)

    def boroughs_of(self, tiles: int) -> int:
        """Mask of the boroughs of a mask of tiles."""
        return sum(self.masks[number] for number in members_of(tiles))


def candidates(
    world: World,
    classes: Sequence[UnitClass],
    bounds: WorkloadBounds,
    max_boroughs: int,
    previous: Sequence[int] = (),
) -> Candidates:
    """List the areas of every class.

    Parameters
    ----------
    world, classes
        The boroughs and the classes of units.
    bounds
        Workload bounds.
    max_boroughs
        Most boroughs an area may hold, raised where the fleet is too small for it.
    previous
        Areas of the previous plan: boroughs of one of them are joined to blocks first, so that
        blocks do not force areas to change.

    Raises
    ------
    PlanInfeasibleError
        A class has no area within the rules.
    """
    n_units = sum(len(group.units) for group in classes)
    size = _size_limit(len(world.borough_codes), n_units, max_boroughs)
    tiles = _boroughs_as_tiles(world)
    columns = _columns(world, classes, tiles, bounds, size=size, limit=MAX_AREAS_OF_CLASS)
    blocks: tuple[int, ...] = ()
    while columns is None:
        joined = _joined(world, classes, tiles, previous)
        if len(joined.masks) < len(tiles.masks):
            tiles, blocks, size = joined, joined.masks, len(world.borough_codes)
        else:  # nothing is left to join: smaller areas
            size -= 1
        limit = MAX_AREAS_OF_BLOCKS if size > 2 else None
        columns = _columns(world, classes, tiles, bounds, size=size, limit=limit)
    return Candidates(tuple(columns), bounds, size, tuple(b for b in blocks if b.bit_count() > 1))


def _columns(
    world: World,
    classes: Sequence[UnitClass],
    tiles: _Tiles,
    bounds: WorkloadBounds,
    *,
    size: int,
    limit: int | None,
) -> list[tuple[int, int]] | None:
    """Areas of every class made of tiles, or nothing when a class has more than the limit."""
    columns: list[tuple[int, int]] = []
    for position, unit_class in enumerate(classes):
        areas = _areas_of_class(classes, unit_class, tiles, bounds, size=size, limit=limit)
        if areas is None:
            return None
        if not areas:
            raise _no_area(world, unit_class)
        masks = [tiles.boroughs_of(area) for area in areas]
        joined = [mask for mask in masks if joins_support(mask, world, unit_class)]
        if not joined:
            raise _no_area(world, unit_class)
        columns += [(mask, position) for mask in joined]
    return columns


def joins_support(mask: int, world: World, unit_class: UnitClass) -> bool:
    """Whether an area and the boroughs its unit supports are apart, but drivable together."""
    support = unit_class.support
    return not support or (
        not mask & support and len(connected_parts(mask | support, world.neighbours)) == 1
    )


def _areas_of_class(
    classes: Sequence[UnitClass],
    unit_class: UnitClass,
    tiles: _Tiles,
    bounds: WorkloadBounds,
    *,
    size: int,
    limit: int | None,
) -> list[int] | None:
    n_units = sum(len(group.units) for group in classes)
    everything = (1 << len(tiles.masks)) - 1
    if n_units == 1:
        whole = len(connected_parts(everything, tiles.neighbours)) == 1
        fits = tiles.tiles_in(unit_class.allowed) == everything
        return [everything] if whole and fits else []
    locked_elsewhere = 0
    for group in classes:
        locked_elsewhere |= group.required if group is not unit_class else 0
    usable = tiles.tiles_in(unit_class.allowed & ~locked_elsewhere)
    required = tiles.tiles_touching(unit_class.required)
    if required:
        return _areas_with_lock(
            tiles, required, usable, cap=bounds.cap / n_units, size=size, limit=limit
        )
    areas = connected_areas(
        tiles.neighbours,
        tiles.demand,
        max_weight=bounds.cap / n_units * (1 + ROUNDING),
        max_boroughs=size,
        allowed=usable,
        limit=limit,
    )
    if limit is not None and len(areas) >= limit:
        return None
    eligible = float(tiles.demand[list(members_of(usable))].sum())
    lowest = bounds.floor * min(1.0 / n_units, eligible / len(unit_class.units))
    kept = {*areas, *(1 << member for member in members_of(usable))}
    return [area for area in kept if _demand(tiles, area) >= lowest * (1 - ROUNDING)]


def _areas_with_lock(
    tiles: _Tiles, required: int, usable: int, *, cap: float, size: int, limit: int | None
) -> list[int] | None:
    """Areas that hold a lock: at least the lightest of them, whatever the cap."""
    areas = connected_areas(
        tiles.neighbours,
        tiles.demand,
        max_weight=np.inf,
        max_boroughs=max(size, required.bit_count() + 2),
        required=required,
        allowed=usable,
        limit=limit,
    )
    if limit is not None and len(areas) >= limit:
        return None
    ceiling = max(cap, min((_demand(tiles, area) for area in areas), default=0.0))
    return [area for area in areas if _demand(tiles, area) <= ceiling * (1 + ROUNDING)]


def _demand(tiles: _Tiles, area: int) -> float:
    return float(tiles.demand[list(members_of(area))].sum())


def _size_limit(n_boroughs: int, n_units: int, max_boroughs: int) -> int:
    """Most boroughs an area may hold: enough to cover London, and one left for every unit."""
    roomy = -(-3 * n_boroughs // (2 * n_units)) + 1
    return min(n_boroughs - n_units + 1, max(max_boroughs, roomy))


def _boroughs_as_tiles(world: World) -> _Tiles:
    masks = tuple(1 << number for number in range(len(world.borough_codes)))
    return _Tiles(masks, world.neighbours, world.borough_demand)


def _joined(
    world: World, classes: Sequence[UnitClass], tiles: _Tiles, previous: Sequence[int]
) -> _Tiles:
    """Join the two neighbouring tiles that together take the least patrol time.

    Tiles of one area of the previous plan come before tiles of two.

    Only tiles that every class may or may not patrol alike are joined, never locked ones,
    and never so many that a unit is left without one.
    """
    n_units = sum(len(group.units) for group in classes)
    weight = world.borough_weight
    pairs = [
        (
            _straddles(tiles.masks[a] | tiles.masks[b], previous),
            float(weight[list(members_of(tiles.masks[a] | tiles.masks[b]))].sum()),
            a,
            b,
        )
        for a in range(len(tiles.masks))
        for b in members_of(tiles.neighbours[a])
        if a < b and _alike(classes, tiles.masks[a], tiles.masks[b])
    ]
    if not pairs or len(tiles.masks) <= 2 * n_units:
        return tiles
    _, _, first, second = min(pairs)
    joined = tiles.masks[first] | tiles.masks[second]
    masks = tuple(
        joined if number == first else mask
        for number, mask in enumerate(tiles.masks)
        if number != second
    )
    return _tiles_of(world, masks)


def _straddles(mask: int, areas: Sequence[int]) -> bool:
    return bool(areas) and not any(mask & ~area == 0 for area in areas)


def _tiles_of(world: World, masks: tuple[int, ...]) -> _Tiles:
    around = [0] * len(masks)
    for number, mask in enumerate(masks):
        for member in members_of(mask):
            around[number] |= world.neighbours[member]
    neighbours = tuple(
        sum(1 << other for other, mask in enumerate(masks) if other != number and mask & near)
        for number, near in enumerate(around)
    )
    demand = np.array([float(world.borough_demand[list(members_of(mask))].sum()) for mask in masks])
    return _Tiles(masks, neighbours, demand)


def _alike(classes: Sequence[UnitClass], mask_a: int, mask_b: int) -> bool:
    both = mask_a | mask_b
    return all(
        both & ~group.allowed in (0, both) and not both & (group.required | group.support)
        for group in classes
    )


def _no_area(world: World, unit_class: UnitClass) -> PlanInfeasibleError:
    units = ", ".join(unit.unit_id for unit in unit_class.units)
    names = ", ".join(world.borough_names[member] for member in members_of(unit_class.allowed))
    beside = ", ".join(world.borough_names[member] for member in members_of(unit_class.support))
    joined = f" and joins {beside}, which it supports" if beside else ""
    return PlanInfeasibleError(
        f"{units} may patrol only {names}, and no connected area there keeps every rule{joined}",
        remedy="widen eligible_boroughs, or change the locks on those boroughs",
    )
