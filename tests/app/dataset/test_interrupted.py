"""Whatever interrupts an export: a reader has all of a capture or nothing of it, and the next run mends the rest.

The moments are the calls of the storage. A failure before or after each of them stands for a kill there; that a process
which is really killed leaves nothing else is tried at some of them too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.app.dataset import layout, store
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.storage import Storage, storage_at, telling
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import State
from tests.app.dataset.exporting import beginning, capture, export, rows, settled, tables, unit, write

CHANGES = ("write", "create", "put", "remove")
MOST = 40  # changes that the export of two captures makes, and then some


class Killed(BaseException):
    """Nothing runs after a kill."""


class Failing:
    """A storage that does what it is told, until it has changed something so many times.

    Args:
        storage: Does the work.
        left: How many changes it makes before the failing one.
        after: Whether that one is still made.
        how: What happens then.
    """

    def __init__(self, storage: Storage, left: int, how: Any, *, after: bool = False) -> None:
        self._storage = storage
        self._left = left
        self._how = how
        self._after = after
        self.failed = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        return self._counted(found) if name in CHANGES else found

    def _counted(self, change: Any) -> Any:
        def counted(*arguments: Any) -> Any:
            if self.failed:
                return self._how()
            self._left -= 1
            if self._left >= 0:
                return change(*arguments)
            self.failed = True
            if self._after:
                change(*arguments)
            return self._how()

        return counted


def _kill() -> None:
    raise Killed


def _no_space() -> None:
    with telling("written", "years"):
        raise OSError(28, os.strerror(28))


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A capture that grows, in two states, and another one; and what the dataset of them is if nothing happens."""
    folder = tmp_path_factory.mktemp("captures")
    grown = capture(folder / "a.pcap", 6).read_bytes()
    short = beginning(grown, 8)
    other = unit(capture(folder / "b.pcap", 2, first=90))
    export(folder / "years", [unit(write(folder / "a.pcap", short))])
    before = len(rows(open_dataset(str(folder / "years"))))
    export(folder / "years", [unit(write(folder / "a.pcap", grown)), other])
    return folder, short, grown, other, before, tables(open_dataset(str(folder / "years")).storage)


@pytest.mark.parametrize("place", ["disk", "memory"])
@settings(max_examples=12)
@given(left=st.integers(0, MOST), after=st.booleans(), full=st.booleans())
def test_a_dataset_is_whole_after_any_interruption(samples, place, left, after, full):
    folder, short, grown, other, before, wanted = samples
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        url = f"{scratch}/years" if place == "disk" else f"memory://{Path(scratch).name}"
        export(url, [unit(write(folder / "a.pcap", short))])
        failing: list[Failing] = []
        how = _no_space if full else _kill

        def failing_storage(_url: str) -> Any:
            if not failing:
                failing.append(Failing(storage_at(url), left, how, after=after))
            return failing[0]

        patch.setattr(store, "storage_at", failing_storage)
        with suppress(Killed, DatasetError):
            export(url, [unit(write(folder / "a.pcap", grown)), other])
        patch.setattr(store, "storage_at", storage_at)

        found = open_dataset(url)
        assert len(rows(found)) in {before, 6, 6 + 2}  # and each file has as many rows as its entry says
        if found.storage.local is None:
            found.storage.remove(layout.LOCK)  # as the message says
        results = export(url, [unit(folder / "a.pcap"), other])
        assert {each.state for each in results} <= {State.ADDED, State.REPLACED, State.PRESENT}
        assert tables(found.storage) == wanted
        assert found.storage.names(layout.WRITING) == []
        assert len(list(found.all_entries())) == 2
        if place == "memory":
            fsspec.filesystem("memory").rm(url, recursive=True)


@pytest.mark.parametrize("moment", ["put", "entry", "after"])
def test_a_process_that_is_killed_leaves_all_or_nothing(tmp_path, moment):
    years, path = tmp_path / "years", capture(tmp_path / "a.pcap", 6)
    text = f"""
import os, signal
from pathlib import Path
from lmdecode.app.dataset.storage import _Disk
from tests.app.dataset.exporting import export, unit
put, write = _Disk.put, _Disk.write
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
def write_and_die(self, path, data):
    if "/captures/" not in path: return write(self, path, data)
    if {moment == "after"}: write(self, path, data)
    die()
if {moment == "put"}: _Disk.put = die
else: _Disk.write = write_and_die
export({str(years)!r}, [unit(Path({str(path)!r}))])
"""
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == -signal.SIGKILL

    dataset = open_dataset(str(years))
    assert len(rows(dataset)) == (6 if moment == "after" else 0)
    assert bool(tables(dataset.storage)) is (moment != "put")
    export(years, [])
    assert bool(tables(dataset.storage)) is (moment == "after")
    assert dataset.storage.names(layout.WRITING) == []
    export(years, [unit(path)])
    export(tmp_path / "other", [unit(path)])
    assert len(rows(dataset)) == 6
    assert _same(dataset.storage) == _same(open_dataset(str(tmp_path / "other")).storage)


def _same(storage: Storage) -> dict[str, bytes]:
    """All of a dataset but what is each one's own."""
    mine = {layout.ABOUT, layout.LOCK}
    return {place: _without_keys(data) for place, data in settled(storage).items() if place not in mine}


def _without_keys(data: bytes) -> bytes:
    return data if data[:4] == b"PAR1" else b"\n".join(each for each in data.split(b"\n") if b'"keys"' not in each)


def test_a_full_disk_is_one_line_and_the_dataset_as_it_was(tmp_path, monkeypatch):
    years = tmp_path / "years"
    export(years, [unit(capture(tmp_path / "a.pcap"))])
    before = settled(open_dataset(str(years)).storage)

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "Error writing bytes to file. Detail: [errno 28] No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(DatasetError) as told:
        export(years, [unit(capture(tmp_path / "b.pcap", first=20))])

    assert str(told.value) == (
        f"{years} cannot be written: no space is left; make room and export again, what is whole stays"
    )
    assert settled(open_dataset(str(years)).storage) == before


def test_without_rights_it_is_one_line():
    storage = storage_at("/proc/years")
    with pytest.raises(DatasetError) as told:
        storage.write("x", b"")

    assert "\n" not in str(told.value)
    assert str(told.value).startswith("/proc/years cannot be written (No such file or directory)")
