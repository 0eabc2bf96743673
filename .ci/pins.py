"""What requirements/runtime.txt pins for this interpreter, and under which licence each comes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "requirements" / "runtime.txt"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
#: Words of older metadata, as SPDX has them.
_SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "(same as jQuery)": "MIT",
}
_CLASSIFIER = "License :: "
_LONGEST = 60


@dataclass(frozen=True)
class Pin:
    """One package, its one version, and the SHA-256 of every file it may be installed from."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read_pins(path: Path = RUNTIME, *, everything: bool = False) -> list[Pin]:
    """Return the pins of a lock file that apply here, by name; all of them with ``everything``.

    Raises
    ------
    ValueError
        A line is no exact pin, has no hash, or names an address.
    """
    text = re.sub(r"^\s*#.*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
    pins = []
    for entry in text.replace("\\\n", " ").splitlines():
        if not entry.strip():
            continue
        words, hashes = entry.split("--hash", 1)[0].strip(), tuple(_HASH.findall(entry))
        if words.startswith("-") or "://" in entry:
            raise ValueError(f"{path.name}: {words!r} names an address or an option")
        wanted = Requirement(words)
        exact = [one.version for one in wanted.specifier if one.operator == "=="]
        if len(exact) != 1 or len(wanted.specifier) != 1 or not hashes:
            raise ValueError(f"{path.name}: {words!r} is not pinned with a hash")
        if everything or wanted.marker is None or wanted.marker.evaluate():
            pins.append(Pin(canonicalize_name(wanted.name), exact[0], hashes))
    return sorted(pins, key=lambda one: (one.name, one.version))


def installed_version(name: str) -> str | None:
    """Return the version that is installed, ``None`` when none is."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def licence_of(name: str) -> str:
    """Return the licence of an installed package as SPDX, empty where its metadata name none."""
    metadata = distribution(name).metadata
    stated = metadata.get("License-Expression")
    if stated:
        return str(stated)
    short = str(metadata.get("License") or "").strip()
    if short and "\n" not in short and len(short) < _LONGEST:
        return _SPDX.get(short, short.replace(" License", ""))
    named = [one for one in metadata.get_all("Classifier") or [] if one.startswith(_CLASSIFIER)]
    return _SPDX.get(named[0].rsplit(" :: ", 1)[-1], "") if named else ""
