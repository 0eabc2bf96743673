"""Everything a page needs, taken from installed packages and put inside the page itself."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

_SCRIPT_OR_STYLE = re.compile(r"<(script|style)([^>]*)>(.*?)</\1>", re.DOTALL)
_CSS_IMAGE = re.compile(r"url\(images/([a-z0-9-]+\.png)\)")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


def _leaflet() -> Traversable:
    return resources.files("js_lib_leaflet") / "static" / "js_lib_leaflet"


@cache
def leaflet_script() -> str:
    """Return Leaflet from its wheel, without the pointer to its source map."""
    text = (_leaflet() / "leaflet.js").read_text(encoding="utf-8")
    return embeddable_script(_SOURCE_MAP.sub("", text))


@cache
def leaflet_style() -> str:
    """Return Leaflet's style sheet from its wheel, its images as ``data:`` URIs."""
    text = (_leaflet() / "leaflet.css").read_text(encoding="utf-8")
    return _CSS_IMAGE.sub(lambda found: f"url({_image_uri(found[1])})", text)


@cache
def own_asset(name: str) -> str:
    """Return the text of one of this package's own files (script, style or template)."""
    text = (resources.files("api.maps") / "assets" / name).read_text(encoding="utf-8")
    return embeddable_script(text) if name.endswith(".js") else text


def embeddable_script(text: str) -> str:
    """Return JavaScript that cannot end the element it is embedded in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def png_uri(content: bytes) -> str:
    """Return a PNG as a ``data:`` URI."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def content_security_policy(page: str) -> str:
    """Return a policy that lets exactly the scripts and styles of ``page`` run, by hash.

    Data blocks (``type="application/json"``) never run and get no hash. Nothing may be
    fetched; images come only from ``data:`` URIs.
    """
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, attributes, content in _SCRIPT_OR_STYLE.findall(page):
        if "application/json" not in attributes:
            digest = base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest())
            hashes[kind].append(f"'sha256-{digest.decode('ascii')}'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(hashes['script'])}",
            f"style-src {' '.join(hashes['style'])}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _image_uri(name: str) -> str:
    return png_uri((_leaflet() / "images" / name).read_bytes())
