"""A capture is in a dataset whole, once, and under its newest state; what is wrong with it is a line."""

import base64
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from Crypto.Cipher import AES

from lmdecode.app.dataset import converting, layout
from lmdecode.app.dataset.converting import Part, commit, convert, convert_share
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.schema import file_schema
from lmdecode.app.dataset.shares import Share
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import State
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.key import Key
from lmdecode.config.keys import NoKeyError
from lmdecode.config.known import KnownMachines
from tests.app.dataset.exporting import (
    DAY,
    KITCHEN,
    OLD_NS,
    beginning,
    capture,
    export,
    job,
    rows,
    settled,
    tables,
    unit,
    whole,
    write,
)
from tests.capture.building import CAPTURES, SECOND, START_NS, Endpoint, Talk, packets, pcap, report, seal


@pytest.fixture
def years(tmp_path):
    return tmp_path / "years"


def test_a_capture_becomes_files_by_generation_machine_and_day(tmp_path, years):
    path = capture(tmp_path / "a.pcap")
    (result,) = export(years, [unit(path)])

    dataset = open_dataset(str(years))
    (file,) = dataset.files()
    assert (result.state, result.name, result.rows, result.files) == (State.ADDED, str(path), 3, 1)
    assert (result.bytes_read, result.bytes_written) == (path.stat().st_size, file.bytes)
    assert (file.generation, file.machine, file.date, file.rows) == ("v1", "kitchen", DAY, 3)
    assert file.path == str(years / f"generation=v1/machine=kitchen/date={DAY}/{result.content}.parquet")
    assert [(row["capture"], row["coffee_temp"]) for row in rows(dataset)] == [(str(path), n / 10) for n in range(3)]


def test_a_day_ends_at_midnight_in_utc(tmp_path, years):
    midnight = 1_700_006_400 * SECOND  # 2023-11-15
    path = capture(tmp_path / "a.pcap", 10, begin_ns=midnight - 10 * SECOND // 1000)
    (result,) = export(years, [unit(path)])

    files = open_dataset(str(years)).files()
    assert [file.date for file in files] == ["2023-11-14", "2023-11-15"]
    assert sum(file.rows for file in files) == result.rows == 10
    for (row,) in ([row for row in rows(open_dataset(str(years))) if row["coffee_temp"] == 0.9],):
        assert row["time"].isoformat() >= "2023-11-15"


def test_a_second_export_does_nothing_and_reads_nothing(tmp_path, years, monkeypatch):
    units = [unit(capture(tmp_path / f"{name}.pcap", first=first)) for first, name in enumerate("ab")]
    export(years, units)
    before = whole(open_dataset(str(years)).storage)
    monkeypatch.setattr(converting, "local_copy", None)
    results = export(years, units)

    assert [(each.state, each.rows) for each in results] == [(State.PRESENT, 3)] * 2
    assert whole(open_dataset(str(years)).storage) == before


def test_the_same_content_under_another_name_is_there_already(tmp_path, years):
    (first,) = export(years, [unit(capture(tmp_path / "a.pcap"))])
    copy = unit(capture(tmp_path / "b.pcap"))
    before = tables(open_dataset(str(years)).storage)
    (second,) = export(years, [copy])

    assert (second.state, second.content) == (State.PRESENT, first.content)
    assert tables(open_dataset(str(years)).storage) == before
    (entry,) = open_dataset(str(years)).entries()
    assert entry.seen_as(copy)
    assert open_dataset(str(years)).index(job(years)).settled(copy) is not None


def test_what_has_grown_is_replaced_and_its_old_files_go(tmp_path, years):
    path = capture(tmp_path / "a.pcap", 9)
    data = path.read_bytes()
    (first,) = export(years, [unit(write(path, beginning(data, 8)))])
    dataset = open_dataset(str(years))
    (old,) = dataset.files()
    (second,) = export(years, [unit(write(path, data))])

    assert (first.state, second.state) == (State.ADDED, State.REPLACED)
    assert 0 < first.rows < second.rows == 9
    assert len(rows(dataset)) == 9
    assert not Path(old.path).exists()
    assert [entry.content for entry in dataset.all_entries()] == [second.content]


def frame(key: Key, plaintext: str) -> bytes:
    """A frame of another machine than the one of these captures."""
    data = plaintext.encode()
    data += bytes(-len(data) % 16)
    return b"@" + base64.b64encode(AES.new(key.secret, AES.MODE_CBC, bytes(16)).encrypt(data)) + b"%"


def test_readers_see_the_old_state_or_the_new_one(tmp_path, years, monkeypatch):
    data = capture(tmp_path / "a.pcap", 9).read_bytes()
    path = tmp_path / "a.pcap"
    export(years, [unit(write(path, beginning(data, 8)))])
    dataset = open_dataset(str(years))
    seen = [len(rows(dataset))]
    real = type(dataset.storage).write

    def watched(self, place, content):
        seen.append(len(rows(dataset)))
        real(self, place, content)
        seen.append(len(rows(dataset)))

    monkeypatch.setattr(type(dataset.storage), "write", watched)
    write(path, data)
    convert(dataset.index(job(years)).prepared(unit(path)), job(years))

    assert sorted(set(seen)) == [seen[0], 9]
    assert seen == sorted(seen)


def test_another_capture_of_the_same_name_is_added_beside_the_first(tmp_path, years):
    export(years, [unit(capture(tmp_path / "a.pcap"))])
    (second,) = export(years, [unit(capture(tmp_path / "a.pcap", 4, first=50))])

    assert second.state is State.ADDED
    assert len(rows(open_dataset(str(years)))) == 7


def test_two_at_once_make_the_same_files_and_one_entry(tmp_path, years):
    path = capture(tmp_path / "a.pcap", 40)
    export(tmp_path / "other", [unit(path)])
    open_dataset(str(years), create=True)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: convert(unit(path), job(years)), range(4)))

    assert {each.state for each in results} <= {State.ADDED, State.PRESENT}
    assert len(open_dataset(str(years)).entries()) == 1
    assert tables(open_dataset(str(years)).storage) == tables(open_dataset(str(tmp_path / "other")).storage)
    assert not list((years / layout.WRITING).iterdir())


