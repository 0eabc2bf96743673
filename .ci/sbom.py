"""Write the bill of materials of what is installed to run: CycloneDX 1.6, the same bytes each time.

    python .ci/sbom.py out/sbom.json

The components are the pins of requirements/runtime.txt with the digests of their files, their
licences and what each needs. It holds no time and no serial number: the same pins, the same file.
"""

from __future__ import annotations

import json
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pins import ROOT, Pin, licence_of, read_pins


def sbom() -> dict[str, Any]:
    """Return the bill of materials as plain JSON values."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = read_pins()
    references = {one.name: _purl(one) for one in pins}
    own = f"pkg:pypi/{project['name']}@{project['version']}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "bom-ref": own,
                "type": "application",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"expression": project["license"]}],
                "purl": own,
            }
        },
        "components": [_component(one) for one in pins],
        "dependencies": [
            {"ref": own, "dependsOn": _needed(project["dependencies"], references)},
            *(
                {
                    "ref": references[one.name],
                    "dependsOn": _needed(distribution(one.name).requires or [], references),
                }
                for one in pins
            ),
        ],
    }


def _component(pin: Pin) -> dict[str, Any]:
    licence = licence_of(pin.name)
    return {
        "bom-ref": _purl(pin),
        "type": "library",
        "name": pin.name,
        "version": pin.version,
        "purl": _purl(pin),
        "hashes": [{"alg": "SHA-256", "content": one} for one in sorted(pin.hashes)],
        "licenses": [{"expression": licence}] if licence else [],
    }


def _purl(pin: Pin) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"


def _needed(wanted: list[str], references: dict[str, str]) -> list[str]:
    """Return the references of what some requirements name, where it applies here."""
    found = set()
    for text in wanted:
        one = Requirement(text)
        name = canonicalize_name(one.name)
        if name in references and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found.add(references[name])
    return sorted(found)


def main() -> int:
    """Write the file that is named, or say how."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: sbom.py FILE\n")
        return 2
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(sbom(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
