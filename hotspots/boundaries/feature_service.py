"""Ask an ArcGIS feature service for polygons, page by page, and distrust every answer."""

from __future__ import annotations

import http.client
import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio

from hotspots.boundaries.schema import CRS
from hotspots.errors import BoundaryRefusedError

#: No answer of a boundary service is larger; a bigger one is a mistake or an attack.
MAX_ANSWER_BYTES = 256 * 1024**2
_RETRY_STATUS = frozenset({429, 500, 502, 503, 504})
_ANOTHER = (
    "try again later, give another address of the layer, or download the file from the "
    "publisher's site by hand and give it as the boundary file"
)

#: Called with a line a person can read and the share of the work done, 0 to 1.
Progress = Callable[[str, float], None]


class BoundaryFetchError(BoundaryRefusedError):
    """The official boundaries could not be downloaded."""


@dataclass(frozen=True)
class Transfer:
    """How patiently to ask.

    Attributes
    ----------
    timeout_s
        Longest silence of the server in one request.
    attempts
        Requests made for a page before giving up; only time-outs, broken connections and
        server errors are tried again.
    pause_s
        Wait before the second attempt; doubled before each further one.
    page_size
        Features asked for in one request; the service may give fewer.
    """

    timeout_s: float = 30.0
    attempts: int = 3
    pause_s: float = 1.0
    page_size: int = 200


def fetch_layer(
    url: str,
    *,
    envelope_m: tuple[float, float, float, float] | None = None,
    where: str = "1=1",
    transfer: Transfer,
    progress: Progress,
) -> gpd.GeoDataFrame:
    """Return every feature of a layer that meets the condition, in EPSG:27700.

    Parameters
    ----------
    url
        Address of the layer, ending in ``/FeatureServer/0`` or the like.
    envelope_m
        Only features that meet this box: (x_min, y_min, x_max, y_max), EPSG:27700, metres.
    where
        Condition in the service's SQL.
    transfer, progress
        Patience, and whom to tell; the share is of the features expected.

    Returns
    -------
    geopandas.GeoDataFrame
        Attributes as published and ``geometry``.

    Raises
    ------
    BoundaryFetchError
        No connection, time-out, an HTTP or service error, an answer that is cut short or is
        no feature collection, more or fewer features than announced, or none at all.
    """
    query = _query(where, envelope_m)
    expected = _announced(url, query, transfer)
    pages, received = [], 0
    for page in _pages(url, query | _order(url, transfer), transfer):
        pages.append(page)
        received += len(page)
        if received > expected:
            raise BoundaryFetchError(
                f"the service announced {expected} features and sent more",
                file=url,
                remedy=_ANOTHER,
            )
        progress(f"{received} of {expected} features", min(received / expected, 1.0))
    if received != expected:
        raise BoundaryFetchError(
            f"the service announced {expected} features and sent {received}",
            file=url,
            remedy=_ANOTHER,
        )
    return gpd.GeoDataFrame(pd.concat(pages, ignore_index=True), crs=pages[0].crs)


def _announced(url: str, query: dict[str, str], transfer: Transfer) -> int:
    answer = _ask(f"{url}/query", query | {"returnCountOnly": "true"}, transfer)
    expected = answer.get("count")
    if not isinstance(expected, int) or expected < 1:
        raise BoundaryFetchError(
            "the service holds no feature that meets the condition",
            file=url,
            value=query["where"],
            remedy="check the address of the layer",
        )
    return expected


def _query(where: str, envelope_m: tuple[float, float, float, float] | None) -> dict[str, str]:
    query = {"where": where, "outFields": "*", "outSR": CRS.removeprefix("EPSG:"), "f": "json"}
    if envelope_m is not None:
        query |= {
            "geometry": ",".join(f"{bound:.1f}" for bound in envelope_m),
            "geometryType": "esriGeometryEnvelope",
            "inSR": CRS.removeprefix("EPSG:"),
            "spatialRel": "esriSpatialRelIntersects",
        }
    return query


def _order(url: str, transfer: Transfer) -> dict[str, str]:
    """Order by the layer's own identifier: without an order, pages may overlap."""
    identifier = _ask(url, {"f": "json"}, transfer).get("objectIdField")
    return {"orderByFields": identifier} if isinstance(identifier, str) else {}


