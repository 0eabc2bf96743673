"""The command line. `api.cli.main` is what the `arv` script calls.

A command's module is imported only when that command is called (or all of them, to list them):
nobody should wait for a web framework to see why a file was refused.
"""

from __future__ import annotations

import importlib
import sys

from api.cli import app

#: Which module defines which command.
MODULES = {
    "demo": "api.cli.week",
    "assess": "api.cli.week",
    "allocate": "api.cli.week",
    "replan": "api.cli.replan",
    "compare": "api.cli.compare",
    "alternatives": "api.cli.alternatives",
    "sensitivity": "api.cli.sensitivity",
    "hypercube": "api.cli.hypercube",
    "tpu": "api.cli.tpu",
    "emphasis": "api.cli.emphasis",
    "simulate": "api.cli.simulate",
    "forecast": "api.cli.forecast",
    "backtest": "api.cli.backtest",
    "boundaries": "api.cli.boundaries",
    "serve": "api.cli.serve",
    "store": "api.cli.store",
    "users": "api.cli.users",
    "equality": "api.cli.equality",
    "audit": "api.cli.audit",
}


def run(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 refused, 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    named = MODULES.get(given[0]) if given else None
    for module in [named] if named else dict.fromkeys(MODULES.values()):
        importlib.import_module(module)
    return app.run(given)


def main() -> None:
    """Console entry point."""
    sys.exit(run())


__all__ = ["MODULES", "main", "run"]
