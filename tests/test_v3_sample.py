"""The sample of gateway v3 is what its script makes, and what captures/README.md says of it."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from lmdecode.app.decode import Outcome, read
from lmdecode.capture import CaptureStatistics, decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers

CAPTURES = Path(__file__).parents[1] / "captures"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_v3", CAPTURES / "make" / "v3.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def records() -> list[Record]:
    speakers = Speakers.open(OwnerAccess(missing=LmdecodeError("there is no key")))
    return list(decode_capture(CAPTURES / "v3-morning.pcap", speakers))


def test_the_morning_is_what_the_script_makes(script: ModuleType) -> None:
    assert script.TARGET.read_bytes() == script.make(), "make it anew: python captures/make/v3.py"
    assert script.TARGET.stat().st_size < 60_000


def test_the_morning_has_what_it_is_for(script: ModuleType, records: list[Record]) -> None:
    assert {record.generation for record in records} == {"v3"}
    problems = [problem for record in records for problem in record.problems]
    assert [problem[:24] for problem in problems] == ["refused with status 403:"]
    named = Counter(name for record in records for name in record.fields)
    assert named["brew_started_key"] == 3
    assert named["brew_stopped_seconds"] == 2
    assert named["flush_stopped_seconds"] == 1
    powers = [record.fields["power"] for record in records if "power" in record.fields]
    assert (True in powers, powers[-1]) == (True, False)
    assert max(record.fields.get("coffee_temp", 0) for record in records) == 94.0
    text = str([record.as_dict() for record in records])
    assert script.TOKEN not in text
    assert script.MACHINE[1] not in text


def test_the_morning_is_read_without_a_warning() -> None:
    statistics = CaptureStatistics()
    speakers = Speakers.open(OwnerAccess(missing=LmdecodeError("there is no key")))
    list(decode_capture(CAPTURES / "v3-morning.pcap", speakers, statistics=statistics))
    assert not statistics.warnings
    assert statistics.tallies["v3"].bytes_skipped == 0
    assert statistics.connections == 2


def on_port(capture: bytes, port: int) -> bytes:
    """The sample, as if the machine listened elsewhere; checksums are not looked at."""
    return capture.replace((8081).to_bytes(2, "big"), port.to_bytes(2, "big"))


def test_on_another_port_the_advice_is_right_and_taken(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.pcap"
    path.write_bytes(on_port((CAPTURES / "v3-morning.pcap").read_bytes(), 12345))
    speakers = Speakers.open(OwnerAccess(missing=LmdecodeError("there is no key")))
    outcome = Outcome(path)
    assert not list(read(outcome, speakers))
    assert "try --port 12345, whose data look like frames" in outcome.complaints[0]
    named = Speakers.open(OwnerAccess(missing=LmdecodeError("there is no key")), port=12345)
    records = list(read(Outcome(path), named))
    assert len(records) == 120
    assert {record.generation for record in records} == {"v3"}
