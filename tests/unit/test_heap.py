"""The heaps of the service are bounded where the C library can, and nowhere is it a fault."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from api.conventions import heap

#: Large blocks, small ones after them, then the large ones freed: what is left resident, in MiB.
SCRIPT = """
import os, sys, threading
from api.conventions.heap import bound_heap
if sys.argv[1] == "bounded":
    assert bound_heap()
def work():
    for _ in range(20):
        kept = [bytearray(1_500_000) for _ in range(4)]
        small = [bytearray(700) for _ in range(2000)]
        del kept
threads = [threading.Thread(target=work) for _ in range(16)]
for one in threads: one.start()
for one in threads: one.join()
pages = int(open("/proc/self/statm").read().split()[1])
print(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
"""


def resident_mib(how: str) -> float:
    command = [sys.executable, "-c", SCRIPT, how]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return float(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, bounds glibc")
def test_bounded_heaps_keep_no_more_than_others() -> None:
    assert resident_mib("bounded") <= resident_mib("as it is") + 5


def test_another_c_library_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert heap.bound_heap() is False
