"""What is asked of captures means the same, whoever asks."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import pairwise

import pytest

from lmdecode.analysis.shots import find_shots
from lmdecode.app.asked import Asked, known_handles
from lmdecode.app.captures import Captures
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.identify import check_keys, identify
from lmdecode.app.memory import compare, list_changes, view
from lmdecode.app.memory_sources import MemorySources, NothingChosenError
from lmdecode.app.replay import Replay
from lmdecode.app.report import make_report
from lmdecode.capture.net.packet import Endpoint
from lmdecode.codec.v1.key import Key
from lmdecode.config.targets import Target
from tests.capture.building import MACHINE, Talk, packets, pcap, report, seal
from tests.cli.conftest import CAPTURES, KEY

AV = CAPTURES / "gs3av-settings.pcap"


@pytest.fixture
def config(tmp_path):
    def write(**entries):
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"key": KEY, "machine_name": "kitchen", "serial_number": "SN1"} | entries))
        return path

    return write


def of_machines(path, *ends):
    segments = [
        segment
        for number, end in enumerate(ends)
        for segment in Talk(machine=end, app=Endpoint("192.168.1.150", 40_000 + number))
        .open()
        .send("machine", seal(report(1)))
        .close()
        .segments
    ]
    path.write_bytes(pcap(packets(segments)))
    return path


def on_port(path, port):
    return of_machines(path, MACHINE._replace(port=port))


def records(paths, asked, **how):
    captures = Captures.with_keys(paths, asked)
    return list(captures.by_time(**how)), captures


@pytest.mark.parametrize("name", ["kitchen", "KITCHEN", "kit*", "SN1", "192.168.1.215", "192.168.1.215:1774"])
def test_a_machine_by_any_name_with_one_key(config, name):
    asked = Asked(config=config(), machine=name)
    found, captures = records([AV], asked)
    assert len(found) == captures.messages == 94
    assert all(record.machine is None for record in found)  # with one key there is no such entry
    assert len(records([AV], Asked(config=config(), where=(f"machine={name}",)))[0]) == 94
    assert len(check_keys([AV], asked).connections) == 1


@pytest.mark.parametrize("asked", [{"machine": "nonsense"}, {"where": ("machine=nonsense,other",)}])
def test_a_machine_that_is_not_there_is_an_error_that_lists_those_that_are(config, asked):
    asked = Asked(config=config(), **asked)
    found, captures = records([AV], asked)
    assert found == []
    with pytest.raises(UsageError, match=r"machine[ =]nonsense.*: .*settings.pcap has kitchen \(192\.168\.1\.215\)"):
        captures.verdict()
    with pytest.raises(UsageError, match="has kitchen"):
        check_keys([AV], asked)
    with pytest.raises(UsageError, match="has 192"):  # without its key, only the address tells
        identify(Captures.without_keys([AV], asked))


def test_without_a_key_the_address_in_the_config_tells_the_machine(config):
    asked = Asked(config=config(host="192.168.1.215"), machine="kitchen")
    assert len(identify(Captures.without_keys([AV], asked)).result.connections) == 1
    with pytest.raises(UsageError, match="without the key nobody knows the coffee_temp"):
        Captures.without_keys([AV], Asked(where=("stream=0", "coffee_temp>90")))


def test_the_ports_of_the_config_count_beside_the_usual_one(config, tmp_path):
    usual, other = on_port(tmp_path / "usual.pcap", 1774), on_port(tmp_path / "other.pcap", 1800)
    asked = Asked(config=config(port="1800"))
    assert len(records([usual, other], asked)[0]) == 2
    assert len(records([usual, other], Asked((KEY,), config=config(port=1800)))[0]) == 2
    assert len(identify(Captures.without_keys([usual, other], asked)).result.connections) == 2
    assert len(check_keys([usual, other], asked).connections) == 2
    assert len(records([usual, other], Asked(config=config(port=1800), port=1774))[0]) == 1
    assert len(records([usual, other], Asked(config=config(port="none")))[0]) == 1


def test_several_machines_have_a_port_each(tmp_path):
    path = tmp_path / "config.json"
    machines = [
        {"machine_name": name, "key": key, "port": port}
        for name, key, port in (("a", KEY, 1800), ("b", "b" * 32, 1900))
    ]
    path.write_text(json.dumps({"machines": machines}))
    paths = [on_port(tmp_path / f"{port}.pcap", port) for port in (1774, 1800, 1900)]
    assert len(records(paths, Asked(config=path))[0]) == 3


def test_conditions_that_leave_nothing_say_how_many_messages_there_were():
    found, captures = records([AV], Asked((KEY,), where=("kind=write", "coffee_temp>200"), start="+1s"))
    assert found == []
    note = captures.verdict().notes[-1]
    assert note.startswith(
        "none of 94 messages fits --where kind=write --where coffee_temp>200 --from +1s; they are from "
    )
    assert captures.verdict().summary.endswith(", 0 chosen")


def test_a_time_is_cut_out_or_told_apart():
    whole, _ = records([AV], Asked((KEY,)))
    part, captures = records([AV], Asked((KEY,), start="+1s", end="+3s"))
    assert 0 < len(part) < len(whole)
    assert [record.time_ns for record in part] == [
        record.time_ns for record in whole if 1e9 <= record.time_ns - whole[0].time_ns <= 3e9
    ]
    every, captures = records([AV], Asked((KEY,), start="+1s", end="+3s"), every_time=True)
    assert len(every) == len(whole)
    assert [record for record in every if captures.is_asked(record.time_ns)] == part
    with pytest.raises(UsageError, match="is before --from"):
        Asked(start="+5s", end="+2s").check_times()


def test_pieces_are_one_capture_for_every_question(tmp_path):
    talk = Talk().open()
    for number in range(6):
        frame = seal(report(number))
        talk.send("machine", frame[:10], acked=False).send("machine", frame[10:])
    segments = talk.close().segments
    whole = tmp_path / "whole"
    whole.write_bytes(pcap(packets(segments)))
    pieces = []
    for number, (start, end) in enumerate(pairwise((0, 6, 11, len(segments)))):
        pieces.insert(0, tmp_path / f"piece{number}")  # in a wrong order
        pieces[0].write_bytes(pcap(packets(segments[start:end])))
    asked = Asked((KEY,), join=True)
    assert records(pieces, asked)[0] == records([whole], asked)[0]
    assert records(pieces, Asked((KEY,)))[0] != records([whole], asked)[0]
    alone, together = (MemorySources(asked).one_capture(paths) for paths in ([whole], pieces))
    assert [each.time_ns for each in together.history.changes] == [each.time_ns for each in alone.history.changes]
    assert len(identify(Captures.without_keys(pieces, asked)).result.connections) == 1
    assert len(check_keys(pieces, asked).connections) == 1
    (source,) = MemorySources(asked).captures(pieces)
    assert source.files == tuple(str(path) for path in reversed(pieces))


def test_changes_of_a_time_know_what_was_before():
    first, part = (
        list_changes(MemorySources(Asked((KEY,), **times)).one_capture([AV]), everything=True)
        for times in ({}, {"start": "+2.5s", "end": "+3s"})
    )
    begin = MemorySources(Asked((KEY,))).one_capture([AV]).history.first_ns
    expected = [run for run in first.runs if 2.5e9 <= run.first.time_ns - begin <= 3e9]
    assert [(run.first.place, run.first.old, run.first.new) for run in part.runs] == [
        (run.first.place, run.first.old, run.first.new) for run in expected
    ]
    assert 0 < len(expected) < len(first.runs)


def test_nothing_in_a_time_is_no_failure_of_a_list():
    sources = MemorySources(Asked((KEY,), start="2026-11-22"))
    found = list_changes(sources.one_capture([AV]))
    assert (list(found.runs), found.summary) == ([], [f"{AV}: 0 changes"])
    assert sources.notes[-1].startswith("none of 94 messages fits --from 2026-11-22")
    assert MemorySources(Asked((KEY,), where=("kind=stream", "sender=app"))).captures([AV, AV]) == []
    with pytest.raises(NothingChosenError):
        sources.one([AV])


def test_a_memory_is_that_of_the_end_of_the_time_and_marks_what_changed_in_it():
    source = MemorySources(Asked((KEY,), start="+2.5s", end="+3s")).one_capture([AV])
    shown = view(source, at=None, addresses=None)
    assert shown.time_ns == source.last_ns < source.history.last_ns
    assert 0x0017 in shown.changed  # dose_k2, written after 2.6 s
    assert 0x0008 not in shown.changed  # coffee_set_temp, written before
    assert shown.memory.read(0x0007, 2) == b"\x03\xa7"  # and known


def test_the_shots_of_a_time_are_whole():
    whole, _ = records([AV], Asked((KEY,)))
    (shot,) = find_shots(whole)
    every, captures = records([AV], Asked((KEY,), end="+2s"), every_time=True)
    assert [each for each in find_shots(every) if captures.is_asked(each.order)] == [shot]
    every, captures = records([AV], Asked((KEY,), start="+2s"), every_time=True)
    assert not [each for each in find_shots(every) if captures.is_asked(each.order)]


def test_where_one_machine_must_be_chosen_the_default_of_the_config_is(config, tmp_path):
    path = of_machines(tmp_path / "two.pcap", *(MACHINE._replace(host=f"10.0.0.{number}") for number in (5, 6)))
    asked = Asked((KEY,), config=config(machine="10.0.0.6"))
    sources = MemorySources(asked)
    assert sources.one_capture([path]).machine == "10.0.0.6"
    assert sources.notes == ["this is 10.0.0.6, the default machine of the config; --machine chooses 10.0.0.5"]
    assert MemorySources(replace(asked, machine="*.5")).one_capture([path]).machine == "10.0.0.5"
    assert [each.machine for each in MemorySources(asked).captures([path])] == ["10.0.0.5", "10.0.0.6"]
    with pytest.raises(UsageError, match="has 2 machines: choose one with --machine"):
        MemorySources(Asked((KEY,), config=config())).one_capture([path])


def test_an_image_is_shown_alone(tmp_path):
    image = tmp_path / "image.json"
    image.write_text('{"format": "lmdecode-memory", "version": 1, "ranges": []}')
    with pytest.raises(UsageError, match="is a memory image, which is shown alone"):
        MemorySources(Asked((KEY,))).one([AV, image])


def test_a_pipe_is_not_joined(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CommandError, match="what is in a pipe is one capture already"):
        Captures.with_keys([AV, tmp_path / "pipe"], Asked((KEY,), join=True))


def test_keys_are_not_in_what_is_shown_of_it():
    assert KEY not in repr(Asked((KEY,)))


def test_a_report_of_a_part_says_so(tmp_path):
    captures = Captures.with_keys([AV], Asked((KEY,), start="+1s", where=("sender=machine",)))
    assert "only what fits --where sender=machine --from +1s" in make_report(captures).page
    nothing = Captures.with_keys([AV], Asked((KEY,), start="2026-11-22"))
    (tmp_path / "old.html").write_text("old")
    made = make_report(nothing, output=tmp_path / "old.html")
    assert made.page is None
    assert str(made.error).startswith("none of 94 messages fits --from 2026-11-22; they are from 2026-11-21")


def test_what_is_another_machines_is_no_damaged_request(tmp_path):
    path = of_machines(tmp_path / "two.pcap", *(MACHINE._replace(host=f"10.0.0.{number}") for number in (5, 6)))
    talk = Talk(machine=MACHINE._replace(host="10.0.0.7")).open()
    segments = talk.send("app", b"@" + b"A" * 43 + b"=%").close().segments
    (tmp_path / "other.pcap").write_bytes(pcap(packets(segments)))
    said = []
    target = Target("10.0.0.6", 1774, Key.parse(KEY))
    run = Replay(target, timeout=1, speed=None, ignored=frozenset(), writes=False, secrets=False)
    assert len(run.load([AV, tmp_path / "other.pcap"], Asked(), on_trouble=said.append)) == 28
    assert said == []
    with pytest.raises(CommandError, match="has no request from the app"):
        run.load([path], Asked(), on_trouble=said.append)


def test_a_machine_by_name_is_one_machine_at_every_address_that_it_had(config, tmp_path):
    path = of_machines(tmp_path / "moved.pcap", MACHINE, MACHINE._replace(host="192.168.1.99"))
    for name in ("kitchen", "SN1", "kitch*"):
        asked = Asked(config=config(), machine=name)
        assert MemorySources(asked).one([path]).machine == "kitchen"
    assert MemorySources(Asked(config=config(), machine="192.168.1.99")).one([path]).machine == "192.168.1.99"
    with pytest.raises(UsageError, match=r"choose one with --machine: 192\.168\.1\.215, 192\.168\.1\.99"):
        MemorySources(Asked(config=config())).one([path])


def test_a_moment_is_one_of_the_capture_whichever_machine_speaks(tmp_path):
    first, other = (
        Talk(machine=MACHINE._replace(host=host)).idle(seconds).open().send("machine", seal(report(1))).close().segments
        for host, seconds in (("192.168.1.215", 0), ("192.168.1.99", 60))
    )
    (tmp_path / "two.pcap").write_bytes(pcap(packets([*first, *other])))
    for host, known in (("192.168.1.215", True), ("192.168.1.99", False)):
        source = MemorySources(Asked((KEY,), machine=host)).one([tmp_path / "two.pcap"])
        assert (source.moment("+30s", "--at").start - source.span[0]) == 30_000_000_000
        assert view(source, at="+30s", addresses=None).memory.knows(0x401C) is known
        assert compare([source], from_="+59s", to=None, addresses=None).old.knows(0x401C)


def test_a_machine_that_is_not_in_what_is_replayed_is_told_by_its_option(config):
    run = Replay(
        Target(host="", port=1774, key=Key.parse(KEY)),
        timeout=1,
        speed=None,
        ignored=frozenset(),
        writes=False,
        secrets=False,
    )
    asked = Asked(config=config(), machine="cellar")
    with pytest.raises(UsageError, match=r"--capture-machine cellar: .* has kitchen \(192\.168\.1\.215\)"):
        run.load([AV], asked, on_trouble=print)
    with pytest.raises(CommandError, match="fits --capture-machine kitchen --from 2027-01-01, so"):
        run.load([AV], Asked(config=config(), machine="kitchen", start="2027-01-01"), on_trouble=print)


def test_handles_are_pairs_or_a_file_of_them(tmp_path):
    (tmp_path / "handles").write_text("0a0b=0x29  # read\n0b0b=0x2b\n")
    assert known_handles(str(tmp_path / "handles")) == known_handles("0a0b=41,0b0b=43") == {41: "0a0b", 43: "0b0b"}
    assert known_handles(None) == {}
    with pytest.raises(UsageError, match=r"--handles .*none cannot be read .*0a0b=0x29"):
        known_handles(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="--handles: 'kitchen=1' is no handle"):
        known_handles("kitchen=1")
