"""What was found of one thing, and how another program is asked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

_PATIENCE: Final = 30.0  # s; pyarrow and mitmproxy take 3 s to load on a slow machine whose disk is cold


class State(StrEnum):
    """How something is."""

    OK = "ok"
    MISSING = "missing"
    """It is not there. Nothing is wrong: only the commands that need it do not work."""
    BROKEN = "broken"
    """It is there and does not work."""
    NOTE = "note"
    """Neither: something to know."""


@dataclass(frozen=True)
class Finding:
    """What was found of one thing."""

    name: str
    state: State
    text: str
    """What was found, or what it would be for; one line."""
    command: str = ""
    """The shell's command that mends it; "" if nothing has to be mended, or no command can."""


@dataclass(frozen=True)
class Group:
    """Findings that belong together."""

    title: str
    findings: list[Finding]


def answer(command: Sequence[str]) -> tuple[int, str]:
    """Runs a program that only says something, and returns its exit code and what it said.

    The exit code is -1 if the program cannot be started, and does not end in half a minute.
    """
    try:
        done = subprocess.run(  # noqa: S603 -- this Python, or a program that the path has
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, "does not end"
    except OSError as error:
        return -1, error.strerror or "cannot be started"
    return done.returncode, done.stdout + done.stderr


def is_root() -> bool:
    """Returns True if this user may do everything, and needs no sudo, which containers do not have."""
    return os.name != "nt" and os.geteuid() == 0


def home() -> Path:
    """Returns the user's home, which users of services and containers may not have: `~` then."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("~")
