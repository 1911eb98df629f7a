"""`make fuzz`: all targets in turns, with new inputs each time, until it is stopped or the time is over.

A crash is made as small as hypothesis can, saved in `fuzz/crashes/TARGET/`, where the tests find it, and told; then the
others go on. The exit code is 1 if there was any.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from fuzz.generations import TARGETS
from fuzz.targets import Target

CRASHES = Path(__file__).parent / "crashes"
_EXAMPLES = 500  # of one target, before the next has its turn
_PATIENCE = 10  # s; a parser that takes longer for an input of some kilobytes hangs


class Crash(NamedTuple):
    """An input with which a target failed, as small as it could be made."""

    target: str
    data: bytes
    trace: str


class TooSlowError(Exception):
    """A parser did not end."""


def crash_of(target: Target, examples: int, number: int) -> Crash | None:
    """Give a target some inputs. Returns the smallest that fails, or None.

    Args:
        target: What takes them.
        examples: How many inputs.
        number: The seed; equal seeds give equal inputs.
    """
    failing = b""

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(target.inputs)
    def check(data: bytes) -> None:
        nonlocal failing
        try:
            target.check(data)
        except Exception:
            failing = data  # the last one that hypothesis tries is the smallest
            raise

    try:
        check()
    except Exception:  # noqa: BLE001 -- whatever it is, it is what was looked for
        return Crash(target.name, failing, traceback.format_exc())
    return None


def save(crash: Crash, folder: Path = CRASHES) -> Path:
    """Keep the input of a crash where the tests find it. Returns the file, which is named by its content."""
    path = folder / crash.target / hashlib.sha256(crash.data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(crash.data)
    return path


def saved(folder: Path = CRASHES) -> Iterator[tuple[str, Path]]:
    """The inputs that are kept: the target's name, and the file."""
    for path in sorted(folder.glob("*/*")):
        yield path.parent.name, path


def _impatient(target: Target) -> Target:
    """The same target, which also fails if it takes too long, where the system has an alarm."""
    if not hasattr(signal, "SIGALRM"):
        return target

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlowError(f"no end after {_PATIENCE} s")

    def check(data: bytes) -> None:
        signal.alarm(_PATIENCE)
        try:
            target.check(data)
        finally:
            signal.alarm(0)

    signal.signal(signal.SIGALRM, ring)
    return target._replace(check=check)


def main(arguments: Sequence[str] | None = None, targets: Sequence[Target] = TARGETS, folder: Path = CRASHES) -> int:
    """Run. Returns the exit code: 1 if anything crashed."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description=__doc__)
    forever = float(os.environ.get("FUZZ_SECONDS") or "inf")
    parser.add_argument("--seconds", type=float, default=forever, help="then it ends; else Ctrl-C does (FUZZ_SECONDS)")
    parser.add_argument("--target", action="append", choices=[target.name for target in targets], help="only this one")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(1 << 32), help="of the first round; the next has one more"
    )
    options = parser.parse_args(arguments)
    chosen = [_impatient(target) for target in targets if not options.target or target.name in options.target]
    print(f"{len(chosen)} targets, seed {options.seed}", flush=True)
    start = time.monotonic()
    tried, crashes = 0, set[Path]()
    try:
        for number in itertools.count(options.seed):
            for target in chosen:
                if time.monotonic() - start >= options.seconds:
                    return _summary(tried, start, crashes)
                crash = crash_of(target, _EXAMPLES, number)
                tried += _EXAMPLES
                if crash is not None and (path := save(crash, folder)) not in crashes:
                    crashes.add(path)
                    print(f"{crash.trace}\n{target.name}, seed {number}: {crash.data!r}\nsaved: {path}", flush=True)
    except KeyboardInterrupt:
        pass
    return _summary(tried, start, crashes)


def _summary(tried: int, start: float, crashes: set[Path]) -> int:
    """Say what was done. Returns the exit code."""
    print(f"{tried:,} inputs in {time.monotonic() - start:.0f} s, {len(crashes)} crashes")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
