"""The sample of a log: it is what its script makes, and what an owner asks of it comes out."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

from lmdecode.capture import CaptureStatistics, decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers

CAPTURES = Path(__file__).parents[1] / "captures"


def test_the_sample_is_what_its_script_makes(monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", [str(CAPTURES / "make"), *sys.path])
    spec = importlib.util.spec_from_file_location("homeassistant_log", CAPTURES / "make" / "homeassistant.py")
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "homeassistant_log", script)
    spec.loader.exec_module(script)
    sys.modules.pop("lion", None)
    assert script.TARGET.read_bytes() == script.make(), "make it anew: python captures/make/homeassistant.py"


def test_the_morning_comes_out_in_utc_and_of_one_machine() -> None:
    statistics = CaptureStatistics()
    speakers = Speakers.open(OwnerAccess())
    records = list(decode_capture(CAPTURES / "homeassistant.log", speakers, statistics=statistics))
    assert Counter(each.generation for each in records).keys() == {"lion", "bluetooth"}
    assert {each.machine for each in records if each.generation == "bluetooth"} == {"MR012345"}
    assert records[0].as_dict()["time"].startswith("2026-11-21T06:29:51")
    assert [each.fields["brew_stopped_seconds"] for each in records if "brew_stopped_seconds" in each.fields] == [
        25.612
    ]
    assert statistics.warnings == []
    assert "UTC+01:00" in statistics.notes[0]
