"""The made-up morning in the cloud among the sample captures is what its script makes, in both of its forms."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lmdecode.capture import CaptureStatistics, decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers

CAPTURES = Path(__file__).parents[1] / "captures"
FLOW, HAR = CAPTURES / "lion-morning.flow", CAPTURES / "lion-morning.har"
PATHS = ("source", "destination")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_lion", CAPTURES / "make" / "lion.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


def told(path: Path, *, show_secrets: bool = False) -> tuple[list[dict[str, object]], CaptureStatistics]:
    """All records without the addresses, of which an archive has only one."""
    statistics = CaptureStatistics()
    speakers = Speakers.open(OwnerAccess(show_secrets=show_secrets))
    records = [record.as_dict() for record in decode_capture(path, speakers, statistics=statistics)]
    return [{name: value for name, value in each.items() if name not in PATHS} for each in records], statistics


def test_both_are_what_the_script_makes(script: ModuleType, tmp_path: Path) -> None:
    assert HAR.read_bytes() == script.archive(), "make it anew: python captures/make/lion.py"
    anew = tmp_path / "anew.flow"
    anew.write_bytes(script.flows())  # mitmproxy of another version writes other bytes, and the same flows
    assert told(FLOW, show_secrets=True)[0] == told(anew, show_secrets=True)[0]
    assert max(FLOW.stat().st_size, HAR.stat().st_size) < 70_000


def test_the_proof_is_that_of_other_programs(script: ModuleType) -> None:
    given = "00000000-0000-4000-8000-000000000001.11111111-1111-4111-8111-111111111111.1700000000000"
    assert script.proof(given, bytes(range(32))) == "hJvmgRw1mUHFii6l7hjISztKGaK4TrKHff3UBft4hSM="


def test_both_say_the_same() -> None:
    of_flow, statistics = told(FLOW)
    assert of_flow == told(HAR)[0]
    assert (statistics.port_packets, statistics.connections) == (15, 2)
    assert statistics.notes == ["1 request to another host was passed over"]
    assert not statistics.warnings
    assert {record["generation"] for record in of_flow} == {"lion"}
    times = [str(record["time"]) for record in of_flow]
    assert times == sorted(times)


def test_no_secret_is_shown(script: ModuleType) -> None:
    text = str(told(FLOW)[0])
    hidden = str(told(FLOW, show_secrets=True)[0])
    for secret in (script._BLE_TOKEN, script.Morning().token, "a made-up password", "owner@example.com"):
        assert secret in hidden
        assert secret not in text
