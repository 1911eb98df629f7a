"""The races of the benchmark: which commands run side by side, and which of them cannot, with the reason."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from bench.captures import KEY_TEXT, make_dense, make_fleet, make_haystack
from bench.figures import Figure

HERE: Final = Path(__file__).parent
WORK: Final = HERE / "work"
CAPTURES: Final = HERE.parent / "captures"

_PYTHON: Final = shlex.quote(sys.executable)
_LMDECODE: Final = shlex.quote(str(Path(sys.executable).parent / "lmdecode"))
_JSON_LINES: Final = f"{_LMDECODE} decode --key {KEY_TEXT} --format jsonl"
_PARQUET: Final = f"{_LMDECODE} decode --key {KEY_TEXT} --format parquet --output {WORK}/bench.parquet"
_ARROW: Final = f"{_PYTHON} -c 'import sys, lmdecode; lmdecode.to_arrow(lmdecode.decode(sys.argv[1], key=sys.argv[2]))'"
_JSON_LOAD: Final = f"{_PYTHON} -c 'import json,sys; json.load(open(sys.argv[1]))'"
_TSHARK: Final = "-Y 'tcp.port==1774 && data'"


class Case(NamedTuple):
    """One command of a race."""

    name: str
    command: str
    """For the shell."""
    runs: int
    frames: int = 0
    """That it decodes, where the table is to say how many a second."""
    fresh: Path | None = None
    """A folder that must not be there when it starts."""
    own_memory: bool = False
    """Whether the memory is that of its first process alone, without those that it starts."""


class Race(NamedTuple):
    """Commands that run in turns. The ratios are to the first of them."""

    name: str
    cases: list[Case]
    compares: Figure = "seconds"


class Plan:
    """All races, and what is left out. Captures are made when their race comes up.

    Args:
        runs: Of each command; slow peers run less often.
        scale: 1, or by how much everything is smaller.
    """

    def __init__(self, runs: int, scale: int) -> None:
        self._runs = runs
        self._few = max(1, runs // 3)  # what takes half a minute
        self._several = max(1, runs * 2 // 3)
        self._many = runs * 3  # what takes a tenth of a second
        self._scale = scale
        self.left_out: list[str] = []
        """What did not run, and why."""
        self.races: Final[dict[str, Callable[[str], Race]]] = {
            "start-up": self._start_up,
            "needle in a haystack": self._haystack,
            "a real day": self._day,
            "dense": self._dense,
            "dense, as columns": self._columns,
            "dense, as tshark's JSON": self._exported,
            "two dense captures": self._two,
            "export of 200 captures": self._export,
            "scheduler's memory": self._scheduler,
        }
        """What makes each race, by its name."""

    def race(self, name: str) -> Race:
        """Returns a race, with its captures made."""
        WORK.mkdir(exist_ok=True)
        return self.races[name](name)

    def _start_up(self, name: str) -> Race:
        sample = f"{_JSON_LINES} {shlex.quote(str(CAPTURES / 'gs3av-settings.pcap'))} > /dev/null"
        return Race(
            name,
            [
                Case("bare Python", f"{_PYTHON} -c pass", self._many),
                Case("lmdecode --version", f"{_LMDECODE} --version > /dev/null", self._many),
                Case("lmdecode, a sample of 94 frames", sample, self._many),
            ],
        )

    def _haystack(self, name: str) -> Race:
        hay = WORK / f"hay-{self._scale}.pcap"
        _made(hay, lambda path: make_haystack(path, 828_000 // self._scale, 20_000 // self._scale))
        cases = [Case("lmdecode", f"{_JSON_LINES} {hay} > /dev/null", self._runs)]
        if self._has("tcpdump", name):
            command = f"tcpdump -r {hay} 'tcp port 1774' -w /dev/null"
            cases.insert(0, Case("tcpdump, which only filters", command, self._runs))
        if self._has("tshark", name):
            cases.append(Case("tshark", f"tshark -r {hay} {_TSHARK} > /dev/null", self._few))
        return Race(name, cases)

    def _day(self, name: str) -> Race:
        day, config = (shlex.quote(str(CAPTURES / each)) for each in ("gs3av-day.pcapng.zst", "config.json"))
        command = f"{_LMDECODE} decode --config {config} --format jsonl {day} > /dev/null"
        return Race(name, [Case("lmdecode", command, self._runs)])

    def _dense(self, name: str) -> Race:
        legal, random = self._legal(), self._random()
        frames = 100_000 // self._scale
        cases = [
            Case("lmdecode, legal values", f"{_JSON_LINES} {legal} > /dev/null", self._runs, frames),
            Case("lmdecode, random values", f"{_JSON_LINES} {random} > /dev/null", self._runs, frames),
        ]
        peer = self._lmdirect(name) if self._has("tshark", name) else None
        if peer is not None:
            chain = f"tshark -r {legal} {_TSHARK} -T json > {WORK}/peer.json && {peer} {WORK}/peer.json > /dev/null"
            cases.append(Case("tshark -T json, then lmdirect", chain, self._few))
        return Race(name, cases)

    def _columns(self, name: str) -> Race:
        legal, random = self._legal(), self._random()
        cases = [Case("JSON Lines", f"{_JSON_LINES} {legal} > /dev/null", self._runs)]
        if importlib.util.find_spec("pyarrow") is None:
            self.left_out.append(f"{name}: Parquet and Arrow, since pyarrow is not installed")
            return Race(name, cases)
        cases += [
            Case("Parquet", f"{_PARQUET} {legal}", self._runs),
            Case("Parquet, random values", f"{_PARQUET} {random}", self._runs),
            Case("Arrow in memory (to_arrow)", f"{_ARROW} {legal} {KEY_TEXT}", self._runs),
            Case("Arrow in memory, random values", f"{_ARROW} {random} {KEY_TEXT}", self._runs),
        ]
        return Race(name, cases)

    def _exported(self, name: str) -> Race:
        legal, export = self._legal(), WORK / f"dense-{self._scale}.json"
        if not self._has("tshark", name):
            return Race(name, [])
        _made(export, lambda path: _export_by_tshark(legal, path))
        cases = [
            Case("lmdecode", f"{_JSON_LINES} {export} > /dev/null", self._runs),
            Case("Python's json.load alone", f"{_JSON_LOAD} {export}", self._few),
        ]
        peer = self._lmdirect(name)
        if peer is not None:
            cases.append(Case("json.load, then lmdirect", f"{peer} {export} > /dev/null", self._few))
        return Race(name, cases)

    def _two(self, name: str) -> Race:
        legal, second = self._legal(), WORK / f"second-{self._scale}.pcap"
        _made(second, lambda path: make_dense(path, 100_000 // self._scale))
        return Race(
            name,
            [
                Case(f"lmdecode --jobs {jobs}", f"{_JSON_LINES} --jobs {jobs} {legal} {second} > /dev/null", self._runs)
                for jobs in (2, 1)
            ],
        )

    def _export(self, name: str) -> Race:
        if not self._exports(name):
            return Race(name, [])
        captures, frames = 200 // self._scale, 5000  # an hour and a half of a machine that is watched
        fleet = WORK / f"fleet-{self._scale}"
        _made(fleet, partial(make_fleet, captures=captures, frames=frames))
        into, dataset = _export_command(fleet, "bench")
        cases = [Case("lmdecode, without a scheduler", into, self._few, captures * frames, dataset)]
        if self._has_module("distributed", name):
            cases = [
                Case(f"--scheduler local --workers {workers}", f"{into} --scheduler local --workers {workers}", *rest)
                for workers in (2, 1)
                for rest in ((self._several, captures * frames, dataset),)
            ] + cases
        return Race(name, cases)

    def _scheduler(self, name: str) -> Race:
        if not (self._exports(name) and self._has_module("distributed", name)):
            return Race(name, [])
        cases = []
        for captures in (200 // self._scale, 2000 // self._scale):
            fleet = WORK / f"tiny-{captures}"
            _made(fleet, partial(make_fleet, captures=captures, frames=20))
            into, dataset = _export_command(fleet, "tiny")
            command = f"exec {into} --scheduler local --workers 2"  # so that no shell stands before it
            cases.append(Case(f"{captures:,} tiny captures", command, max(2, self._few), 0, dataset, own_memory=True))
        return Race(name, cases, "megabytes")

    def _legal(self) -> Path:
        return _made(WORK / f"dense-{self._scale}.pcap", lambda path: make_dense(path, 100_000 // self._scale))

    def _random(self) -> Path:
        path = WORK / f"random-{self._scale}.pcap"
        return _made(path, lambda path: make_dense(path, 100_000 // self._scale, legal=False))

    def _has(self, program: str, race: str) -> bool:
        if shutil.which(program):
            return True
        self.left_out.append(f"{race}: {program}, which is not installed")
        return False

    def _has_module(self, module: str, race: str) -> bool:
        if importlib.util.find_spec(module):
            return True
        self.left_out.append(f"{race}: {module}, which is not installed")
        return False

    def _exports(self, race: str) -> bool:
        asked = subprocess.run(f"{_LMDECODE} export --help", shell=True, capture_output=True, check=False)
        if asked.returncode == 0 and importlib.util.find_spec("pyarrow"):
            return True
        self.left_out.append(f"{race}: lmdecode export, which is not there or lacks pyarrow")
        return False

    def _lmdirect(self, race: str) -> str | None:
        """A command that runs lmdirect, in a virtual environment of its own, whose metadata wants an old pip."""
        folder = WORK / "lmdirect"
        python = folder / "bin" / "python"
        if not (folder / "ready").exists():
            installs = [f"{_PYTHON} -m venv --clear {folder}"]
            installs += [f"{python} -m pip install --quiet '{wanted}'" for wanted in ("pip<24.1", "lmdirect==0.9.4")]
            if any(subprocess.run(each, shell=True, capture_output=True, check=False).returncode for each in installs):
                self.left_out.append(f"{race}: lmdirect, which cannot be installed")
                return None
            (folder / "ready").touch()
        return f"{python} {HERE / 'lmdirect_peer.py'}"


def _made(path: Path, make: Callable[[Path], object]) -> Path:
    """Returns a file or folder of captures, which is made once, and whole or not at all."""
    if not path.exists():
        part = path.with_name(f"{path.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        print(f"making {path.name} …", file=sys.stderr, flush=True)
        make(part)
        part.rename(path)
    return path


def _export_by_tshark(capture: Path, export: Path) -> None:
    with export.open("wb") as file:
        command = f"tshark -r {shlex.quote(str(capture))} {_TSHARK} -T json"
        subprocess.run(command, shell=True, check=True, stdout=file, stderr=subprocess.DEVNULL)


def _export_command(fleet: Path, name: str) -> tuple[str, Path]:
    """The command that exports a folder into a dataset, and the dataset."""
    dataset = WORK / f"dataset-{name}"
    return f"{_LMDECODE} export {fleet} --key {KEY_TEXT} --to {dataset}", dataset
