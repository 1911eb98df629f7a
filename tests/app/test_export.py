"""The use case of an export: what is done, what is told, and what is done the next time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lmdecode.app import export as module
from lmdecode.app.asked import Asked
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import Result, State
from lmdecode.app.errors import UsageError
from lmdecode.app.export import ExportRequest, export, job_of
from lmdecode.app.export_report import ExportReport
from tests.cli.conftest import CAPTURES, KEY

OLD = 1_700_000_000


@pytest.fixture
def captures(tmp_path):
    """A folder of three captures, one of which is none."""
    folder = tmp_path / "captures"
    folder.mkdir()
    for name in ("gs3av-settings.pcap", "gs3mp-standby.pcapng"):
        shutil.copy(CAPTURES / name, folder)
    (folder / "junk.pcap").write_bytes(b"nothing of a capture")
    for path in folder.iterdir():
        os.utime(path, (OLD, OLD))
    return folder


def run(captures, dataset, **options):
    report = ExportReport()
    export(
        ExportRequest([str(captures)], str(dataset)),
        Asked(config=CAPTURES / "config.json"),
        report,
        **options,
    )
    return report


def test_what_is_done_what_is_present_and_what_fails_again(captures, tmp_path):
    dataset = tmp_path / "years"
    seen = []
    first = run(captures, dataset, watcher=lambda report: seen.append((report.done, report.total, report.current)))
    assert first.counts == {State.ADDED: 2, State.FAILED: 1}
    assert (first.rows, first.problems, first.exit_code) == (140, 0, 1)
    assert "junk.pcap" in next(first.trouble("years"))
    assert first.summary("years").startswith("3 captures: 2 added, 1 failed; 140 rows, 0 with problems; ")
    assert seen[0] == (0, 3, "")
    assert seen[-1][:2] == (3, 3)
    assert any(name.endswith("gs3mp-standby.pcapng") for done, _, name in seen if done < 3)
    second = run(captures, dataset)
    assert second.counts == {State.PRESENT: 2, State.FAILED: 1}
    (captures / "junk.pcap").unlink()
    third = run(captures, dataset)
    assert third.exit_code == 0
    assert third.summary("years") == "nothing to do: 2 captures are in years already"
    assert third.bytes_done == third.bytes_total > 0


def test_an_interrupted_export_keeps_what_is_done(captures, tmp_path):
    (captures / "junk.pcap").unlink()
    report = ExportReport()

    def interrupt(seen):
        if seen.done == 1:
            raise KeyboardInterrupt

    request = ExportRequest([str(captures)], str(tmp_path / "years"))
    with pytest.raises(KeyboardInterrupt):
        export(request, Asked(config=CAPTURES / "config.json"), report, watcher=interrupt)
    assert (report.done, report.total) == (1, 2)
    assert len(open_dataset(request.dataset).entries()) == 1
    assert run(captures, request.dataset).counts == {State.PRESENT: 1, State.ADDED: 1}


def test_nothing_is_made_where_nothing_is_found(tmp_path):
    report = run(tmp_path / "nowhere", tmp_path / "years")
    assert report.exit_code == 1
    assert not (tmp_path / "years").exists()
    assert "does not exist" in next(report.trouble("years"))


def test_a_runner_is_closed_whatever_happens(captures, tmp_path, monkeypatch):
    closed = []

    class Broken(module.OneByOne):
        def run(self, units, job):  # noqa: ARG002 -- as of all runners
            yield Result(next(iter(units)).name, State.LEFT, reason="it grows")
            raise RuntimeError

        def close(self):
            closed.append(True)

    monkeypatch.setattr(module, "OneByOne", Broken)
    with pytest.raises(RuntimeError):
        run(captures, tmp_path / "years")
    assert closed == [True]
    with open_dataset(str(tmp_path / "years")).locked():
        pass


def test_workers_need_a_cluster():
    with pytest.raises(UsageError, match="--scheduler local"):
        export(ExportRequest(["x"], "y", workers=2), Asked(), ExportReport())


def test_an_address_that_is_none_is_said_before_captures_are_looked_for():
    with pytest.raises(UsageError, match="give local, or an address"):
        export(ExportRequest(["not/there"], "y", scheduler="foo"), Asked(), ExportReport())


@pytest.mark.parametrize("to", ["", " "])
def test_a_dataset_without_a_name_is_no_folder(tmp_path, monkeypatch, to):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--to is empty"):
        export(ExportRequest([str(CAPTURES)], to), Asked(), ExportReport())
    assert not list(tmp_path.iterdir())


def test_keys_are_in_a_job_and_not_in_its_repr():
    request = ExportRequest(["x"], "years", scheduler="local")
    job = job_of(request, Asked(keys=(KEY,)))
    assert job.keys[0].key.secret == KEY.encode()
    assert KEY not in repr(job)
    assert job.dataset == str(Path.cwd() / "years")
    assert job_of(ExportRequest(["x"], "s3://bucket/years", scheduler="local"), Asked()).dataset == "s3://bucket/years"
    assert job_of(ExportRequest(["x"], "years"), Asked()).dataset == "years"


def test_long_lists_are_cut():
    report = ExportReport(total=50)
    for number in range(50):
        report.add(Result(f"{number}.pcap", State.FAILED, reason=f"{number}.pcap: it is {number}"), 1)
    lines = list(report.trouble("my years"))
    assert len(lines) == 21
    assert lines[0] == "0.pcap: it is 0"
    assert lines[-1].startswith("and 30 more failed; all of them: lmdecode query 'my years' ")
    assert report.as_dict()["failed"] == 50


def test_one_reason_of_many_captures_is_one_line():
    report = ExportReport(total=5)
    for name in ("a", "b", "c", "d"):
        report.add(Result(name, State.FAILED, reason="no key: give --key"), 1)
    report.add(Result("e", State.FAILED, reason="e: no traffic; e: it is damaged"), 1)
    assert list(report.trouble("years")) == [
        "4 captures: no key: give --key: a, b, c and 1 more",
        "e: no traffic; it is damaged",
    ]
