"""The landing page, the conformance, the collections and the pages of features, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from api.ogc.crs import NATIONAL_GRID, SYSTEMS, Crs
from api.ogc.ground import Ground
from api.ogc.layers import Feature, Found, Layer
from api.ogc.places import Place

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


def collections(request: Request, layers: list[Layer], ground: Ground) -> dict[str, Any]:
    """Return the collections an actor may read."""
    return {
        "links": [_link(request, f"{ROOT}/collections", "self", JSON, "This document")],
        "crs": list(SYSTEMS),
        "collections": [collection(request, one, ground) for one in layers],
    }


def collection(request: Request, layer: Layer, ground: Ground) -> dict[str, Any]:
    """Return what a collection says of itself."""
    here = f"{ROOT}/collections/{layer.name}"
    return {
        "id": layer.name,
        "title": layer.title,
        "description": layer.description,
        "attribution": "; ".join(ground.area.attribution),
        "itemType": "feature",
        "extent": {"spatial": {"bbox": [list(ground.corners)]}},
        "crs": list(SYSTEMS),
        "storageCrs": NATIONAL_GRID.uri,
        "links": [
            _link(request, here, "self", JSON, "This document"),
            _link(request, f"{here}/items", "items", GEOJSON, layer.title),
        ],
    }


def items(request: Request, layer: Layer, found: Found, crs: Crs) -> str:
    """Return a page of features with the links to itself and to the next, as JSON."""
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
    about: dict[str, Any] = {
        "type": "FeatureCollection",
        "links": links,
        "numberReturned": len(found.features),
    }
    if found.matched is not None:
        about["numberMatched"] = found.matched
    features = ", ".join(_features(found.features, crs))
    return f'{as_json(about)[:-1]}, "features": [{features}]}}'


def item(request: Request, layer: Layer, one: Feature, crs: Crs) -> str:
    """Return one feature with its links, as JSON."""
    here = f"{ROOT}/collections/{layer.name}"
    links = [
        {**_link(request, "", "self", GEOJSON, "This feature"), "href": str(request.url)},
        _link(request, here, "collection", JSON, layer.title),
    ]
    return f'{_features([one], crs)[0][:-1]}, "links": {as_json(links)}}}'


def as_json(value: Any) -> str:
    """Return a value as JSON; not-a-number is a defect."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _features(features: Sequence[Feature], crs: Crs) -> list[str]:
    """Return features as JSON; what was written out before is put together again."""
    shapes = Place.texts([one.place for one in features], crs)
    return [
        f'{{"type": "Feature", "id": {as_json(one.feature_id)}, "geometry": {geometry}, '
        f'"properties": {one.properties_text}}}'
        for one, geometry in zip(features, shapes, strict=True)
    ]


def _link(request: Request, path: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    base = str(request.base_url).rstrip("/")
    return {"href": f"{base}{path}", "rel": rel, "type": media_type, "title": title}
