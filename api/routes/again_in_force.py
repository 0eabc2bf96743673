"""Files of a plan that is in force again by falling back, each saying so.

The plan itself (JSON) is given byte for byte as it was made; its headers tell. The briefing is a
finished paper that names its week on every page; its file name tells of the other.
"""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from api.files.output import json_text
from api.negotiation import GEOJSON, HTML
from api.plans.fallen_back import FallenBack
from api.routes.stored import has_it, with_etag

#: First element of the map's page, before which the notice stands.
TOP = b'<p class="marking">'


async def send_again(
    request: Request,
    path: Path,
    again: FallenBack,
    media_type: str,
    headers: Mapping[str, str],
    *,
    etag: str,
) -> Response:
    """Send a stored file of the plan as that of the week it is in force for."""
    name = f"{path.stem}-{again.week}-made-for-{again.made_for}{path.suffix}"
    sent = {**headers, "Content-Disposition": f'inline; filename="{name}"'}
    tag = f"{etag}.{again.key}"
    if has_it(request, tag):
        return with_etag(request, b"", media_type, sent, tag)
    content = await asyncio.to_thread(_said, path, again, media_type)
    return with_etag(request, content, media_type, sent, tag)


def _said(path: Path, again: FallenBack, media_type: str) -> bytes:
    """Return the content of a file with a notice in it, where it can hold one."""
    content = path.read_bytes()
    if media_type == GEOJSON:
        areas = json.loads(content)
        features = areas.pop("features")
        return json_text({**areas, **again.members(), "features": features}).encode()
    if media_type == HTML:
        words = html.escape(again.sentence()).encode()
        notice = TOP + b"<strong>" + words + b"</strong></p>\n"
        return content.replace(TOP, notice + TOP, 1)
    return content
