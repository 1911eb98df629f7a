"""Pipes between the parts of lmdecode that read captures at the same time."""

from __future__ import annotations

import sys
from contextlib import suppress

__all__ = ["widen"]


def widen(pipe: int, size: int) -> None:
    """Let more wait in a pipe, where that can be had, so that neither side waits for the other at every turn.

    Args:
        pipe: The descriptor of either end.
        size: Bytes.
    """
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 -- it is not everywhere

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
