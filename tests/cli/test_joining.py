"""`lmdecode decode --join`: pieces of one capture say what the whole says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmdecode.app.decode import Outcome, counted, in_order, joined
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import (
    APP,
    KEY_TEXT,
    MACHINE,
    SECOND,
    Talk,
    decode,
    exported,
    new_decoder,
    packets,
    pcap,
    report,
    seal,
    talk,
)
from tests.cli.conftest import CAPTURES

LOG = (
    "2023-11-14 22:13:20,000 DEBUG Starting read task\n2023-11-14 22:13:20,001 DEBUG Message=401C0004, Data=03BC04D8\n"
)


def long_talk(reports):
    """A connection whose frames come in two segments each, so that a piece can end inside of one."""
    made = Talk().open()
    for number in range(reports):
        frame = seal(report(number))
        made.send("machine", frame[:10], acked=False).send("machine", frame[10:])
    return made.close().segments


def of_pieces(paths):
    outcomes = [Outcome(path) for path in in_order(paths)]
    records = list(joined(outcomes, speakers_with(new_decoder())))
    return records, counted(outcomes), outcomes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 40), max_size=4),
    kinds=st.lists(st.booleans(), min_size=5, max_size=5),
    chance=st.randoms(),
)
def test_pieces_cut_anywhere_are_the_whole(cuts, kinds, chance, tmp_path):
    segments = talk(reports=2).segments + long_talk(4)
    start_ns = segments[0].time_ns
    segments = [segment._replace(time_ns=start_ns + SECOND * number) for number, segment in enumerate(segments)]
    whole, statistics, tally = decode(tmp_path / "whole", pcap(packets(segments)))
    bounds = sorted({0, len(segments), *(min(cut, len(segments)) for cut in cuts)})
    paths = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        path = tmp_path / f"piece{number}"
        part = segments[start:end]
        path.write_bytes(pcap(packets(part)) if kinds[number] else exported(part))
        paths.append(path)
    chance.shuffle(paths)
    records, mine, outcomes = of_pieces(paths)
    assert records == whole
    assert mine == tally
    assert sum(outcome.statistics.connections for outcome in outcomes) == statistics.connections == 2
    assert not any(outcome.complaints for outcome in outcomes)


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_what_tcpdump_split(command):
    whole = command.folder / "whole.pcap"
    whole.write_bytes(pcap(packets(long_talk(9_000))))
    made = command.folder / "part.pcap"
    stay = ["-Z", "root"] if os.geteuid() == 0 else []  # else it becomes a user who may not write here
    subprocess.run(["tcpdump", *stay, "-r", whole, "-C", "1", "-w", made], check=True, capture_output=True)
    parts = sorted(command.folder.glob("part.pcap*"), reverse=True)
    assert len(parts) > 2
    key = ["--key", KEY_TEXT, "--format", "jsonl"]
    expected = command("decode", whole, *key)
    result = command("decode", "--join", *parts, *key)
    assert result.returncode == 0, result.stderr
    assert result.stdout == expected.stdout
    assert result.stderr == expected.stderr
    assert command("decode", *parts, *key).stdout != expected.stdout


def test_files_that_are_no_pieces_of_one_capture(command):
    files = [CAPTURES / "gs3av-settings.pcap", CAPTURES / "gs3av-settings.tshark.json"]
    result = command("decode", "--join", *files, "--key", KEY_TEXT)
    assert "begins before" in result.stderr
    assert "--order time" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_piece_without_any_of_it_is_no_fault(command):
    segments = long_talk(3)
    ends = {MACHINE: MACHINE._replace(port=443), APP: APP}
    other = [each._replace(source=ends[each.source], destination=ends[each.destination]) for each in segments]
    (command.folder / "a").write_bytes(pcap(packets(segments)))
    (command.folder / "b").write_bytes(pcap(packets(other)))
    (command.folder / "c").write_bytes(pcap([]))
    result = command("decode", "--join", "c", "b", "a", "--key", KEY_TEXT)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3
    assert "nothing on TCP port 1774" in command.fails("decode", "--join", "b", "c", "--key", KEY_TEXT)


def test_a_piece_that_is_missing_is_told_and_the_rest_decoded(command):
    (command.folder / "a").write_bytes(pcap(packets(long_talk(3))))
    result = command("decode", "--join", "none", "a", "--key", KEY_TEXT)
    assert result.returncode == 1
    assert "none does not exist" in result.stderr
    assert len(result.stdout.splitlines()) == 3


def test_connections_are_numbered_through_logs_too(command):
    (command.folder / "a").write_text(LOG)
    (command.folder / "b").write_text(LOG)
    (command.folder / "c").write_bytes(pcap(packets(long_talk(1))))
    result = command("decode", "--join", "a", "b", "c", "--key", KEY_TEXT)
    streams = [json.loads(line)["stream"] for line in result.stdout.splitlines()]
    assert streams == [0, 1, 2]


@pytest.mark.parametrize("arguments", [["--order", "time"], ["--format", "pcapng", "--output", "x"]])
def test_what_does_not_go_together(command, arguments):
    (command.folder / "a").write_bytes(pcap(packets(long_talk(1))))
    assert "--join" in command.fails("decode", "--join", "a", "a", "--key", KEY_TEXT, *arguments, code=2)


def test_standard_input_is_no_piece(command):
    for name in ("decode", "changes", "identify"):
        assert "--join needs files" in command.fails(name, "--join", "-", code=2, LMDECODE_KEY=KEY_TEXT)
