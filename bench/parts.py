"""What each part that is there for speed alone is worth: the same command with it and without it, in turns.

    python -m bench.parts            on an idle machine, and then beside a loop that keeps one core busy: ten minutes
    python -m bench.parts --idle     only the first
    python -m bench.parts --load     only the second

Parts are those of `lmdecode/_parts.py`, and `--jobs`. A figure is how many times as long the command takes *without*
the part, in the same round: the median of all rounds, and the quartiles. A part stays if that is 1.3 somewhere, in wall
time on an idle machine, and nowhere below 0.95 beside a load. docs/decisions/speed.md has the table.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from bench.captures import KEY_TEXT, make_dense, make_haystack
from bench.figures import Run, in_rounds, ratios

HERE: Final = Path(__file__).parent
WORK: Final = HERE / "work"
CAPTURES: Final = HERE.parent / "captures"
FRAMES: Final = 50_000
"""Of a dense capture: half of `make bench`'s, so that all of this takes five minutes."""
_LMDECODE: Final = (str(Path(sys.executable).parent / "lmdecode"),)
_KEY: Final = ("--key", KEY_TEXT)
_JSON_LINES: Final = (*_LMDECODE, "decode", "--format", "jsonl")
_BUSY: Final = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


class Way(NamedTuple):
    """One way to run a command."""

    name: str
    """What it does without; "" if it has everything."""
    without: str = ""
    """As LMDECODE_WITHOUT has it."""
    options: tuple[str, ...] = ()


class Work(NamedTuple):
    """Something that owners do, and the ways to do it. All are compared with the first."""

    name: str
    command: tuple[str, ...]
    ways: tuple[Way, ...]
    times: int = 1
    """How many times as often as the others it runs: what is short needs more rounds."""


def main() -> None:
    """Make the captures, run everything in turns, print a table."""
    parser = argparse.ArgumentParser(prog="bench.parts", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7, help="of each command (7)")
    parser.add_argument("--idle", action="store_true", help="only on the machine as it is")
    parser.add_argument("--load", action="store_true", help="only beside a process that keeps one core busy")
    parser.add_argument("--only", metavar="WORK", action="append", help="only works whose names have this in them")
    parser.add_argument("--small", action="store_true", help="a twentieth of everything, to see that it works")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.pop("LMDECODE_WITHOUT", None)
    compileall.compile_dir(HERE.parent / "lmdecode", quiet=1)
    WORK.mkdir(exist_ok=True)
    before = os.getloadavg()[0]
    chosen = [work for work in _works(20 if options.small else 1) if _is_chosen(work.name, options.only)]
    if not chosen:
        parser.error("no work is called so")
    beside = [load for load, only in ((False, options.load), (True, options.idle)) if not only] or [False, True]
    print(
        f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, load {before:.1f} "
        f"before, {options.rounds} rounds: how many times as long without the part, median (quartiles).\n"
    )
    names = ["loaded" if load else "idle" for load in beside]
    print(f"| work | without | seconds | {' | '.join(f'{name}: wall | {name}: CPU' for name in names)} |")
    print(f"| --- | --- | ---: |{' ---: | ---: |' * len(beside)}")
    for work in chosen:
        cases = [(options.rounds * work.times, partial(_run, work, way)) for way in work.ways]
        taken: list[list[list[Run]]] = []
        for load in beside:
            with _busy_core() if load else nullcontext():
                taken.append(in_rounds(cases))
        for line in _rows(work, taken):
            print(line, flush=True)


