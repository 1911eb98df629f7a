"""Where a dataset is: a folder on a disk, or a place in a bucket or on a server, which fsspec reaches.

What an export needs of a storage is little, and all of it is here: read, write whole, create unless it is there, list,
remove. Every way that this can go wrong is a `DatasetError` of one line, without the URL's password; to be whole or not
there is what a storage owes:

- On a disk a file is written under another name, synced and renamed.
- In a bucket an object appears when all of its bytes have arrived.
- On a server (SFTP and others) a file is sent under another name and renamed there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from lmdecode.app.dataset import layout
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.places import PlaceError, exit_code_of, file_system, is_bucket, is_url, reason_of, shown

_MANY: Final = 500  # files that are read at once


class Storage(Protocol):
    """A place for a dataset. Paths are relative to it, with slashes. Everything but `url` raises `DatasetError`."""

    name: str
    """What it is called in messages, without a password."""
    local: Path | None
    """The folder, if it is on a disk."""

    def read(self, path: str) -> bytes | None:
        """Returns a file's bytes; None if it is not there."""

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yields files that are there, with their bytes."""

    def write(self, path: str, data: bytes) -> None:
        """Writes a file in one step, over one that is there."""

    def create(self, path: str, data: bytes) -> bool:
        """Writes a file unless there is one. Returns whether it did."""

    def put(self, file: Path, path: str) -> None:
        """Makes a file of this computer one of the storage, in one step, over one that is there."""

    def names(self, folder: str = "") -> list[str]:
        """Returns the names of what is in a folder, sorted; none if there is no such folder."""

    def tables(self) -> Iterator[tuple[str, int]]:
        """Yields the paths of all Parquet files that exports have written, and how many bytes each has."""

    def exists(self, path: str) -> bool:
        """Returns whether there is such a file."""

    def remove(self, path: str) -> None:
        """Removes a file, if it is there."""

    def url(self, path: str) -> str:
        """Returns what a program opens a file with. It may hold a password."""


def storage_at(url: str) -> Storage:
    """Returns the storage behind a path or a URL.

    Raises:
        DatasetError: It cannot be reached, or a package for it is not installed.
    """
    if url.startswith("file://"):
        return _Disk(Path(url.removeprefix("file://")))
    return _Elsewhere(url) if is_url(url) else _Disk(Path(url))


@contextlib.contextmanager
def telling(doing: str, name: str, kind: type[Exception] = Exception) -> Iterator[None]:
    """Turns whatever goes wrong with a storage into a `DatasetError`.

    Storages raise what their packages like, and not only OSError, so this takes everything but our own.

    Args:
        doing: What was tried, for the message: "written".
        name: What the storage is called.
        kind: What may go wrong with it.
    """
    try:
        yield
    except DatasetError:
        raise
    except kind as error:
        found = DatasetError(_line(doing, name, error))
        found.exit_code = exit_code_of(error)
        raise found from None


def _line(doing: str, name: str, error: Exception) -> str:
    """Returns what happened, why, and what to do next."""
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return f"{name} cannot be {doing}: no space is left; make room and export again, what is whole stays"
    if number == errno.EROFS:
        return f"{name} cannot be {doing}: it is on a disk that takes nothing (read-only); name another dataset"
    if number in {errno.EACCES, errno.EPERM}:
        return f"{name} cannot be {doing} ({os.strerror(number or 0)}): check whose it is: ls -ld {name}"
    if isinstance(error, NotADirectoryError | FileExistsError):
        return f"{name} is a file, or lies in one: name a folder"
    if number is not None and not is_url(name):
        return f"{name} cannot be {doing} ({os.strerror(number)}): check its disk, or name another folder"
    return reason_of(error, name).replace("cannot be read", f"cannot be {doing}", 1)


class _Disk:
    """A folder on a disk."""

    def __init__(self, folder: Path) -> None:
        self.local: Path | None = folder
        self.name = str(folder)
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        with telling("read", self.name):
            try:
                return (self._folder / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            data = self.read(path)
            if data is not None:
                yield path, data

    def write(self, path: str, data: bytes) -> None:
        with self._part(data) as part:
            self._rename(part, path)

    def create(self, path: str, data: bytes) -> bool:
        with self._part(data) as part, telling("written", self.name):
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(part, target)
            except FileExistsError:
                return False
            except OSError:  # a file system without links, as on a USB stick
                try:
                    with target.open("xb") as file:
                        file.write(data)
                except FileExistsError:
                    return False
        return True

    def put(self, file: Path, path: str) -> None:
        with telling("written", self.name):
            if not file.is_relative_to(self._folder):
                with self._part(None) as part:
                    shutil.copyfile(file, part)
                    self._rename(part, path)
                file.unlink()
                return
            _sync(file)
            self._rename(file, path)

    def names(self, folder: str = "") -> list[str]:
        with telling("read", self.name):
            try:
                return sorted(os.listdir(self._folder / folder))  # noqa: PTH208 -- names are all that is wanted
            except FileNotFoundError:
                return []

    def tables(self) -> Iterator[tuple[str, int]]:
        with telling("read", self.name):
            for found in self._folder.glob("generation=*/machine=*/date=*/*.parquet"):
                path = found.relative_to(self._folder).as_posix()
                if layout.is_table(path):
                    with contextlib.suppress(FileNotFoundError):  # a link that leads nowhere
                        yield path, found.stat().st_size

    def exists(self, path: str) -> bool:
        with telling("read", self.name):
            return (self._folder / path).exists()

    def remove(self, path: str) -> None:
        with telling("written", self.name):
            (self._folder / path).unlink(missing_ok=True)
            if layout.is_table(path):  # folders of partitions in which nothing is left only confuse
                for folder in [*(self._folder / path).relative_to(self._folder).parents][:3]:
                    try:
                        (self._folder / folder).rmdir()
                    except OSError:
                        break

    def url(self, path: str) -> str:
        return str(self._folder / path)

    @contextlib.contextmanager
    def _part(self, data: bytes | None) -> Iterator[Path]:
        """Gives a file that is not whole yet, with these bytes; it is gone afterwards."""
        part = self._folder / layout.WRITING / secrets.token_hex(8)
        try:
            with telling("written", self.name):
                part.parent.mkdir(parents=True, exist_ok=True)
                if data is not None:
                    part.write_bytes(data)
                    _sync(part)
            yield part
        finally:
            with contextlib.suppress(OSError):
                part.unlink()

    def _rename(self, part: Path, path: str) -> None:
        target = self._folder / path
        with telling("written", self.name):
            for again in (True, True, False):
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    part.replace(target)
                except FileNotFoundError:  # the folder was empty, and somebody who tidied up has just removed it
                    if not again or not part.exists():
                        raise
                else:
                    return


def _sync(file: Path) -> None:
    """Waits until a file is on the disk: its entry must never be there without it, whatever happens to the power."""
    handle = os.open(file, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Elsewhere:
    """A place that fsspec reaches."""

    local: Path | None = None

    def __init__(self, url: str) -> None:
        self.name = shown(url).rstrip("/")
        self._url = url.rstrip("/")
        try:
            self._files, root = file_system(url)
        except PlaceError as error:
            found = DatasetError(str(error))
            found.exit_code = error.exit_code
            raise found from None
        self._root = str(root).rstrip("/")
        self._whole = is_bucket(self._files)

    def read(self, path: str) -> bytes | None:
        with self._telling("read"):
            try:
                return bytes(self._files.cat_file(self._at(path)))
            except FileNotFoundError:
                return None

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        paths = list(paths)
        for start in range(0, len(paths), _MANY):
            some = {self._files._strip_protocol(self._at(path)): path for path in paths[start : start + _MANY]}  # noqa: SLF001 -- `cat` answers with these
            with self._telling("read"):
                found: dict[str, Any] = self._files.cat(list(some), recursive=False, on_error="return") if some else {}
                for place, data in found.items():
                    if isinstance(data, FileNotFoundError):
                        continue
                    if isinstance(data, Exception):
                        raise data
                    yield some[place], bytes(data)

    def write(self, path: str, data: bytes) -> None:
        with self._telling("written"):
            if self._whole:
                self._files.pipe_file(self._at(path), data)
                return
            part = self._part()
            self._files.pipe_file(part, data)
            self._rename(part, path)

    def create(self, path: str, data: bytes) -> bool:
        with self._telling("written"):
            try:
                if self._whole:  # the bucket decides, however many ask at once
                    self._files.pipe_file(self._at(path), data, mode="create")
                    return True
                self._files.makedirs(self._at(path.rpartition("/")[0]), exist_ok=True)
                with self._files.open(self._at(path), "xb") as file:
                    file.write(data)
            except FileExistsError:
                return False
            except Exception:
                # SFTP only says "failure", and S3 "precondition failed", if there is a file.
                if self.exists(path):
                    return False
                raise
        return True

    def put(self, file: Path, path: str) -> None:
        with self._telling("written"):
            if self._whole:
                self._files.put_file(str(file), self._at(path))
            else:
                part = self._part()
                self._files.put_file(str(file), part)
                self._rename(part, path)
        file.unlink()

    def names(self, folder: str = "") -> list[str]:
        with self._telling("read"):
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._at(folder) if folder else self._root, detail=False)
            except FileNotFoundError:
                return []
            return sorted(name for each in found if (name := str(each).rstrip("/").rpartition("/")[2]))

    def tables(self) -> Iterator[tuple[str, int]]:
        with self._telling("read"):
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._root, detail=True)
            except FileNotFoundError:
                return
            start = len(self._root.lstrip("/")) + 1
            for each, about in found.items():
                path = str(each).lstrip("/")[start:]
                if layout.is_table(path):
                    yield path, int(about["size"])

    def exists(self, path: str) -> bool:
        with self._telling("read"):
            self._files.invalidate_cache()
            return bool(self._files.exists(self._at(path)))

    def remove(self, path: str) -> None:
        with self._telling("written"), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._at(path))

    def url(self, path: str) -> str:
        return f"{self._url}/{path}"

    def _telling(self, doing: str) -> contextlib.AbstractContextManager[None]:
        return telling(doing, self.name)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _part(self) -> str:
        self._files.makedirs(self._at(layout.WRITING), exist_ok=True)
        return self._at(f"{layout.WRITING}/{secrets.token_hex(8)}")

    def _rename(self, part: str, path: str) -> None:
        target = self._at(path)
        self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._files.mv(part, target)
