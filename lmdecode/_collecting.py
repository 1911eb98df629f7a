"""Python looks for cyclic garbage less often while captures are decoded: decoding makes none.

It looks after every 700 objects that stay, and at last at all that the process has: an eighth of the time of a decode.
Whoever runs it may have made cycles of their own, so afterwards it is as it was. Threads of one process may decode at
once, and then the last one restores what the first one found.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

_OBJECTS: Final = 100_000
_lock: Final = Lock()
_before: Final[list[tuple[int, int, int]]] = []  # what each that is under way found, the first one in front


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Has Python look for garbage only after many more objects, for as long as it is entered."""
    with _lock:
        _before.append(_before[0] if _before else gc.get_threshold())
        first, *others = _before[0]
        gc.set_threshold(first and max(first, _OBJECTS), *others)  # 0 is never
    try:
        yield
    finally:
        with _lock:
            found = _before.pop()
            if not _before:
                gc.set_threshold(*found)
