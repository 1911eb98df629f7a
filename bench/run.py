"""`make bench`: lmdecode and its peers side by side, as whole processes; medians, ranges and ratios as a table.

Peers that are not installed are left out, and said to be. The machine's noise is in all the numbers alike, so look at
the ratios, each taken within one round. Captures are made once, in bench/work; so is a virtual environment with
lmdirect.
"""

from __future__ import annotations

import argparse
import compileall
import ctypes
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Final

from bench.figures import Raced, Run, in_rounds, raw, table_of
from bench.races import HERE, Case, Plan, Race

_WILD: Final = frozenset("*?[")
_LOOKS: Final = 0.05  # seconds between two looks at the memory of a process


class FailedError(Exception):
    """A command of a race failed; says which, and its last line."""


def main() -> None:
    """Make what is needed, run the races, print the table."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each command; slow ones run less often (5)")
    parser.add_argument("--small", action="store_true", help="a twentieth of everything, to see that it works")
    parser.add_argument("--only", metavar="PATTERN", action="append", help="only races of such names, as 'dense*'")
    parser.add_argument("--make", action="store_true", help="only make the captures and peers that the races need")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures of all runs to this file")
    options = parser.parse_args()
    plan = Plan(max(1, options.runs), 20 if options.small else 1)
    chosen = [name for name in plan.races if is_chosen(name, options.only)]
    if not chosen:
        parser.error(f"no race is called {' or '.join(options.only)}: there are {', '.join(plan.races)}")
    if options.make:
        for name in chosen:
            plan.race(name)
        return
    # pip compiles what it installs, as it did the peers; this package may be a working copy, never imported yet
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(HERE.parent / "lmdecode", quiet=1)
    _adopt()
    began, load = datetime.now(UTC), os.getloadavg()[0]
    failed: list[str] = []
    results = [each for name in chosen for each in raced(plan.race(name), failed)]
    plan.left_out += failed
    print(
        f"{began:%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores: medians of whole processes, "
        "each with its range; a ratio is to the first command of the race, in the same round.\n"
    )
    print(table_of(results))
    if plan.left_out:
        print("\nLeft out:\n")
        print("\n".join(f"- {each}" for each in plan.left_out))
    if options.json:
        about: dict[str, object] = {
            "began": began.isoformat(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
        }
        about |= {"load_before": load, "scale": "small" if options.small else "full"}
        text = json.dumps(about | {"left_out": plan.left_out, "races": raw(results)}, indent=1, ensure_ascii=False)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    if failed:
        sys.exit("bench: a command failed, see what was left out")


def is_chosen(name: str, patterns: list[str] | None) -> bool:
    """Returns whether a race is one that was asked for: all are, if nothing was. A part of the name is enough.

    >>> [is_chosen("two dense captures", patterns) for patterns in (None, ["dense"], ["dense*"], ["hay", "TWO*"])]
    [True, True, False, True]
    """
    name = name.lower()
    asked = [each.lower() for each in patterns or ()]
    return not asked or any(fnmatchcase(name, each) or (not _WILD & set(each) and each in name) for each in asked)


def raced(race: Race, failed: list[str]) -> list[Raced]:
    """Runs the commands of a race in turns, and returns what they took.

    Args:
        race: The race.
        failed: Takes a line for each command that failed. The others run on.
    """
    told = ", ".join(f"{case.name} ({case.runs}×)" for case in race.cases)
    print(f"{race.name}: {told or 'nothing'} …", file=sys.stderr, flush=True)

    def taken(case: Case) -> Run | None:
        try:
            return run(case)
        except FailedError as error:
            failed.append(f"{race.name}: {error}")
            return None

    runs = in_rounds([(case.runs, partial(taken, case)) for case in race.cases])
    return [
        Raced(race.name, case.name, case.command, of_case, race.compares, case.frames)
        for case, of_case in zip(race.cases, runs, strict=True)
        if of_case
    ]


def run(case: Case) -> Run:
    """Runs a command once.

    Raises:
        FailedError: It failed.
    """
    if case.fresh is not None:
        shutil.rmtree(case.fresh, ignore_errors=True)
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(case.command, shell=True, stdout=subprocess.DEVNULL, stderr=said)
        watch = _Memory(process.pid) if case.own_memory else None
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise FailedError(f"{case.name} failed ({process.returncode}): {last}")
    usages = [usage, *_left_behind()]
    megabytes = watch.peak() if watch else max(each.ru_maxrss for each in usages) / 1024
    return Run(seconds, sum(each.ru_utime + each.ru_stime for each in usages), megabytes)


def _adopt() -> None:
    """Makes this process the parent of those whose own parent has ended, so that what they took is known; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _left_behind() -> Iterator[resource.struct_rusage]:
    """Waits for processes that a command left behind, as the one that its workers are forked from is, for a moment."""
    adopts = ctypes.c_int(0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(37, ctypes.byref(adopts), 0, 0, 0)  # PR_GET_CHILD_SUBREAPER
    with suppress(ChildProcessError):
        while adopts:
            yield os.wait4(-1, 0)[2]


class _Memory:
    """Watches the memory of one process; what the system counts at its end has that of its children in it."""

    def __init__(self, process: int) -> None:
        self._status = Path(f"/proc/{process}/status")
        self._peak = 0
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def peak(self) -> float:
        """Returns the most megabytes that it had. The process is over."""
        self._thread.join()
        return self._peak / 1024

    def _look(self) -> None:
        while True:
            try:
                lines = self._status.read_text(encoding="ascii", errors="replace").splitlines()
            except OSError:
                return
            peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
            if not peaks:  # it is over, or this is no Linux
                return
            self._peak = max(self._peak, *peaks)
            time.sleep(_LOOKS)


if __name__ == "__main__":
    main()
