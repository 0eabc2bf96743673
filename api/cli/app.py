"""The `arv` command: one application, one table of refusals, one exit code each."""

from __future__ import annotations

import os
import sys
import traceback

import typer
from rich.console import Console

from allocator.errors import PlanningRefusedError
from hotspots.errors import InputRefusedError

#: Refusals a person can act on. They end with exit code 1 and one line on standard error.
REFUSALS: tuple[type[Exception], ...] = (InputRefusedError, PlanningRefusedError)

arv = typer.Typer(
    name="arv",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@arv.callback()
def _about() -> None:
    """Weekly tasking of armed response vehicles, from reported incidents to a proven plan.

    Scores wards and boroughs, gives every vehicle a patrol area with a proven gap to the
    best possible plan, and draws the map and the briefing.

    Start with `arv demo --out out/demo`: the whole week on a synthetic sample, offline.
    """


#: Progress and remarks go to standard error, so that `--json -` stays clean.
console = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Print one line of remark on standard error."""
    console.print(line, markup=False, soft_wrap=True)


def run(arguments: list[str]) -> int:
    """Run the command and return its exit code: 0 done, 1 refused, 2 wrong usage."""
    try:
        outcome = arv(args=arguments, standalone_mode=False)
    except typer.Exit as leave:
        return leave.exit_code
    except REFUSALS as refusal:
        _complain(str(refusal))
    except OSError as fault:
        _complain(_disk_fault(fault))
    except (KeyboardInterrupt, typer.Abort):
        _complain("stopped by request; nothing was written.")
    except Exception as fault:
        return _exit_code_of(fault)
    else:
        return outcome if isinstance(outcome, int) else 0
    return 1


def _exit_code_of(fault: Exception) -> int:
    """Show a usage fault of the command line itself, or own up to a defect."""
    show, code = getattr(fault, "show", None), getattr(fault, "exit_code", None)
    if callable(show) and isinstance(code, int):
        show()
        return code
    if os.environ.get("ARV_DEBUG"):
        traceback.print_exc()
    _complain(
        f"a defect of the program, not of your input ({type(fault).__name__}: {fault}). "
        "Remedy: run again with ARV_DEBUG=1 and report what it prints."
    )
    return 1


def _disk_fault(fault: OSError) -> str:
    where = f"{fault.filename}: " if fault.filename else ""
    reason = (fault.strerror or str(fault)).lower()
    return f"{where}{reason}. Remedy: check the path, its permissions and the free space."


def _complain(line: str) -> None:
    sys.stderr.write("arv: " + " ".join(line.split()) + "\n")
