"""The shell examples of a page, and a terminal to try them in."""

from __future__ import annotations

import fcntl
import functools
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import typer

from lmdecode.cli.app import make_app

ROOT = Path(__file__).parents[2]
COLUMNS = 80
_FENCE = re.compile(r" *(```+)(\w*)")
_CODE = re.compile(r"<!-- exit code (\d+) -->")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@functools.cache
def options_of(*names: str) -> frozenset[str]:
    """The options of a command by its names, such as "config", "set": those that it takes, as its help has them."""
    command = typer.main.get_command(make_app(names))
    for name in names:
        command = command.get_command(None, name)  # type: ignore[attr-defined]  # it is a group
        assert command is not None, names
    return frozenset(option for each in command.params for option in (*each.opts, *each.secondary_opts)) | {"--help"}


class Example(NamedTuple):
    """One command of a page, and what the page says it prints, if it says so."""

    line: int
    command: str
    shown: str | None = None
    code: int = 0


def examples(markdown: str) -> Iterator[Example]:
    """The commands of a page in order: of blocks of `console`, of `sh`, and of what is only indented.

    A command that another exit code than 0 is expected of has it in a comment before its block: <!-- exit code 1 -->.
    """
    code = 0
    for number, language, lines in _blocks(markdown.splitlines()):
        if language == "comment":
            code = int(lines[0])
            continue
        prompts = any(line.startswith("$ ") for line in lines)
        if language in {"console", "indented"} and prompts:
            yield from _sessions(number, lines, code)
        elif language in {"sh", "indented"}:
            for offset, line in enumerate(lines):
                if command := re.sub(r"(^|\s+)# .*", "", line).strip():
                    yield Example(number + offset, command, None, code)
        code = 0


def _sessions(number: int, lines: list[str], code: int) -> Iterator[Example]:
    starts = [*(index for index, line in enumerate(lines) if line.startswith("$ ")), len(lines)]
    for start, end in pairwise(starts):
        shown = "".join(f"{line}\n" for line in lines[start + 1 : end])
        yield Example(number + start, lines[start][2:], shown, code)


def _blocks(lines: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    number, listed = 0, False
    while number < len(lines):
        line = lines[number]
        if fence := _FENCE.match(line):
            end = next(i for i in range(number + 1, len(lines)) if lines[i].strip() == fence[1])
            indent = len(line) - len(line.lstrip())
            yield number + 2, fence[2] or "text", [inner[indent:] for inner in lines[number + 1 : end]]
            number = end
        elif code := _CODE.match(line):
            yield number + 1, "comment", [code[1]]
        elif re.match(r"(\d+\.|[-*]) ", line):
            listed = True
        elif line.startswith("    ") and not lines[number - 1].strip():
            depth = 6 if listed and line.startswith("      ") else 4
            end = next((i for i in range(number, len(lines)) if lines[i].strip() and lines[i][:4].strip()), len(lines))
            yield number + 1, "indented", [inner[depth:] for inner in lines[number:end]]
            number = end - 1
        elif line.strip() and not line.startswith(" "):
            listed = False
        number += 1


class Ran(NamedTuple):
    """What a command printed, and how it ended."""

    printed: str
    code: int


def environment(folder: Path) -> Mapping[str, str]:
    """That of a user who has just installed lmdecode."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LMDECODE")}
    return plain | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
        "HOME": str(folder / "home"),
        "XDG_CONFIG_HOME": str(folder / "home" / "config"),
        "LC_ALL": "C.UTF-8",
        "PYTHONIOENCODING": "utf-8",
        "TERM": "dumb",
        "COLUMNS": str(COLUMNS),
        "TZ": "UTC",
    }


def run(command: str, folder: Path, *, terminal: bool = True, seconds: float = 60) -> Ran:
    """Run a command in a terminal of 80 columns, or into a pipe. A pipeline's complaints do not count as printed."""
    ours, theirs = _terminal() if terminal else os.pipe()
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL if " | " in command else theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        deadline = time.monotonic() + seconds
        printed = b"".join(iter(lambda: _more(ours), b""))
        os.close(ours)
        code = process.wait(max(1, deadline - time.monotonic()))
    text = _COLOUR.sub("", printed.decode())
    return Ran("".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines()), code)


def _terminal() -> tuple[int, int]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, COLUMNS, 0, 0))
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST  # lines end as they were written
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    return ours, theirs


def _more(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""


def differs(shown: str, printed: str) -> str | None:
    """What of a page's text is not in what was printed, in that order from beginning to end; … stands for anything."""
    pieces = [piece.strip("\n") for piece in shown.split("…")]
    printed, position = printed.strip("\n"), 0
    for piece in pieces:
        found = printed.find(piece, position)
        if found < 0:
            return f"not printed, or not in this order:\n{piece}\n\nbut:\n{printed[position:][:3000]}"
        position = found + len(piece)
    if not printed.startswith(pieces[0]):
        return f"it begins with:\n{printed[:500]}"
    if not printed.endswith(pieces[-1]):
        return f"it ends with:\n{printed[-500:]}"
    return None
