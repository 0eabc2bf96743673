"""Run bandit over the program; every finding is either mended or reviewed with a reason.

Nothing is skipped: what was looked at is listed in .ci/bandit_reviewed.toml by file and test, with
how often it is found there and why it is no weakness. One finding more, or one that is gone, fails.

    python .ci/check_security.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REVIEWED = ROOT / ".ci" / "bandit_reviewed.toml"
PACKAGES = ("hotspots", "allocator", "api")

Finding = tuple[str, str]


def findings() -> tuple[Counter[Finding], dict[Finding, str]]:
    """Return how often bandit finds what in which file, and where first in words."""
    command = [sys.executable, "-m", "bandit", "--quiet", "--recursive", "--format", "json",
               "--configfile", "pyproject.toml", *PACKAGES]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - own interpreter
    report = json.loads(done.stdout)
    if report["errors"]:
        raise ValueError(f"bandit could not read {report['errors'][0]['filename']}")
    found: Counter[Finding] = Counter()
    words: dict[Finding, str] = {}
    for one in report["results"]:
        key = (Path(one["filename"]).as_posix(), one["test_id"])
        found[key] += 1
        words.setdefault(key, f"line {one['line_number']}: {one['issue_text']}")
    return found, words


def reviewed() -> Counter[Finding]:
    """Return the findings that were looked at.

    Raises
    ------
    ValueError
        One has no reason.
    """
    known: Counter[Finding] = Counter()
    for one in tomllib.loads(REVIEWED.read_text("utf-8"))["reviewed"]:
        if not one["reason"].strip():
            raise ValueError(f"{one['file']} {one['test']} is listed without a reason")
        known[one["file"], one["test"]] += one["times"]
    return known


def main() -> int:
    """Say what is new, and what is listed but gone."""
    (found, words), known = findings(), reviewed()
    wrong = [
        f"{file} {test}: {found[file, test]} found, {known[file, test]} reviewed "
        f"({words.get((file, test), 'it is gone: take it off the list')})"
        for file, test in sorted(found | known)
        if found[file, test] != known[file, test]
    ]
    for line in wrong:
        sys.stderr.write(f"bandit: {line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
