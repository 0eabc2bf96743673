"""Find dead links in the Markdown documents: files, folders and headings that are not there.

Links to the web are only checked for form: the checks run without a network.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def anchors_of(document: Path) -> set[str]:
    """Return the heading anchors of a Markdown file as a code forge makes them."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*$", document.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"[`*_]", "", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def faults_in(document: Path) -> list[str]:
    """Return one line for every dead link of a document."""
    faults = []
    for target in LINK.findall(FENCE.sub("", document.read_text("utf-8"))):
        parts = urlsplit(target)
        if parts.scheme in {"http", "https"}:
            if not parts.netloc:
                faults.append(f"{document.relative_to(ROOT)}: no host in {target}")
            continue
        if parts.scheme == "mailto":
            continue
        file = (document.parent / unquote(parts.path)).resolve() if parts.path else document
        if not file.exists():
            faults.append(f"{document.relative_to(ROOT)}: {target} is not there")
        elif parts.fragment and file.suffix == ".md" and parts.fragment not in anchors_of(file):
            faults.append(f"{document.relative_to(ROOT)}: no heading {target}")
    return faults


def main() -> int:
    """Check every tracked document; print the faults and return their sign."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607 - git is found on the path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    documents = [ROOT / line for line in listed.stdout.splitlines()]
    faults = [fault for document in documents for fault in faults_in(document)]
    print("\n".join(faults) if faults else f"links: {len(documents)} documents, none dead")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
