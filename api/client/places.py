"""Places with their figures: boroughs, and the collections a GIS reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from api.client.exchange import Exchange
from api.client.frames import features_frame
from api.client.messages import Box, corners, segment
from api.client.pages import next_query, pages

if TYPE_CHECKING:
    import geopandas as gpd

Collection = Literal["wards", "boroughs", "hot-spots", "patrol-areas", "incidents"]
GEOJSON = "application/geo+json"
BRITISH_GRID = "http://www.opengis.net/def/crs/EPSG/0/27700"
_PAGE = 1000


class Places:
    """What the service knows of places."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def wards(self, **filters: object) -> Iterator[Mapping[str, Any]]:
        """Yield the wards of an assessment with their figures.

        Parameters
        ----------
        **filters
            ``assessment_id``, ``target``, ``borough``, ``tier``, ``order``.
        """
        for page in pages(self._exchange, "/wards", filters):
            yield from page["wards"]

    def ward(self, code: str, **filters: object) -> Mapping[str, Any]:
        """Return a ward of an assessment (``assessment_id``, ``target``)."""
        found: Mapping[str, Any] = self._exchange.get(f"/wards/{segment(code)}", filters).json()
        return found

    def boroughs(self, **filters: object) -> Iterator[Mapping[str, Any]]:
        """Yield the boroughs of an assessment; filters as for :meth:`wards`."""
        for page in pages(self._exchange, "/boroughs", filters):
            yield from page["boroughs"]

    def hot_spots(self, **filters: object) -> Iterator[Mapping[str, Any]]:
        """Yield the hot spots of an assessment (``assessment_id``, ``borough``)."""
        for page in pages(self._exchange, "/hot-spots", filters):
            yield from page["hot_spots"]

    def hot_spot(self, hot_spot_id: str, assessment_id: str | None = None) -> Mapping[str, Any]:
        """Return a hot spot of an assessment."""
        path = f"/hot-spots/{segment(hot_spot_id)}"
        query = {"assessment_id": assessment_id}
        found: Mapping[str, Any] = self._exchange.get(path, query).json()
        return found

    def borough(self, code: str, week: str | None = None) -> Mapping[str, Any]:
        """Return a borough's own part of the picture: its wards, and in a week its unit."""
        path = f"/boroughs/{segment(code)}"
        found: Mapping[str, Any] = self._exchange.get(path, {"week": week}).json()
        return found

    def collections(self) -> list[str]:
        """Return the names of the collections the account may read."""
        document = self._exchange.get("/ogc/collections").json()
        return [str(one["id"]) for one in document["collections"]]

    def features(
        self,
        collection: Collection,
        *,
        bbox_m: Box | None = None,
        datetime: str | None = None,
    ) -> gpd.GeoDataFrame:
        """Return the features of a collection in EPSG:27700, all pages of it.

        Parameters
        ----------
        collection
            Its name.
        bbox_m
            West, south, east, north in metres, EPSG:27700.
        datetime
            An instant, a day in London, or ``START/END`` with ``..`` for an open end.
        """
        query: Mapping[str, object] | None = {
            "limit": _PAGE,
            "crs": BRITISH_GRID,
            "bbox": corners(bbox_m),
            "bbox-crs": BRITISH_GRID if bbox_m else None,
            "datetime": datetime,
        }
        path = f"/ogc/collections/{segment(collection)}/items"
        features: list[Mapping[str, Any]] = []
        marking: Mapping[str, str] = {}
        while query is not None:
            answer = self._exchange.get(path, query, accept=GEOJSON)
            features += answer.json()["features"]
            marking, query = answer.marking, next_query(answer)
        return features_frame(features, "EPSG:27700", marking)

    def feature(self, collection: Collection, feature_id: str) -> Mapping[str, Any]:
        """Return one feature of a collection as GeoJSON, longitude and latitude."""
        path = f"/ogc/collections/{segment(collection)}/items/{segment(feature_id)}"
        found: Mapping[str, Any] = self._exchange.get(path, accept=GEOJSON).json()
        return found