def _pages(url: str, query: dict[str, str], transfer: Transfer) -> Iterator[gpd.GeoDataFrame]:
    offset, more = 0, True
    while more:
        window = {"resultOffset": str(offset), "resultRecordCount": str(transfer.page_size)}
        answer = _ask(f"{url}/query", query | window, transfer)
        features = answer.get("features")
        if not isinstance(features, list):
            raise BoundaryFetchError(
                "the answer is no feature collection", file=url, remedy=_ANOTHER
            )
        more = bool(answer.get("exceededTransferLimit")) and len(features) > 0
        if features:
            offset += len(features)
            yield _polygons(answer, url)


def _polygons(answer: dict[str, Any], url: str) -> gpd.GeoDataFrame:
    # Only these members: told of further pages, GDAL would go and fetch them by itself.
    told = ("geometryType", "spatialReference", "fields", "features")
    kept = {member: answer[member] for member in told if member in answer}
    try:
        page = gpd.read_file(io.BytesIO(json.dumps(kept).encode()))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise BoundaryFetchError(
            f"the features cannot be read ({error})", file=url, remedy=_ANOTHER
        ) from error
    if not isinstance(page, gpd.GeoDataFrame) or page.crs is None:
        raise BoundaryFetchError(
            "the features have no geometry or no coordinate system", file=url, remedy=_ANOTHER
        )
    absent = page.geometry.isna() | page.geometry.is_empty
    if absent.any():
        raise BoundaryFetchError(
            "a feature has no geometry",
            file=url,
            value=page[absent].drop(columns="geometry").iloc[0].to_dict(),
            remedy=_ANOTHER,
        )
    return page.to_crs(CRS)


def _ask(url: str, query: dict[str, str], transfer: Transfer) -> dict[str, Any]:
    """Return the JSON object the service answers with, trying again where it may help."""
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise BoundaryFetchError(
            "the address is not one of the web",
            file=url,
            remedy="give an address that begins with https://",
        )
    address = f"{url}?{urllib.parse.urlencode(query)}"
    for attempt in range(1, transfer.attempts + 1):
        try:
            return _json_object(_read(address, transfer.timeout_s), url)
        except urllib.error.HTTPError as error:
            reason = f"the service answered {error.code} {error.reason}"
            final = error.code not in _RETRY_STATUS
        except TimeoutError:
            reason, final = f"the service was silent for {transfer.timeout_s:g} s", False
        except urllib.error.URLError as error:
            reason, final = f"no connection ({error.reason})", False
        except (http.client.HTTPException, OSError) as error:
            reason, final = f"the connection broke ({type(error).__name__})", False
        if final or attempt == transfer.attempts:
            raise BoundaryFetchError(
                f"{reason} (attempt {attempt} of {transfer.attempts})",
                file=url,
                remedy=f"check the connection to the internet; {_ANOTHER}",
            )
        time.sleep(transfer.pause_s * 2 ** (attempt - 1))
    raise BoundaryFetchError(
        "no attempt was allowed", file=url, remedy="allow at least one attempt"
    )


def _read(address: str, timeout_s: float) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked by the caller
        address, headers={"User-Agent": "arv-tasking", "Accept": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=timeout_s) as reply:  # noqa: S310 - as above
        body: bytes = reply.read(MAX_ANSWER_BYTES + 1)
    if len(body) > MAX_ANSWER_BYTES:
        raise BoundaryFetchError(
            f"the answer exceeds {MAX_ANSWER_BYTES:,} bytes",
            file=address.partition("?")[0],
            remedy="give the address of a generalised layer (ONS: BGC)",
        )
    return body


def _json_object(body: bytes, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise BoundaryFetchError(
            f"the answer is not whole JSON ({error})", file=url, remedy=_ANOTHER
        ) from error
    if not isinstance(answer, dict):
        raise BoundaryFetchError("the answer is no JSON object", file=url, remedy=_ANOTHER)
    if "error" in answer:
        problem = answer["error"] if isinstance(answer["error"], dict) else {}
        raise BoundaryFetchError(
            f"the service refused: {problem.get('message', 'no reason given')}",
            file=url,
            value=problem.get("code"),
            remedy="check the address of the layer: publishers rename it with every vintage",
        )
    return answer
