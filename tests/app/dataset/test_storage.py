"""Storages: whole files or none, and one line for whatever goes wrong, without the URL's secrets."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.storage import storage_at, telling


@pytest.fixture(params=["path", "file", "memory"])
def storage(request, tmp_path):
    if request.param == "memory":
        url = f"memory://{tmp_path.name}-{os.getpid()}"
        yield storage_at(url)
        if fsspec.filesystem("memory").exists(url):
            fsspec.filesystem("memory").rm(url, recursive=True)
        return
    yield storage_at(f"file://{tmp_path}/years" if request.param == "file" else f"{tmp_path}/years")


TABLE = f"generation=v1/machine=a%2Fb/date=2026-11-21/{'0' * 32}.parquet"


def test_what_is_written_is_read(storage):
    assert storage.read("a/b.json") is None
    assert storage.names() == []
    assert storage.names("a") == []
    storage.write("a/b.json", b"one")
    storage.write("a/b.json", b"two")
    storage.write("a/c.json", b"three")

    assert storage.read("a/b.json") == b"two"
    assert storage.names("a") == ["b.json", "c.json"]
    assert dict(storage.read_many(["a/b.json", "a/x.json", "a/c.json"])) == {"a/b.json": b"two", "a/c.json": b"three"}
    assert (storage.exists("a/b.json"), storage.exists("a/x.json")) == (True, False)
    storage.remove("a/b.json")
    storage.remove("a/b.json")
    assert storage.names("a") == ["c.json"]


def test_what_is_there_is_not_created_again(storage):
    assert storage.create("a/lock", b"mine") is True
    assert storage.create("a/lock", b"yours") is False
    assert storage.read("a/lock") == b"mine"


def test_a_file_is_put_with_its_partition(storage, tmp_path):
    storage.write("other.parquet", b"")
    file = tmp_path / "made"
    file.write_bytes(b"rows")
    storage.put(file, TABLE)

    assert [path for path, _ in storage.tables()] == [TABLE]
    assert storage.read(TABLE) == b"rows"
    assert not file.exists()
    assert storage.names("_lmdecode/writing") == []
    storage.remove(TABLE)
    assert list(storage.tables()) == []


def test_a_disk_without_links_creates_too(tmp_path, monkeypatch):
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    storage = storage_at(str(tmp_path))
    assert storage.create("lock", b"mine") is True
    assert storage.create("lock", b"yours") is False
    assert storage.read("lock") == b"mine"


def test_a_program_opens_what_url_returns(storage):
    storage.write(TABLE, b"rows")

    with fsspec.open(storage.url(TABLE), "rb") as file:
        assert file.read() == b"rows"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, ""),
            "cannot be written: no space is left; make room and export again",
        ),
        (
            OSError(errno.EROFS, ""),
            "cannot be written: it is on a disk that takes nothing (read-only)",
        ),
        (PermissionError(errno.EACCES, ""), "cannot be written (Permission denied): check whose it is: ls -ld years"),
        (NotADirectoryError(errno.ENOTDIR, ""), "is a file, or lies in one: name a folder"),
        (OSError(errno.EIO, ""), "cannot be written (Input/output error): check its disk, or name another folder"),
        (
            PermissionError("s3://key:secret@bucket"),
            "cannot be written: access was refused; check",
        ),
        (ConnectionError("sftp://me:secret@nas"), "cannot be reached; check the address and the network"),
        (RuntimeError("a\nsecret"), "cannot be written (RuntimeError)"),
    ],
)
def test_whatever_goes_wrong_is_one_line(error, said):
    with pytest.raises(DatasetError) as told, telling("written", "years"):
        raise error

    assert str(told.value).startswith(f"years {said}")
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)
    assert told.value.exit_code == (3 if isinstance(error, ConnectionError) else 1)


def test_our_own_errors_stay_as_they_are():
    with pytest.raises(DatasetError, match=r"it is as it is$"), telling("written", "years"):
        raise DatasetError("it is as it is")


def test_a_url_that_leads_nowhere_is_one_line():
    with pytest.raises(DatasetError) as told:
        storage_at("nonsense://me:secret@host/years?token=secret")

    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_storage_that_takes_nothing_is_one_line(tmp_path, monkeypatch):
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError("AccessDenied: arn:aws:iam::1:user/me")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    storage = storage_at(f"memory://{tmp_path.name}")
    with pytest.raises(DatasetError, match="cannot be written: access was refused"):
        storage.write("x", b"")
    assert isinstance(storage.name, str)
    assert Path(storage.name).name == tmp_path.name
