"""The simulated day among the sample captures is what its script makes, and what captures/README.md says of it."""

from __future__ import annotations

import importlib.util
import struct
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import zstandard

from lmdecode.capture import CaptureStatistics, decode_capture
from lmdecode.codec.record import Kind
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder

CAPTURES = Path(__file__).parents[1] / "captures"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_day", CAPTURES / "make_day.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


def without_head(capture: bytes) -> bytes:
    """A pcapng without its first block, which names the version of lmdecode that wrote it."""
    return capture[struct.unpack_from("<I", capture, 4)[0] :]


def test_the_day_is_what_the_script_makes(script: ModuleType) -> None:
    kept = zstandard.ZstdDecompressor().decompressobj().decompress(script.TARGET.read_bytes())
    assert without_head(kept) == without_head(script.make()), "make it anew: python captures/make_day.py"
    assert b"simulated: made by captures/make_day.py" in kept[:1000]
    assert script.TARGET.stat().st_size < 1_000_000


def test_the_day_has_what_it_is_for(script: ModuleType) -> None:
    statistics = CaptureStatistics()
    records = list(decode_capture(script.TARGET, speakers_with(FrameDecoder(script.KEY)), statistics=statistics))
    tally = statistics.tallies.total()
    assert statistics.connections == len(script.CONNECTED) == 5
    assert not statistics.warnings
    assert (tally.frames - tally.messages, tally.bytes_skipped > 50, tally.bytes_missing) == (1, True, 180)
    writes = Counter(record.ok for record in records if record.kind is Kind.WRITE and record.role == "response")
    assert writes == {True: len(script.APP) - 1, False: 1}
    answered = Counter(record.role for record in records if record.kind is Kind.READ and record.sender == "machine")
    assert answered["report"] > 20_000
    assert {record.fields["flow_key"] for record in records if record.kind is Kind.STREAM} == {0, 1, 2, 3, 4, 5}
    power = [record.fields["power"] for record in records if "power" in record.fields]
    assert (power[0], True in power, power[-1]) == (False, True, False)  # the schedule switched it on, and off
