"""Times as people write them on a command line."""

from __future__ import annotations

import re
from typing import Final

import typer

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|m|min|h|d|)\Z").match
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float:
    """A time in seconds, for Typer's `parser`.

    Raises:
        typer.BadParameter: It is none, or no time at all.

    >>> seconds_of("10s"), seconds_of("1.5h"), seconds_of("90")
    (10.0, 5400.0, 90.0)
    """
    match = _DURATION(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise typer.BadParameter(f"{text[:40]!r} is no time: give 30s, 10m or 2h")
    return seconds
