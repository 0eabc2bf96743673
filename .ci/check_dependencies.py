"""Audit the dependencies as far as it goes without a network.

Every pin is exact and has a digest; what is installed is what is pinned, and fits together; what
pyproject.toml asks for is pinned; every licence is one that was looked at; docs/dependencies.md
lists them all. Known weaknesses are published on the network only: docs/operations.md says how to
look for them there.

    python .ci/check_dependencies.py            # say what is wrong
    python .ci/check_dependencies.py --write    # renew docs/dependencies.md
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pins import ROOT, installed_version, licence_of, read_pins

TABLE = ROOT / "docs" / "dependencies.md"
#: Licences that were looked at. LGPL and MPL are used unaltered, as packages of their own.
ACCEPTED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "LGPL-3.0-only", "MIT",
    "MIT-0", "MPL-2.0", "PSF-2.0", "Zlib",
})  # fmt: skip
HEAD = """# What the program is installed with

Made by `python .ci/check_dependencies.py --write` from `requirements/runtime.txt` and the packages
themselves; `make check` compares. `make sbom` writes the same as a CycloneDX bill of materials with
the digest of every file. None of these packages is altered or copied into this repository.

| package | version | licence |
|---|---|---|
"""


def table() -> str:
    """Return docs/dependencies.md as it should be."""
    rows = [f"| {one.name} | {one.version} | {licence_of(one.name)} |" for one in read_pins()]
    return HEAD + "\n".join(rows) + "\n"


def faults() -> list[str]:
    """Return one line for everything that is wrong."""
    found = []
    try:
        pins = read_pins()
        read_pins(ROOT / "requirements" / "test.txt", everything=True)
    except ValueError as fault:
        return [str(fault)]
    versions = {one.name: one.version for one in pins}
    for one in pins:
        there = installed_version(one.name)
        if there != one.version:
            found.append(f"{one.name} is pinned at {one.version}, installed is {there}")
            continue
        named = set(licence_of(one.name).replace("(", " ").replace(")", " ").split())
        unknown = named - ACCEPTED - {"AND", "OR", "WITH"}
        if unknown or not named:
            words = " ".join(sorted(unknown)) or "none named"
            found.append(f"{one.name}: licence not looked at yet ({words})")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for text in project["dependencies"]:
        wanted = Requirement(text)
        pinned = versions.get(canonicalize_name(wanted.name))
        if pinned is None or not wanted.specifier.contains(pinned):
            found.append(f"{text} is asked for, pinned is {pinned}")
    if not found and (not TABLE.is_file() or TABLE.read_text("utf-8") != table()):
        found.append("docs/dependencies.md is not as the packages are. Remedy: --write")
    return found + _unfit()


def _unfit() -> list[str]:
    """Return what pip finds of packages that do not fit together."""
    words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - own interpreter
    return [] if done.returncode == 0 else done.stdout.strip().splitlines()


def main() -> int:
    """Say what is wrong, or renew the table."""
    if sys.argv[1:] == ["--write"]:
        TABLE.write_text(table(), "utf-8")
        return 0
    found = faults()
    for line in found:
        sys.stderr.write(f"dependencies: {line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
