"""Files that one recording was cut into are one unit, and no others are."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.dataset.finding import find
from lmdecode.app.dataset.rotation import GAP_NS, recording_of, units
from lmdecode.app.decode import Outcome, joined, read
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import (
    SECOND,
    START_NS,
    Talk,
    enhanced,
    ethernet,
    interface,
    new_decoder,
    packets,
    pcap,
    report,
    seal,
    section,
    talk,
)

OLD_S = START_NS // SECOND


def piece(at_s, link_type=1, **about):
    """A pcap whose first packet is so many seconds after the start."""
    segments = talk(1, time_ns=START_NS + at_s * SECOND, **about).segments
    return pcap(packets(segments), link_type=link_type)


def laid(folder, files, written_s=None):
    """Files of these contents, all written at one time. Returns the units as names, in the order in which they come."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        moment = OLD_S + 10**6 if written_s is None else OLD_S + written_s[name]
        os.utime(folder / name, (moment, moment))
    return joined_names(folder)


def joined_names(folder):
    found = find([str(folder)], "data")
    assert found.wrong == []
    return [
        [Path(file.url).relative_to(folder).as_posix() for file in unit.files] for unit in units(found.files, join=True)
    ]


def test_without_join_each_file_is_a_unit(tmp_path):
    laid(tmp_path, {"x.pcap": piece(0), "x.pcap1": piece(10)})
    assert [len(unit.files) for unit in units(find([str(tmp_path)], "data").files)] == [1, 1]


@pytest.mark.parametrize(
    "names",
    [
        ["x.pcap", "x.pcap1", "x.pcap2", "x.pcap10"],
        ["x.pcap00", "x.pcap01", "x.pcap02"],
        ["x", "x1", "x2"],
        ["day-20261121-025439.pcap", "day-20261121-035439.pcap", "day-20261122-000000.pcap"],
        ["2026-11-21_02.pcap", "2026-11-21_03.pcap"],
        ["x.1795229755.pcap", "x.1795233355.pcap"],
        ["day-20261121.pcap", "day-20261121.pcap1", "day-20261122.pcap", "day-20261122.pcap1"],
        ["x_00001_20261121025439.pcapng", "x_00002_20261121035439.pcapng", "x_00003_20261121045439.pcapng"],
        ["x_20261121025439_00001.pcapng", "x_20261121035439_00002.pcapng"],
    ],
)
def test_the_pieces_of_a_recording_are_one_unit_in_the_order_of_their_packets(tmp_path, names):
    assert laid(tmp_path, {name: piece(10 * number) for number, name in enumerate(names)}) == [names]
    packed = {f"{name}.gz": gzip.compress(piece(10 * number)) for number, name in enumerate(names)}
    assert laid(tmp_path / "packed", packed) == [[f"{name}.gz" for name in names]]
    # A ring that is full goes on with its first name.
    files = {name: piece(10 * ((number + 1) % len(names))) for number, name in enumerate(names)}
    (turned,) = laid(tmp_path / "ring", files)
    assert turned == [names[-1], *names[:-1]]


@pytest.mark.parametrize(
    "names",
    [
        ["machine1.pcap", "machine2.pcap"],
        ["192.168.10.20.pcap", "192.168.10.21.pcap"],
        ["GS003123.pcap", "GS003124.pcap"],
        ["x-20261398.pcap", "x-20261399.pcap"],
        ["kitchen/x.pcap", "office/x.pcap1"],
        ["x.pcap", "y.pcap1"],
    ],
)
def test_other_numbers_say_nothing(tmp_path, names):
    assert laid(tmp_path, {name: piece(10 * number) for number, name in enumerate(names)}) == [[each] for each in names]