def test_pieces_are_one_capture_and_stand_in_the_place_of_those_that_were_alone(tmp_path, years):
    segments = Talk().open()
    for number in range(8):
        segments.send("machine", seal(report(number)))
    made = packets(segments.close().segments)
    pieces = [write(tmp_path / "x0", pcap(made[:9])), write(tmp_path / "x1", pcap(made[9:]))]
    export(years, [unit(each) for each in pieces])
    alone = len(rows(open_dataset(str(years))))
    (result,) = export(years, [unit(*pieces)])

    assert alone == 8
    assert (result.state, result.rows) == (State.REPLACED, 8)
    assert {row["capture"] for row in rows(open_dataset(str(years)))} == {str(pieces[0])}
    assert len(rows(open_dataset(str(years)))) == 8
    assert [each.state for each in export(years, [unit(each) for each in pieces])] == [State.PRESENT] * 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no capture at all\n" * 9, "is not a capture"),
        (pcap([]), "nothing on TCP port|no TCP traffic"),
    ],
)
def test_what_cannot_be_decoded_is_listed_with_its_reason(tmp_path, years, data, reason):
    bad = unit(write(tmp_path / "bad.pcap", data))
    failed, good = export(years, [bad, unit(capture(tmp_path / "a.pcap"))])

    assert (failed.state, good.state) == (State.FAILED, State.ADDED)
    assert "\n" not in failed.reason
    (listed,) = open_dataset(str(years)).failures()
    assert (listed.name, listed.reason) == (bad.name, failed.reason)
    assert re.search(reason, failed.reason), failed.reason


def test_a_failure_is_tried_again_when_the_file_the_key_or_lmdecode_has_changed(tmp_path, years, monkeypatch):
    path = capture(tmp_path / "a.pcap")
    wrong = (MachineKey("kitchen", Key.parse("x" * 32)),)
    tried = []
    real = converting.local_copy

    def noted(*arguments):
        tried.append(1)
        return real(*arguments)

    monkeypatch.setattr(converting, "local_copy", noted)
    (first,) = export(years, [unit(path)], keys=wrong)
    (again,) = export(years, [unit(path)], keys=wrong)
    assert (first.state, again.state, len(tried)) == (State.FAILED, State.FAILED, 1)
    assert "key" in first.reason
    assert again.reason.startswith(first.reason)
    assert "nothing has changed" in again.reason

    os.utime(path, ns=(OLD_NS, OLD_NS + 1))
    export(years, [unit(path)], keys=wrong)
    assert len(tried) == 2
    monkeypatch.setattr("lmdecode.app.dataset.entries.__version__", "99")
    export(years, [unit(path)], keys=wrong)
    assert len(tried) == 3
    (right,) = export(years, [unit(path)])
    assert (right.state, right.rows) == (State.ADDED, 3)
    assert open_dataset(str(years)).failures() == []


