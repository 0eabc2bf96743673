"""Run typst on files in memory: an empty root, no system font, no package, no clock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import typst

#: typst's stubs leave out its documented input: a dictionary of file names and contents.
_compile: Callable[..., Any] = typst.compile


def typeset(files: dict[str, bytes], **options: object) -> Any:
    """Return what typst makes of the files: bytes, or a list of them for several images.

    Parameters
    ----------
    files
        ``main`` is the template; the others are read by it, under their names.
    options
        Of ``typst.compile``, for example ``format`` and ``pdf_standards``.
    """
    with tempfile.TemporaryDirectory(prefix="arv-briefing-") as empty:
        return _compile(
            files,
            root=empty,
            ignore_system_fonts=True,
            font_paths=[],
            package_path=empty,
            package_cache_path=empty,
            **options,
        )
