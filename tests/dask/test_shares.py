"""One huge capture on several workers: the same rows as in one process, whatever becomes of a share."""

from __future__ import annotations

from collections import Counter

import dask
import distributed.config  # noqa: F401 -- its configuration must be there before a part of it is changed for a while
import pytest

from lmdecode import CaptureError
from lmdecode.app.dataset.cluster import runner
from lmdecode.app.dataset.cluster_work import Task, commit_task, share_task
from lmdecode.app.dataset.shares import Share, Sharing
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import State
from lmdecode.app.export import OneByOne
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.key import Key
from lmdecode.dask import read_captures
from tests.capture.building import APP, KEY_TEXT, packets, pcap, talk
from tests.dask import hooked_worker
from tests.dask.samples import job_for, rows_of_dataset, units_of

KITCHEN = MachineKey("kitchen", Key.parse(KEY_TEXT))


@pytest.fixture
def capture(tmp_path):
    """A capture of twenty connections that take turns."""
    path = tmp_path / "captures" / "huge.pcap"
    path.parent.mkdir()
    made = [talk(3, app=APP._replace(port=port)) for port in range(50000, 50020)]
    path.write_bytes(pcap(packets(sorted(segment for each in made for segment in each.segments))))
    return path


def job(folder, key=KITCHEN):
    made = job_for(str(folder))
    return type(made)(made.dataset, (key,), made.origin)


def counted(table):
    return Counter(map(repr, table.to_pylist()))


def test_shares_are_tasks_and_become_one_capture(tmp_path, capture, monkeypatch, capfd):
    """Added, present, failed, and one whose share kills its worker: by the same two workers."""
    fragile = capture.with_name("fragile.pcap")
    fragile.write_bytes(capture.read_bytes())
    monkeypatch.setenv(hooked_worker.FOLDER, str(tmp_path))
    many, other, wrong = (
        job(tmp_path / "many"),
        job(tmp_path / "other"),
        job(tmp_path / "wrong", MachineKey("kitchen", Key.parse(KEY_TEXT[::-1]))),
    )
    with dask.config.set({"distributed.worker.preload": ["tests.dask.hooked_worker"]}):
        cluster = runner("local", 2, sharing=Sharing(1, 2))
        try:
            added, present, failed, retried = (
                next(cluster.run(units_of([path]), each))
                for path, each in ((capture, many), (capture, many), (capture, wrong), (fragile, other))
            )
        finally:
            cluster.close()
    assert [added.state, present.state, failed.state, retried.state] == ["added", "present", "failed", "added"]
    assert capfd.readouterr() == ("", "")

    alone = job(tmp_path / "alone")
    [whole] = OneByOne().run(units_of([capture]), alone)
    expected = rows_of_dataset(alone.dataset)
    assert len(set(expected["stream"].to_pylist())) == 20
    assert added.rows == whole.rows == expected.num_rows
    assert counted(rows_of_dataset(many.dataset)) == counted(expected)
    assert counted(rows_of_dataset(other.dataset).drop_columns("capture")) == counted(expected.drop_columns("capture"))
    [entry], [one] = (open_dataset(each.dataset).entries() for each in (many, alone))
    assert [each.path.rpartition("-")[2] for each in entry.tables] == ["s0.parquet", "s1.parquet"]
    assert (entry.rows, entry.problems, entry.unread) == (one.rows, one.problems, one.unread)
    assert (tmp_path / "fragile").exists()
    [told] = OneByOne().run(units_of([capture]), job(tmp_path / "told", wrong.keys[0]))
    assert failed.reason == told.reason


def test_what_a_share_finds_ends_the_unit(tmp_path, capture):
    asked = job(tmp_path / "dataset")
    [unit] = units_of([capture])
    first = share_task(Task(unit, asked, Share(0, 2)))
    assert repr(Task(unit, asked, Share(0, 2))) == f"<capture {capture}, share 1 of 2>"
    capture.write_bytes(capture.read_bytes() + b"more")
    second = share_task(Task(unit, asked, Share(1, 2)))
    assert commit_task(Task(unit, asked), [first, second]).state == State.LEFT
    [grown] = units_of([capture])
    second = share_task(Task(grown, asked, Share(1, 2)))
    assert commit_task(Task(unit, asked), [first, second]).state == State.LEFT
    assert open_dataset(asked.dataset).entries() == []
    assert open_dataset(asked.dataset).files() == []


@pytest.mark.usefixtures("in_threads")
def test_partitions_for_shares_have_the_rows_of_the_capture(capture):
    whole = read_captures(capture, key={"kitchen": KEY_TEXT})
    shared = read_captures(capture, key={"kitchen": KEY_TEXT}, blocksize=capture.stat().st_size // 3)
    assert (whole.npartitions, shared.npartitions) == (1, 3)
    order = ["stream", "time", "source", "plaintext"]
    expected, found = (each.compute().sort_values(order, ignore_index=True) for each in (whole, shared))
    assert found.equals(expected)
    with pytest.raises(ValueError, match="blocksize=0"):
        read_captures(capture, key=KEY_TEXT, blocksize=0)
    with pytest.raises(CaptureError, match="key"):
        read_captures(capture, key=KEY_TEXT[::-1], blocksize=100).compute()


def test_a_share_without_rows_is_no_failure(capture):
    """Of one connection, all shares but one have nothing."""
    capture.write_bytes(pcap(packets(talk(3).segments)))
    with dask.config.set(scheduler="sync"):
        frame = read_captures(capture, key=KEY_TEXT, blocksize=capture.stat().st_size // 4)
        assert frame.npartitions == 4
        sizes = [len(each) for each in dask.compute(*frame.to_delayed())]
    assert sorted(sizes)[:3] == [0, 0, 0]
    assert sum(sizes) > 0


@pytest.fixture
def in_threads():
    with dask.config.set(scheduler="threads", num_workers=2):
        yield
