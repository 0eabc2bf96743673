"""The interface of the collections as OpenAPI 3.0, which GIS clients of OGC API Features read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.ogc.crs import CRS84, SYSTEMS
from api.ogc.documents import GEOJSON, JSON, ROOT
from api.ogc.layers import Layer
from api.ogc.query import MOST, USUAL

_SYSTEM = {"type": "string", "format": "uri", "enum": list(SYSTEMS), "default": CRS84.uri}


def _parameter(name: str, words: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name, "in": "query", "required": False, "description": words, "schema": schema,
        **more,
    }  # fmt: skip


CRS = _parameter("crs", "The system of the answer.", _SYSTEM)
FORM = _parameter("f", "The form of the answer.", {"type": "string", "enum": ["json", "geojson"]})
ITEMS_PARAMETERS = [
    _parameter(
        "bbox",
        "Only what meets the box west,south,east,north; of six numbers the heights are left out.",
        {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
        style="form",
        explode=False,
    ),
    _parameter("bbox-crs", "The system of bbox.", _SYSTEM),
    _parameter(
        "datetime",
        "A moment (RFC 3339), a day in London, or START/END, where .. is open.",
        {"type": "string"},
    ),
    _parameter(
        "limit",
        f"Most features of one page; more than {MOST:,} means {MOST:,}.",
        {"type": "integer", "minimum": 1, "default": USUAL},
        style="form",
        explode=False,
    ),
    _parameter("after", "Where to go on, from the link 'next'.", {"type": "string"}),
    CRS,
    FORM,
]


def interface(base: str, layers: Sequence[Layer]) -> dict[str, Any]:
    """Return the OpenAPI 3.0 document.

    Parameters
    ----------
    base
        Address of the service, without a slash at its end.
    layers
        The collections to describe.
    """
    paths = {
        "/": _get("The landing page", JSON),
        "/conformance": _get("What it conforms to", JSON),
        "/collections": _get("The collections", JSON),
    }
    for one in layers:
        here = f"/collections/{one.name}"
        paths[here] = _get(f"{one.title}: the collection", JSON)
        paths[f"{here}/items"] = _get(one.title, GEOJSON, ITEMS_PARAMETERS)
        feature = {"name": "featureId", "in": "path", "required": True, "schema": _TEXT}
        paths[f"{here}/items/{{featureId}}"] = _get(f"{one.title}: one", GEOJSON, [feature, CRS])
    return {
        "openapi": "3.0.3",
        "info": {"title": "arv-tasking: places for a GIS", "version": "1"},
        "servers": [{"url": f"{base}{ROOT}"}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


_TEXT = {"type": "string"}


def _get(
    summary: str, media_type: str, parameters: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    answer = {"description": summary, "content": {media_type: {"schema": {"type": "object"}}}}
    wrong = {
        "description": "A problem.",
        "content": {"application/problem+json": {"schema": {"type": "object"}}},
    }
    return {
        "get": {
            "summary": summary,
            "parameters": list(parameters),
            "responses": {"200": answer, "default": wrong},
        }
    }
