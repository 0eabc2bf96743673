"""The pages' own style and script: a fixed set of files, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from api.access import Action
from api.problems import ProblemError, http_problem
from api.routes.endpoint import Endpoint

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class StaticFile:
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return every file of ``api/pages/static`` by name."""
    files = {}
    for entry in resources.files("api.pages").joinpath("static").iterdir():
        suffix = entry.name[entry.name.rfind(".") :]
        if suffix in MEDIA_TYPES:
            content = entry.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            files[entry.name] = StaticFile(content, MEDIA_TYPES[suffix], etag)
    return files


async def static(request: Request, name: str) -> Response:
    """Send one file; a name that is not in the set is not found, whatever it spells."""
    file = static_files().get(name)
    if file is None:
        raise ProblemError(http_problem(404, "there is no such file."))
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


ENDPOINTS = (
    Endpoint("GET", "/static/{name}", Action.READ_STATIC, static, "Style and script", shown=False),
)
