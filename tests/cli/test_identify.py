from __future__ import annotations

import json

from tests.cli.conftest import CAPTURES

PCAP = CAPTURES / "gs3av-settings.pcap"
PCAPNG = CAPTURES / "gs3mp-standby.pcapng"


def test_a_table_without_any_key(command):
    result = command("identify", PCAP)
    assert (result.returncode, result.stderr) == (0, "")
    assert "connection 0: v1, app 192.168.1.150:36364 ↔ machine 192.168.1.215:1774, 10.0 s" in result.stdout
    assert "drink counters R0020002C" in result.stdout
    assert "Likely, not certain" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert not [line for line in result.stdout.splitlines() if line != line.rstrip()]


def test_json_is_one_object(command):
    result = command("identify", PCAP, PCAPNG, "--format", "json")
    assert result.returncode == 0
    told = json.loads(result.stdout)
    assert [(each["capture"], each["stream"]) for each in told["connections"]] == [(str(PCAP), 0), (str(PCAPNG), 0)]
    assert told["connections"][0]["frames"] == {"app": 28, "machine": 66}
    status = told["groups"][0]
    assert (status["frame"], status["seen"]) == ("@/EvNHlfIE/xwlY2eKvFjXw==%", 3)
    assert status["candidates"] == [{"kind": "read", "address": 0x4000, "length": 0x23, "name": "status"}]
    assert status["confidence"] == "only fit"


def test_to_a_file(command):
    path = command.folder / "told.txt"
    result = command("identify", PCAP, "--output", path)
    assert (result.returncode, result.stdout) == (0, "")
    assert "drink counters" in path.read_text(encoding="utf-8")


def test_nothing_on_the_port_gives_the_advice_of_decode(command):
    complaint = command.fails("identify", PCAP, "--port", "80")
    assert "nothing on TCP port 80; busiest are 1774" in complaint
    assert "try --port 1774" in complaint


def test_a_file_that_is_not_there(command):
    assert "nowhere.pcap" in command.fails("identify", "nowhere.pcap")


def test_what_is_not_the_protocol(command):
    path = command.folder / "other.pcap"
    path.write_bytes(PCAP.read_bytes().replace(b"==%", b"!=%"))
    result = command("identify", path)
    assert result.returncode == 0
    assert "not base64: not this protocol, or damaged" in result.stdout


def test_the_capture_is_not_overwritten(command):
    path = command.folder / "same.pcap"
    path.write_bytes((CAPTURES / "gs3av-settings.pcap").read_bytes())
    before = path.read_bytes()
    assert "which is read: name another file" in command.fails("identify", path, "--output", path)
    assert path.read_bytes() == before
