"""What is there for speed alone can be left out, one by one and all together, and nothing else changes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import lmdecode
from bench.captures import KEY_TEXT, make_dense, make_haystack
from lmdecode import _parts
from lmdecode.capture import CaptureStatistics, decode_capture_into, reader
from lmdecode.capture.net import libpcap
from lmdecode.codec.dialect import MachineKey, OwnerAccess
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.v1 import _fast
from lmdecode.codec.v1.key import Key
from lmdecode.render.records import Style, format_named
from tests.cli.conftest import Command

CAPTURES = Path("captures").absolute()
KEYS = [
    MachineKey("kitchen", Key.parse(KEY_TEXT)),
    MachineKey("cellar", Key(bytes(32))),
]


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """Captures of several kinds: legal and illegal values, other traffic, a sample, an export, Bluetooth."""
    folder = tmp_path_factory.mktemp("captures")
    make_dense(folder / "legal.pcap", 300)
    make_dense(folder / "random.pcap", 600, legal=False)
    make_haystack(folder / "hay.pcap", 3000, 200)
    samples = ("gs3av-settings.pcap", "gs3av-settings.tshark.json", "gs3mp-standby.pcapng", "bluetooth-morning.btsnoop")
    return [*sorted(folder.iterdir()), *(CAPTURES / name for name in samples)]


@pytest.fixture
def switch(without, monkeypatch):
    """What does without parts; small captures are worth libpcap here."""
    monkeypatch.setattr(reader, "_WORTH_SCREENING", 0)
    monkeypatch.setattr(libpcap, "_FEW", 0)
    return without


def written(paths, name, keys):
    """All that comes of some captures: the output's bytes, what was counted, and what was said."""
    told = []
    file = io.BytesIO()
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    for path in paths:
        chosen = format_named(name)
        writer = chosen.open(file if chosen.binary else text, Style())
        statistics = CaptureStatistics()
        speakers = Speakers.open(OwnerAccess(keys))
        made = decode_capture_into(path, writer.sink, speakers, statistics=statistics)
        writer.write_all(made)
        writer.close()
        told.append((statistics.port_packets, statistics.connections, statistics.tallies))
        told.append((statistics.warnings, statistics.notes, statistics.unread))
    text.flush()
    return file.getvalue(), told


@pytest.mark.parametrize(("name", "keys"), [("jsonl", KEYS[:1]), ("csv", KEYS)])
def test_without_any_part_the_output_is_the_same(captures, switch, name, keys):
    switch("all")
    expected = written(captures, name, keys)
    assert len(expected[0]) > 100_000
    for parts in ("", *_parts.PARTS, "batch,order", "compiled,columns", "libpcap,prefilter"):
        switch(parts)
        assert written(captures, name, keys) == expected, f"without {parts or 'nothing'}"


def test_records_are_the_same_too(captures, switch):
    found = []
    for parts in ("", "all"):
        switch(parts)
        found.append([list(lmdecode.decode(path, key=KEY_TEXT)) for path in captures])
    assert found[0] == found[1]
    assert sum(map(len, found[0])) > 1000


def test_tables_are_the_same_too(captures, switch):
    found = []
    for parts in ("", "columns", "all"):
        switch(parts)
        found.append([lmdecode.to_arrow(lmdecode.decode(path, key=KEY_TEXT)) for path in captures])
    assert found[0] == found[1] == found[2]
    assert sum(map(len, found[0])) > 1000


def test_each_part_is_in_a_file_of_ours_and_can_be_turned_off_and_on(switch):
    for name, (where, what) in _parts.PARTS.items():
        assert (Path(lmdecode.__file__).parent / where).is_file()
        assert what
        switch(name)
        assert [each for each in _parts.PARTS if _parts.is_off(each)] == [name]
    switch("all")
    assert all(map(_parts.is_off, _parts.PARTS))
    assert _parts.PARTS.keys() > _fast.PARTS
    switch("")
    assert not any(map(_parts.is_off, _parts.PARTS))


def test_what_is_no_part_is_refused(switch):
    with pytest.raises(SystemExit, match="no part is called btach; there are all, batch, compiled"):
        switch("btach,order")


def test_the_environment_says_what_to_do_without(tmp_path):
    """As one command: what is turned off in the process is what the variable names."""
    command = Command(tmp_path)
    sample = CAPTURES / "gs3av-settings.pcap"
    found = []
    for without in ("", "all"):
        command.environment["LMDECODE_WITHOUT"] = without
        found.append(command("decode", sample, "--key", KEY_TEXT, "--format", "jsonl"))
    assert found[0].stdout == found[1].stdout
    assert found[0].stderr == found[1].stderr
    command.environment["LMDECODE_WITHOUT"] = "speed"
    refused = command("decode", sample)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("lmdecode: LMDECODE_WITHOUT: no part is called speed; there are all, batch")
