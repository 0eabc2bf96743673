"""The boundaries the service works on, with their places, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from api.ogc.crs import Box
from api.ogc.places import Place, places_of
from api.service import Service
from hotspots.boundaries.study_area import StudyArea, bundled_folder, load_bundled


@dataclass(frozen=True)
class Ground:
    """A study area as a GIS needs it.

    Attributes
    ----------
    area
        The study area.
    corners
        West, south, east and north of all of it, in degrees.
    wards, boroughs
        The places of the rows of its frames, in their order.
    """

    area: StudyArea
    corners: Box
    wards: tuple[Place, ...]
    boroughs: tuple[Place, ...]


async def ground_of(service: Service) -> Ground:
    """Return the boundaries the service works on, with their places."""
    return await service.kept.get(bundled_folder(), _read)


async def study_area(service: Service) -> StudyArea:
    """Return the boundaries the service works on."""
    return (await ground_of(service)).area


def _read(_folder: Path) -> Ground:
    area = load_bundled()
    west, south, east, north = area.boroughs.to_crs(epsg=4326).total_bounds
    return Ground(
        area,
        (
            round(float(west), 6),
            round(float(south), 6),
            round(float(east), 6),
            round(float(north), 6),
        ),
        places_of(area.wards.geometry),
        places_of(area.boroughs.geometry),
    )
