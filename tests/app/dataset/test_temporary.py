"""Copies of captures are gone afterwards, whatever happens to the process that made them."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import tempfile

import fsspec
import pytest

from lmdecode.app.dataset.finding import find
from lmdecode.app.dataset.identity import Unsettled, local_copy
from lmdecode.app.dataset.temporary import remove_abandoned, temporary_folder
from lmdecode.app.dataset.unit import File, Unit
from lmdecode.capture.source import CaptureError

KILLED = """
import sys, time
from lmdecode.app.dataset.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "x.pcap").write_bytes(b"somebody's traffic")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where temporary files are."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def storage():
    found = fsspec.filesystem("memory")
    found.store.clear()
    yield found
    found.store.clear()


def unit_of(storage, data, name="x.pcap"):
    storage.pipe(f"/copied/{name}", data)
    return Unit((find([f"memory://copied/{name}"], "data").files[0],))


def test_only_the_user_can_read_it_and_it_is_removed(place):
    with temporary_folder() as folder:
        assert folder.parent == place
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "x").write_bytes(b"x")
    assert not any(place.iterdir())
    with pytest.raises(KeyboardInterrupt), temporary_folder():
        raise KeyboardInterrupt
    assert not any(place.iterdir())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_is_removed_by_the_next(place, how):
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as process:
        left = place / process.stdout.readline().strip()
        try:
            remove_abandoned()
            assert (left / "x.pcap").exists()  # its process is alive
        finally:
            process.send_signal(how)
    assert (left / "x.pcap").exists()
    (place / "lmdecode-copies-just-made").mkdir()
    with temporary_folder() as folder:
        assert sorted(place.iterdir()) == sorted([folder, place / "lmdecode-copies-just-made"])


def test_a_capture_elsewhere_is_copied_and_the_copy_is_removed(place, storage):
    unit = unit_of(storage, b"some bytes", "day 1 \u2713.pcap")
    with local_copy(unit) as copy:
        (path,) = copy.paths
        assert path.read_bytes() == b"some bytes"
        assert place in path.parents
        assert path.suffix == ".pcap"
        assert copy.told(f"{path} is damaged") == "memory://copied/day 1 \u2713.pcap is damaged"
        copy.check(cut=True)  # what is in a bucket came whole
        content, pieces = copy.content, copy.pieces
    assert not any(place.iterdir())
    with local_copy(unit_of(storage, gzip.compress(b"some bytes"), "x.pcap.gz")) as copy:
        assert copy.content == content
        assert copy.pieces[0].length == pieces[0].length == 10
    with local_copy(unit_of(storage, b"some bytes and more"), [10]) as copy:
        assert copy.begun_by(pieces[0]) == 0
    assert not any(place.iterdir())


def test_what_changes_elsewhere_is_left(storage):
    unit = unit_of(storage, b"some bytes")
    storage.pipe("/copied/x.pcap", b"some bytes more")
    with pytest.raises(Unsettled, match="had 10 bytes, and 15 came"), local_copy(unit):
        pass
    unit = unit_of(storage, b"some bytes")
    with local_copy(unit) as copy:
        storage.pipe("/copied/x.pcap", b"same bytes")
        with pytest.raises(Unsettled, match="changed while it was read"):
            copy.check(cut=False)
        storage.rm("/copied/x.pcap")
        with pytest.raises(Unsettled, match="not there any more"):
            copy.check(cut=False)


def test_what_cannot_be_copied_is_told_without_the_path(place, storage, monkeypatch):
    unit = unit_of(storage, b"some bytes")
    storage.rm("/copied/x.pcap")
    with pytest.raises(CaptureError, match=r"^memory://copied/x\.pcap does not exist"), local_copy(unit):
        pass
    unit = unit_of(storage, b"some bytes")

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.mkdir", full)
    with pytest.raises(CaptureError, match=r"no room for a copy of 10 bytes in .*: set TMPDIR"), local_copy(unit):
        pass
    monkeypatch.undo()
    assert not any(place.iterdir())


def test_a_storage_that_breaks_off_is_told(monkeypatch, storage, place):
    unit = unit_of(storage, b"some bytes")

    class Broken:
        def read(self, _size):
            raise ConnectionResetError(104, "https://me:hunter2@host reset")

        def __enter__(self):
            return self

        def __exit__(self, *_args):
            return None

    monkeypatch.setattr(storage, "open", lambda *_args, **_options: Broken())
    with pytest.raises(CaptureError, match=r"^memory://copied/x\.pcap cannot be reached") as caught, local_copy(unit):
        pass
    assert "hunter2" not in str(caught.value)
    assert not any(place.iterdir())


def test_a_piece_here_and_one_elsewhere_are_one_unit(tmp_path, storage):
    (tmp_path / "x.pcap1").write_bytes(b"more")
    here = File(str(tmp_path / "x.pcap1"), "x.pcap1", 4, str((tmp_path / "x.pcap1").stat().st_mtime_ns))
    with local_copy(Unit((*unit_of(storage, b"some bytes").files, here))) as copy:
        assert [path.read_bytes() for path in copy.paths] == [b"some bytes", b"more"]
        assert copy.paths[1] == tmp_path / "x.pcap1"