def _works(scale: int) -> list[Work]:
    """All works, with their captures made."""
    frames = FRAMES // scale
    legal, random, second, hay = (WORK / f"parts-{name}-{scale}.pcap" for name in ("legal", "random", "second", "hay"))
    for path, make in (
        (legal, partial(make_dense, frames=frames)),
        (random, partial(make_dense, frames=frames, legal=False)),
        (hay, partial(make_haystack, packets=828_000 // scale, frames=20_000 // scale)),
    ):
        _made(path, make)
    _made(second, partial(shutil.copyfile, legal))
    tier = tuple(Way(name, name) for name in ("batch", "compiled", "order", "batch,compiled"))
    day = (*_JSON_LINES, "--config", str(CAPTURES / "config.json"), str(CAPTURES / "gs3av-day.pcapng.zst"))
    sample = (*_JSON_LINES, *_KEY, str(CAPTURES / "gs3av-settings.pcap"))
    csv = (*_LMDECODE, "decode", "--format", "csv")
    parquet = (*_LMDECODE, "decode", "--format", "parquet", "--output", str(WORK / "parts.parquet"))
    return [
        Work("a real day", day, (Way(""), *tier, Way("everything", "all"))),
        Work("dense, legal values", (*_JSON_LINES, *_KEY, str(legal)), (Way(""), *tier)),
        Work("dense, random values", (*_JSON_LINES, *_KEY, str(random)), (Way(""), *tier)),
        Work("dense, Parquet", (*parquet, *_KEY, str(legal)), (Way(""), Way("columns", "columns"))),
        Work("dense, CSV", (*csv, *_KEY, str(legal)), (Way(""), Way("columns", "columns"))),
        Work("haystack", (*_JSON_LINES, *_KEY, str(hay)), (Way(""), Way("libpcap", "libpcap"))),
        Work(
            "haystack, no libpcap",
            (*_JSON_LINES, *_KEY, str(hay)),
            (Way("", "libpcap"), Way("prefilter", "libpcap,prefilter")),
        ),
        Work(
            "two dense captures",
            (*_JSON_LINES, *_KEY, str(legal), str(second)),
            (Way("", options=("--jobs", "2")), Way("--jobs 2")),
        ),
        Work("a sample of 94 frames", sample, (Way(""), Way("startup", "startup")), times=3),
        Work("lmdecode registers", (*_LMDECODE, "registers"), (Way(""), Way("startup", "startup")), times=3),
    ]


def _made(path: Path, make: Callable[[Path], object]) -> None:
    """Make a capture, if it is not there from the last time."""
    if not path.exists():
        part = path.with_suffix(".part")
        make(part)
        part.rename(path)


def _is_chosen(name: str, patterns: Sequence[str] | None) -> bool:
    return not patterns or any(pattern in name for pattern in patterns)


def _run(work: Work, way: Way) -> Run:
    """Run a work in one way, once."""
    environment = os.environ | ({"LMDECODE_WITHOUT": way.without} if way.without else {})
    began = time.perf_counter()
    with subprocess.Popen(
        [*work.command, *way.options], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"bench.parts: {work.name} without {way.name or 'nothing'} failed: {said.decode(errors='replace')}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _rows(work: Work, taken: Sequence[Sequence[Sequence[Run]]]) -> Iterator[str]:
    """The rows of a work in the table.

    Args:
        work: The work.
        taken: For each state of the machine, the runs of each way.
    """
    for number, way in enumerate(work.ways):
        seconds = statistics.median(run.seconds for run in taken[0][number])
        columns = [
            _quartiles(ratios([getattr(run, of) for run in runs[number]], [getattr(run, of) for run in runs[0]]))
            for runs in taken
            for of in ("seconds", "cpu_seconds")
        ]
        if not number:
            columns = ["1"] * len(columns)
        name = way.name and f"`{way.name}`"
        yield f"| {'' if number else work.name} | {name} | {seconds:.3f} | {' | '.join(columns)} |"


def _quartiles(figures: Sequence[float]) -> str:
    """The median of some figures, and their quartiles.

    >>> _quartiles([1.0, 2.0, 3.0, 4.0, 5.0])
    '3.00 (2.00–4.00)'
    """
    if len(figures) < 2:
        return f"{figures[0]:.2f}"
    low, middle, high = statistics.quantiles(figures, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


@contextmanager
def _busy_core() -> Iterator[None]:
    """Keep one core busy meanwhile."""
    with subprocess.Popen([sys.executable, "-c", _BUSY]) as process:
        try:
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    main()