def test_another_link_type_or_format_is_another_recording(tmp_path):
    segments = talk(1, time_ns=START_NS + 30 * SECOND).segments
    other = section() + interface() + b"".join(enhanced(0, each.time_ns // 1000, ethernet(each)) for each in segments)
    files = {"x.pcap": piece(0), "x.pcap1": piece(10), "x.pcap2": piece(20, link_type=113), "x.pcap3": other}
    assert laid(tmp_path, files) == [["x.pcap", "x.pcap1"], ["x.pcap2"], ["x.pcap3"]]


def test_a_copy_of_a_piece_is_no_further_piece(tmp_path):
    files = {"x.pcap": piece(0), "x.pcap1": piece(10), "x.pcap1.gz": gzip.compress(piece(10))}
    assert sorted(laid(tmp_path, files)) == [["x.pcap", "x.pcap1"], ["x.pcap1.gz"]]


@pytest.mark.parametrize(("gap_s", "count"), [(GAP_NS // SECOND - 5, 1), (GAP_NS // SECOND + 5, 2)])
def test_a_gap_of_hours_ends_a_recording(tmp_path, gap_s, count):
    files = {"x.pcap": piece(0), "x.pcap1": piece(gap_s), "x.pcap2": piece(gap_s + 9)}
    assert len(laid(tmp_path, files, {"x.pcap": 1, "x.pcap1": gap_s + 1, "x.pcap2": gap_s + 10})) == count
    assert len(laid(tmp_path, files)) == 1  # copied since: nobody knows
    assert len(laid(tmp_path, files, dict.fromkeys(files, -(10**6)))) == 1  # a clock that is wrong


def test_a_piece_without_packets_stays_behind_the_one_before_it(tmp_path):
    assert laid(tmp_path, {"x.pcap": piece(0), "x.pcap1": piece(9), "x.pcap2": pcap([])}) == [
        ["x.pcap", "x.pcap1", "x.pcap2"]
    ]


def test_what_cannot_be_read_is_a_unit_of_its_own(tmp_path):
    files = {"x.pcap": piece(0), "x.pcap1": b"", "x.pcap2": piece(9), "x.pcap3": b'{"log": {"entries": []}}'}
    assert sorted(laid(tmp_path, files)) == [["x.pcap", "x.pcap2"], ["x.pcap1"], ["x.pcap3"]]


def test_pieces_elsewhere_are_looked_into(tmp_path):
    storage = fsspec.filesystem("memory")
    for name, at_s in {"x.pcap": 20, "x.pcap1": 0, "x.pcap2": 10}.items():
        storage.pipe(f"/rotated/{name}", piece(at_s))
    (unit,) = units(find(["memory://rotated"], str(tmp_path)).files, join=True)
    assert [file.name[-5:] for file in unit.files] == ["pcap1", "pcap2", ".pcap"]
    storage.rm("/rotated", recursive=True)


@given(st.text(max_size=30), st.integers(0, 99999))
def test_a_name_is_one_recording_with_those_that_a_recorder_makes_of_it(name, number):
    last = f"{name}.pcap"
    assert recording_of(last) == recording_of(f"{last}{number}") == recording_of(f"{last}{number:02}.zst")


@pytest.fixture
def recording(tmp_path):
    """A capture of some megabytes, with one connection that goes through all of it."""
    chance = random.Random(5)
    made = Talk().open()
    for number in range(40):
        made.send("machine", seal(report(number)))
    foreign = [chance.randbytes(1400) for _ in range(60)]
    mixed = []
    for each in made.segments:
        mixed.append((each.time_ns, ethernet(each)))
        mixed += [(each.time_ns + at, bytes(12) + b"\x99\x99" + data) for at, data in enumerate(foreign[:30])]
    path = tmp_path / "whole.pcap"
    path.write_bytes(pcap(mixed))
    return path


@pytest.mark.parametrize(
    "how", [["x.pcap", "-C", "1"], ["x.pcap", "-C", "1", "-W", "20"], ["x-%F_%H%M%S.pcap", "-G", "3600", "-C", "1"]]
)
def test_what_tcpdump_cuts_is_put_together(tmp_path, recording, how):
    """A connection that spans the pieces is one connection, and its messages are those of the whole."""
    folder = tmp_path / "pieces"
    folder.mkdir()
    name, *options = how
    command = ["tcpdump", "-Z", "root", "-r", recording, "-w", folder / name, *options]
    if os.geteuid():
        command[1:3] = []
    subprocess.run(command, check=True, capture_output=True)
    (unit,) = units(find([str(folder)], "data").files, join=True)
    assert len(unit.files) > 2
    speakers = speakers_with(new_decoder())
    whole = list(read(Outcome(recording), speakers))
    outcomes = [Outcome(Path(file.url)) for file in unit.files]
    assert len(whole) >= 40
    assert list(joined(outcomes, speakers)) == whole
    assert sum(outcome.statistics.connections for outcome in outcomes) == 1
