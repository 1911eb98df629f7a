"""The command as a user runs it: a process of its own, in an empty folder, with no configuration to be found."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lmdecode.capture.net.packet import Endpoint, Segment
from lmdecode.codec.v1.message import build
from tests.analysis.simulated import Wanted, both, byte_that_wanders, captured, flag_that_follows, shots, spoken
from tests.capture.building import MACHINE, Talk, packets, pcap, seal

CAPTURES = Path(__file__).parents[2] / "captures"
KEY = "12345678901234567890123456789012"


class Command:
    """Runs `lmdecode` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LMDECODE") or name == "LMDECODE_WITHOUT"  # the tests run without parts too
        }
        self.environment |= {
            "HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "home" / "config"),
            "TZ": "UTC",
            "COLUMNS": "80",
            "PYTHONIOENCODING": "utf-8",
        }
        self.line = [sys.executable, "-m", "lmdecode"]

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.line, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def shell(self, *arguments: object) -> str:
        """The command line as one typed into a shell; paths may have blanks in them."""
        return shlex.join([*self.line, *map(str, arguments)])

    def fails(self, *arguments: object, code: int = 1, **environment: str) -> str:
        """Run a command that must fail without a traceback; its complaints."""
        result = self(*arguments, **environment)
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
        return result.stderr


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def config() -> Path:
    return CAPTURES / "config.json"


@pytest.fixture
def run(command: Command) -> Callable[..., str]:
    """Runs with the key; a command that must succeed gives its output."""
    command.environment["LMDECODE_KEY"] = KEY

    def succeed(*arguments: object) -> str:
        result = command(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return succeed


@pytest.fixture(scope="session")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour at a machine, of which a byte follows the pump and another goes its own way."""
    path = tmp_path_factory.mktemp("recordings") / "hour.pcap"
    touch = both(flag_that_follows("pump_on", 0x400F, on=4), byte_that_wanders(0x4020))
    writes: list[Wanted] = [(600.2, "dose_k2", 121), (900.2, "auto_bitfield", ["global_auto", "mon_auto"])]
    path.write_bytes(captured(spoken(1, pours=list(shots(1, every=150)), writes=writes, touch=touch)))
    return path


@pytest.fixture(scope="session")
def two_machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of two machines, a GS3 AV and a Linea Mini."""
    path = tmp_path_factory.mktemp("recordings") / "two.pcap"
    segments: list[Segment] = []
    for host, model in ((MACHINE.host, "GS3 AV"), ("192.168.1.216", "Linea Mini")):
        talk = Talk(machine=Endpoint(host, 1774), app=Endpoint("192.168.1.150", 40_000 + len(segments))).open()
        for time_ns, sender, message in spoken(1 / 60, model=model, pours=[]):
            talk.time_ns = max(talk.time_ns, time_ns)
            talk.send(sender, seal(build(message).decode()), acked=False)
        segments += talk.close().segments
    segments.sort(key=lambda segment: segment.time_ns)
    path.write_bytes(pcap(packets(segments)))
    return path
