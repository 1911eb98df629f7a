"""`make bench`: lmdecode and its peers side by side, as whole processes; medians and ratios as a table.

Peers that are not installed are left out, and said to be. The machine's noise is in all the numbers alike, so look at
the ratios. Captures are made once, in bench/work; so is a virtual environment with lmdirect, whose metadata wants an
old pip.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import time
import venv
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bench.captures import KEY_TEXT, make_dense, make_haystack

HERE = Path(__file__).parent
WORK = HERE / "work"
LMDECODE = f"{shlex.quote(str(Path(sys.executable).parent / 'lmdecode'))} decode --key {KEY_TEXT} --format jsonl"
JSON_LOAD = f"{shlex.quote(sys.executable)} -c 'import json,sys; json.load(open(sys.argv[1]))'"


class Case(NamedTuple):
    """One command of a race."""

    race: str
    name: str
    command: str
    runs: int


class Result(NamedTuple):
    """What a command took."""

    case: Case
    seconds: float
    megabytes: float


def main() -> None:
    """Make what is needed, run the races, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each command; slow peers run less often")
    parser.add_argument("--small", action="store_true", help="a twentieth of everything, to see that it works")
    options = parser.parse_args()
    scale = 20 if options.small else 1
    # pip compiles what it installs, as it did the peers; this package may be a working copy, never imported yet
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(HERE.parent / "lmdecode", quiet=1)
    WORK.mkdir(exist_ok=True)
    dense, second, hay = WORK / f"dense-{scale}.pcap", WORK / f"second-{scale}.pcap", WORK / f"hay-{scale}.pcap"
    for path in (dense, second):
        if not path.exists():
            make_dense(path, 100_000 // scale)
    if not hay.exists():
        make_haystack(hay, 828_000 // scale, 20_000 // scale)
    export = WORK / f"dense-{scale}.json"
    if shutil.which("tshark") and not export.exists():
        _export(dense, export)
    cases = _cases(options.runs, dense, second, hay, export)
    results = [result for _, race in groupby(cases, attrgetter("race")) for result in _measure(list(race))]
    frames = 100_000 // scale
    print(_markdown(results, frames))


def _cases(runs: int, dense: Path, second: Path, hay: Path, export: Path) -> list[Case]:
    few = max(1, runs // 3)
    cases = [Case("needle in a haystack", "lmdecode", f"{LMDECODE} {hay} > /dev/null", runs)]
    if shutil.which("tcpdump"):
        tcpdump = f"tcpdump -r {hay} 'tcp port 1774' -w /dev/null"
        cases.append(Case("needle in a haystack", "tcpdump, which only filters", tcpdump, runs))
    if shutil.which("tshark"):
        cases.append(
            Case("needle in a haystack", "tshark", f"tshark -r {hay} -Y 'tcp.port==1774 && data' > /dev/null", few)
        )
    cases.append(Case("dense", "lmdecode, in two processes", f"{LMDECODE} {dense} > /dev/null", runs))
    if shutil.which("tshark"):
        python = _lmdirect()
        peer = f"{python} {HERE / 'lmdirect_peer.py'}"
        chain = f"tshark -r {dense} -Y 'tcp.port==1774 && data' -T json > {WORK}/peer.json && {peer} {WORK}/peer.json"
        cases += [
            Case("dense", "tshark -T json, then lmdirect", f"{chain} > /dev/null", few),
            Case("dense, as tshark's JSON", "lmdecode, in two processes", f"{LMDECODE} {export} > /dev/null", runs),
            Case("dense, as tshark's JSON", "Python's json.load alone", f"{JSON_LOAD} {export}", few),
            Case("dense, as tshark's JSON", "json.load, then lmdirect", f"{peer} {export} > /dev/null", few),
        ]
    cases += [
        Case("two dense captures", "lmdecode --jobs 2", f"{LMDECODE} --jobs 2 {dense} {second} > /dev/null", runs),
        Case("two dense captures", "lmdecode --jobs 1", f"{LMDECODE} --jobs 1 {dense} {second} > /dev/null", runs),
    ]
    return cases


def _measure(cases: list[Case]) -> list[Result]:
    """Run the commands of one race in turns, so that a slow minute of the machine is one for all of them."""
    print(
        f"{cases[0].race}: {', '.join(f'{case.name} ({case.runs}×)' for case in cases)} …", file=sys.stderr, flush=True
    )
    taken: dict[Case, list[tuple[float, int]]] = {case: [] for case in cases}
    for turn in range(max(case.runs for case in cases)):
        for case in cases:
            if turn < case.runs:
                taken[case].append(_run(case))
    return [
        Result(case, statistics.median(seconds for seconds, _ in runs), max(peak for _, peak in runs) / 1024)
        for case, runs in taken.items()
    ]


def _run(case: Case) -> tuple[float, int]:
    """Run a command: the seconds that it took, and the most memory that one of its processes had, in KB."""
    start = time.perf_counter()
    process = subprocess.Popen(case.command, shell=True, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"bench: this failed: {case.command}")
    return seconds, usage.ru_maxrss


def _markdown(results: list[Result], frames: int) -> str:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    lines = [
        f"{today}, Python {platform.python_version()}, {os.cpu_count()} cores, medians of whole processes in one run.",
        "",
        "| race | command | seconds | times lmdecode | peak MB |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    first: dict[str, float] = {}
    for case, seconds, megabytes in results:
        pace = f" ({frames / seconds:,.0f} frames a second)" if case.race == "dense" and "dense" not in first else ""
        own = first.setdefault(case.race, seconds)
        lines.append(f"| {case.race} | {case.name}{pace} | {seconds:.2f} | {seconds / own:.2f} | {megabytes:.0f} |")
    return "\n".join(lines)


def _export(capture: Path, export: Path) -> None:
    with export.open("wb") as file:
        command = ["tshark", "-r", str(capture), "-Y", "tcp.port==1774 && data", "-T", "json"]
        subprocess.run(command, check=True, stdout=file, stderr=subprocess.DEVNULL)


def _lmdirect() -> str:
    """A Python that has lmdirect, in a virtual environment of its own."""
    folder = WORK / "lmdirect"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        for wanted in ("pip<24.1", "lmdirect==0.9.4"):
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", wanted], check=True)
        (folder / "ready").touch()
    return str(python)


if __name__ == "__main__":
    main()
