"""Give memory back: the C library keeps a heap for each thread, with large answers in all."""

from __future__ import annotations

import ctypes

#: Parameters of ``mallopt`` in the GNU C library (``malloc.h``).
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
ARENAS = 2
#: Blocks from this size on are mapped by themselves, and unmapped when they are free, in bytes.
LARGE_BYTES = 256 * 1024


def bound_heap() -> bool:
    """Bound the heaps of this process; return whether its C library can.

    A service with two dozen threads and answers of megabytes otherwise grows by a tenth, and
    goes on growing for as long as its threads meet new sizes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    return bool(mallopt(_ARENA_MAX, ARENAS) and mallopt(_MMAP_THRESHOLD, LARGE_BYTES))
