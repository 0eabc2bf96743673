"""Places and their forms in each system: made when first asked for, kept as long as the place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from api.ogc.crs import Crs, Geometries, unrounded, written


class Place:
    """A geometry of EPSG:27700, or ``None`` where a feature has no place.

    It is never altered, so that what was once converted and written out may be given again.

    Parameters
    ----------
    shape
        The geometry.
    """

    __slots__ = ("_moved", "_texts", "shape")

    def __init__(self, shape: Any) -> None:
        self.shape = shape
        self._moved: dict[bool, Any] = {}
        self._texts: dict[str, str] = {}

    @staticmethod
    def in_system(places: Sequence[Place], crs: Crs) -> Geometries:
        """Return places in a system; x is east or longitude whatever the system."""
        new = [one for one in places if crs.geographic not in one._moved]
        if new:
            moved = unrounded([one.shape for one in new], crs)
            for one, geometry in zip(new, moved, strict=True):
                one._moved[crs.geographic] = geometry
        found = np.empty(len(places), dtype=object)
        found[:] = [one._moved[crs.geographic] for one in places]
        return found

    @staticmethod
    def texts(places: Sequence[Place], crs: Crs) -> list[str]:
        """Return places as GeoJSON geometries in a system and its order of axes, as JSON."""
        new = [one for one in places if crs.uri not in one._texts]
        if new:
            geometries = written([one.shape for one in new], crs)
            for one, geometry in zip(new, geometries, strict=True):
                one._texts[crs.uri] = json.dumps(geometry, allow_nan=False)
        return [one._texts[crs.uri] for one in places]


def places_of(shapes: Iterable[Any]) -> tuple[Place, ...]:
    """Return geometries of EPSG:27700 as places."""
    return tuple(Place(shape) for shape in shapes)