def test_without_a_key_the_reason_is_that_there_is_none(tmp_path, years):
    path = unit(capture(tmp_path / "a.pcap"))
    (failed,) = export(years, [path], keys=(), missing=NoKeyError("no key: give --key"))
    (added,) = export(years, [path])

    assert (failed.state, failed.reason) == (State.FAILED, "no key: give --key")
    assert added.state is State.ADDED


def test_what_more_keys_may_read_is_read_anew_at_one_moment(tmp_path, years):
    other = Key.parse("y" * 32)
    mine, theirs = Talk().open(), Talk(machine=Endpoint("192.168.1.99", 1774)).open()
    for number in range(3):
        mine.send("machine", seal(report(number)))
        theirs.send("machine", frame(other, report(number)))
    path = write(tmp_path / "a.pcap", pcap(packets([*mine.segments, *theirs.segments])))
    (first,) = export(years, [unit(path)])
    (entry,) = open_dataset(str(years)).entries()
    assert (first.state, entry.unread) == (State.ADDED, 3)
    assert export(years, [unit(path)])[0].state is State.PRESENT

    (second,) = export(years, [unit(path)], keys=(KITCHEN, MachineKey("bar", other)))
    assert second.state is State.REPLACED
    found = open_dataset(str(years))
    assert {file.machine for file in found.files()} == {"kitchen", "bar"}
    assert all("-e2" in file.path for file in found.files())
    assert len(tables(found.storage)) == 2
    assert sorted(row["coffee_temp"] for row in rows(found)) == [0.0, 0.0, 0.1, 0.1, 0.2, 0.2]


def test_one_that_is_still_being_written_is_left(tmp_path, years):
    path = capture(tmp_path / "a.pcap")
    listed = unit(path)
    write(path, path.read_bytes() + b"more")
    (left,) = export(years, [listed])

    assert left.state is State.LEFT
    assert "it is still being written" in left.reason
    assert tables(open_dataset(str(years)).storage) == {}
    assert open_dataset(str(years)).failures() == []


def test_one_that_is_gone_fails_and_is_tried_again_each_time(tmp_path, years):
    path = capture(tmp_path / "a.pcap")
    listed = unit(path)
    path.rename(tmp_path / "b.pcap")
    (gone,) = export(years, [listed])
    (tmp_path / "b.pcap").rename(path)
    (there,) = export(years, [listed])

    assert (gone.state, there.state) == (State.FAILED, State.ADDED)
    assert gone.reason == f"{path} is not there any more; check the path"


def test_a_capture_that_is_cut_is_in_with_what_could_be_read(tmp_path, years):
    path = capture(tmp_path / "a.pcap", 9)
    write(path, path.read_bytes()[:-700])
    (result,) = export(years, [unit(path)])

    assert result.state is State.ADDED
    assert 0 < result.rows < 9
    assert any("ends in the middle of packet" in each or "cut" in each for each in result.complaints)
    (entry,) = open_dataset(str(years)).entries()
    assert entry.complaints == result.complaints


def test_a_fault_of_lmdecode_fails_one_capture_only(tmp_path, years, monkeypatch):
    def fault(*_arguments):
        raise RuntimeError("a\nfault")

    monkeypatch.setattr(converting, "_written", fault)
    (result,) = export(years, [unit(capture(tmp_path / "a.pcap"))])

    assert result.state is State.FAILED
    assert result.reason.endswith("lmdecode is at fault (RuntimeError: a fault); please report it")
    assert tables(open_dataset(str(years)).storage) == {}


def test_random_times_do_not_make_millions_of_files(tmp_path, years, monkeypatch):
    monkeypatch.setattr("lmdecode.app.dataset.tables._MOST", 5)
    made = []
    for number in range(40):
        made += (
            Talk(time_ns=START_NS + number * 86_400 * SECOND, seqs=(number << 20, number << 20))
            .open()
            .send("machine", seal(report(number)))
            .segments
        )
    (result,) = export(years, [unit(write(tmp_path / "a.pcap", pcap(packets(made))))])

    assert result.state is State.FAILED
    assert "too many days" in result.reason
    assert tables(open_dataset(str(years)).storage) == {}


def test_a_worker_of_an_export_that_is_over_adds_nothing(tmp_path, years):
    dataset = open_dataset(str(years), create=True)
    with dataset.locked() as token:
        late = job(years, lock=token)
    with pytest.raises(DatasetError, match="is over; it was not added"):
        convert(unit(capture(tmp_path / "a.pcap")), late)
    assert dataset.entries() == []
    export(years, [])
    assert tables(dataset.storage) == {}


