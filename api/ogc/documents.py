"""The landing page, the conformance, the collections and the pages of features, as JSON."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from api.ogc.crs import NATIONAL_GRID, SYSTEMS, Crs, written
from api.ogc.layers import Feature, Found, Layer
from hotspots.boundaries.study_area import StudyArea

ROOT = "/ogc"
JSON, GEOJSON = "application/json", "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
_SPEC = "http://www.opengis.net/spec"
CONFORMS_TO = (
    f"{_SPEC}/ogcapi-common-1/1.0/conf/core",
    f"{_SPEC}/ogcapi-common-2/1.0/conf/collections",
    f"{_SPEC}/ogcapi-features-1/1.0/conf/core",
    f"{_SPEC}/ogcapi-features-1/1.0/conf/oas30",
    f"{_SPEC}/ogcapi-features-1/1.0/conf/geojson",
    f"{_SPEC}/ogcapi-features-2/1.0/conf/crs",
)


def landing(request: Request) -> dict[str, Any]:
    """Return the page a GIS starts from."""
    return {
        "title": "arv-tasking",
        "description": "The scored places of London, the week's patrol areas, and the records.",
        "links": [
            _link(request, ROOT, "self", JSON, "This document"),
            _link(request, f"{ROOT}/api", "service-desc", OPENAPI, "The interface as OpenAPI 3.0"),
            _link(request, "/docs", "service-doc", "text/html", "The whole service, for people"),
            _link(request, f"{ROOT}/conformance", "conformance", JSON, "What it conforms to"),
            _link(request, f"{ROOT}/collections", "data", JSON, "The collections"),
        ],
    }


def collections(request: Request, layers: list[Layer], area: StudyArea) -> dict[str, Any]:
    """Return the collections an actor may read."""
    return {
        "links": [_link(request, f"{ROOT}/collections", "self", JSON, "This document")],
        "crs": list(SYSTEMS),
        "collections": [collection(request, one, area) for one in layers],
    }


def collection(request: Request, layer: Layer, area: StudyArea) -> dict[str, Any]:
    """Return what a collection says of itself."""
    here = f"{ROOT}/collections/{layer.name}"
    west, south, east, north = area.boroughs.to_crs(epsg=4326).total_bounds
    corners = [round(float(one), 6) for one in (west, south, east, north)]
    return {
        "id": layer.name,
        "title": layer.title,
        "description": layer.description,
        "attribution": "; ".join(area.attribution),
        "itemType": "feature",
        "extent": {"spatial": {"bbox": [corners]}},
        "crs": list(SYSTEMS),
        "storageCrs": NATIONAL_GRID.uri,
        "links": [
            _link(request, here, "self", JSON, "This document"),
            _link(request, f"{here}/items", "items", GEOJSON, layer.title),
        ],
    }


def items(request: Request, layer: Layer, found: Found, crs: Crs) -> dict[str, Any]:
    """Return a page of features with the links to itself and to the next."""
    here = f"{ROOT}/collections/{layer.name}"
    links = [
        {**_link(request, "", "self", GEOJSON, "This page"), "href": str(request.url)},
        _link(request, here, "collection", JSON, layer.title),
    ]
    if found.more:
        following = request.url.include_query_params(after=found.features[-1].feature_id)
        links.append(
            {**_link(request, "", "next", GEOJSON, "The next page"), "href": str(following)}
        )
    shapes = written([one.shape for one in found.features], crs) if found.features else []
    body: dict[str, Any] = {
        "type": "FeatureCollection",
        "links": links,
        "numberReturned": len(found.features),
        "features": [_feature(one, at) for one, at in zip(found.features, shapes, strict=True)],
    }
    if found.matched is not None:
        body["numberMatched"] = found.matched
    return body


def item(request: Request, layer: Layer, one: Feature, crs: Crs) -> dict[str, Any]:
    """Return one feature with its links."""
    here = f"{ROOT}/collections/{layer.name}"
    body = _feature(one, written([one.shape], crs)[0])
    body["links"] = [
        {**_link(request, "", "self", GEOJSON, "This feature"), "href": str(request.url)},
        _link(request, here, "collection", JSON, layer.title),
    ]
    return body


def _feature(one: Feature, geometry: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": one.feature_id,
        "geometry": geometry,
        "properties": one.properties,
    }


def _link(request: Request, path: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    base = str(request.base_url).rstrip("/")
    return {"href": f"{base}{path}", "rel": rel, "type": media_type, "title": title}
