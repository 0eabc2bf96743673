"""The heaps of the service are bounded where the C library can, and nowhere is it a fault."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from api.conventions import heap

#: Large blocks between small ones that stay, then freed: what they leave resident, in MiB. Then
#: sixteen threads that live at one time: how many heaps the C library keeps for all of them.
SCRIPT = """
import ctypes, os, sys, threading
from api.conventions.heap import bound_heap
if sys.argv[1] == "bounded":
    assert bound_heap()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
del (first := [bytearray(8_000_000)])[:]  # a heap that is not bounded takes this for its measure
before, large, small = resident(), [], []
for _ in range(40):
    large.append(bytearray(1_000_000))
    small.append(bytearray(700))
del large
print(resident() - before)
together = threading.Barrier(16)
def work():
    together.wait()
    kept = [bytearray(700) for _ in range(100)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(16)]
for one in threads: one.start()
for one in threads: one.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(os.dup(1), b"w"))
sys.stdout.flush()
libc.malloc_info(0, out)
libc.fflush(out)
"""


def left_and_heaps(how: str) -> tuple[float, int]:
    """Return the MiB that freed blocks leave resident, and the number of heaps."""
    command = [sys.executable, "-c", SCRIPT, how]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    left, _, told = done.stdout.partition("\n")
    return float(left), told.count("<heap nr=")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, bounds glibc")
def test_bounded_heaps_are_few_and_give_large_blocks_back() -> None:
    left_mib, heaps = left_and_heaps("bounded")
    assert left_mib < 5
    assert heaps <= heap.ARENAS
    left_mib, heaps = left_and_heaps("as it is")
    assert left_mib > 20  # the blocks would stay: the bound is worth having
    assert heaps > heap.ARENAS


def test_another_c_library_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert heap.bound_heap() is False