def test_a_worker_whose_export_ends_while_it_adds_takes_its_entry_back(tmp_path, years, monkeypatch):
    answers = iter([True, False])
    monkeypatch.setattr(converting.lock, "has", lambda *_: next(answers))
    open_dataset(str(years), create=True)
    with pytest.raises(DatasetError, match="is over"):
        convert(unit(capture(tmp_path / "a.pcap")), job(years, lock="x"))

    assert open_dataset(str(years)).entries() == []


def test_the_names_are_the_owners_also_with_one_key(tmp_path, years):
    path = unit(capture(tmp_path / "a.pcap"))
    nobody = tmp_path / "nobody"
    export(nobody, [path], known=KnownMachines(), keys=(KITCHEN._replace(name="key 1"),))
    export(years, [path], keys=(KITCHEN._replace(name="key 1"),))

    assert [file.machine for file in open_dataset(str(nobody)).files()] == [None]
    assert [file.machine for file in open_dataset(str(years)).files()] == ["kitchen"]


def test_all_samples_are_rows_of_one_schema(years):
    samples = [CAPTURES / name for name in ("v3-morning.pcap", "lion-morning.har", "bluetooth-morning.btsnoop")]
    results = export(years, [unit(each) for each in samples])

    assert [each.state for each in results] == [State.ADDED] * 3
    files = open_dataset(str(years)).files()
    assert {file.generation for file in files} == {"v3", "lion", "bluetooth"}
    assert {file.machine for file in files if file.generation == "bluetooth"} == {"kitchen"}  # by its serial number
    for file in files:
        assert pq.read_schema(file.path).remove_metadata().equals(file_schema())


def test_an_entry_holds_what_a_report_needs(tmp_path, years):
    path = capture(tmp_path / "a.pcap")
    (result,) = export(years, [unit(path)])
    entry = json.loads((years / layout.entry(result.content)).read_bytes())

    assert (entry["name"], entry["rows"], entry["problems"], entry["edition"]) == (str(path), 3, 0, 1)
    assert entry["files"] == [{"name": str(path), "size": path.stat().st_size, "stamp": str(OLD_NS)}]
    assert entry["pieces"][0]["length"] == path.stat().st_size
    assert settled(open_dataset(str(years)).storage)
    assert replace(result, seconds=0.0).general in {0, 3}


def several(path: Path, connections: int = 6) -> Path:
    """A capture of several connections at once."""
    segments = []
    for number in range(connections):
        made = Talk(app=Endpoint("192.168.1.150", 40000 + number), time_ns=START_NS + number * 1000).open()
        for count in range(3):
            made.send("machine", seal(report(10 * number + count)))
        segments += made.close().segments
    return write(path, pcap(packets(sorted(segments, key=lambda segment: segment.time_ns))))


def test_shares_of_a_capture_are_committed_as_one(tmp_path, years):
    path = unit(several(tmp_path / "a.pcap"))
    export(tmp_path / "whole", [path])
    dataset = open_dataset(str(years), create=True)
    parts = [convert_share(path, job(years), Share(index, 3)) for index in range(3)]
    assert dataset.files() == []
    result = commit(path, job(years), [each for each in parts if isinstance(each, Part)])

    assert (result.state, result.rows) == (State.ADDED, 18)
    wanted = rows(open_dataset(str(tmp_path / "whole")))
    assert sorted(map(repr, rows(dataset))) == sorted(map(repr, wanted))
    assert len(dataset.entries()) == 1
    assert [convert_share(path, job(years), Share(0, 3)).state] == [State.PRESENT]


def test_shares_in_which_nothing_is_fail_as_one(tmp_path, years):
    path = unit(several(tmp_path / "a.pcap"))
    open_dataset(str(years), create=True)
    wrong = job(years, keys=(MachineKey("kitchen", Key.parse("x" * 32)),))
    parts = [convert_share(path, wrong, Share(index, 2)) for index in range(2)]
    result = commit(path, wrong, [each for each in parts if isinstance(each, Part)])
    (alone,) = export(tmp_path / "whole", [path], keys=wrong.keys)

    assert (result.state, result.reason) == (State.FAILED, alone.reason)
    assert open_dataset(str(years)).files() == []


def test_a_capture_without_a_message_is_done_once(tmp_path, years):
    """A capture with no message at all, and nothing wrong with it, is in the dataset: it need not be read again."""
    quiet = unit(write(tmp_path / "a.pcap", pcap(packets(Talk().open().close().segments))))
    first, again = export(years, [quiet]), export(years, [quiet])

    assert (first[0].state, first[0].rows, again[0].state) == (State.ADDED, 0, State.PRESENT)
