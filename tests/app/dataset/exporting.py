"""Small captures, and exports of them into datasets, as the use case does it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from lmdecode.app.dataset.converting import convert
from lmdecode.app.dataset.places import local_file
from lmdecode.app.dataset.storage import Storage
from lmdecode.app.dataset.store import Dataset, open_dataset
from lmdecode.app.dataset.unit import Job, Result, Unit
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.key import Key
from lmdecode.config.known import KnownMachine, KnownMachines
from tests.capture.building import KEY_TEXT, SECOND, START_NS, Talk, packets, pcap, report, seal

KEY = Key.parse(KEY_TEXT)
KITCHEN = MachineKey("kitchen", KEY)
KNOWN = KnownMachines((KnownMachine(("kitchen", "MR012345"), KEY, "192.168.1.215", None),))
DAY = "2023-11-14"
"""Of `START_NS`, in UTC."""
OLD_NS = 1_600_000_000 * SECOND
"""A time of change so long ago that nobody writes the file any more."""


def write(path: Path, data: bytes) -> Path:
    """A file that was written long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(OLD_NS, OLD_NS))
    return path


def capture(path: Path, reports: int = 3, *, first: int = 0, begin_ns: int = START_NS) -> Path:
    """A capture of one connection: a request, and reports that say which numbers they have."""
    made = Talk(time_ns=begin_ns).open()
    for number in range(first, first + reports):
        made.send("machine", seal(report(number)))
    return write(path, pcap(packets(made.close().segments)))


def beginning(data: bytes, count: int) -> bytes:
    """The first packets of a capture."""
    at = 24
    for _ in range(count):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
    return data[:at]


def unit(*paths: Path) -> Unit:
    """The capture in some files."""
    return Unit(tuple(local_file(str(path), str(path), path.stat()) for path in paths))


def job(dataset: str | Path, **about: Any) -> Job:
    """What all exports of these tests have in common."""
    return Job(str(dataset), **{"keys": (KITCHEN,), "origin": "a test", "known": KNOWN, **about})


def export(dataset: str | Path, units: Iterable[Unit], **about: Any) -> list[Result]:
    """What `lmdecode export` does, in this process."""
    opened = open_dataset(str(dataset), create=True)
    with opened.locked() as token:
        asked = job(dataset, lock=token, **about)
        index = opened.index(asked)
        return [index.settled(each) or convert(index.prepared(each), asked) for each in units]


def whole(storage: Storage) -> dict[str, bytes]:
    """All files of a dataset."""
    if storage.local is not None:
        places = [path.relative_to(storage.local).as_posix() for path in storage.local.rglob("*") if path.is_file()]
    else:
        files, root = fsspec.url_to_fs(storage.url(""))
        places = [str(each)[len(root.rstrip("/")) + 1 :] for each in files.find(root)]
    return {place: storage.read(place) or b"" for place in sorted(places)}


def settled(storage: Storage) -> dict[str, bytes]:
    """All files of a dataset, without the times when something was done."""
    return {place: re.sub(rb'"(added|tried)": "[^"]*"', b"", data) for place, data in whole(storage).items()}


def tables(storage: Storage) -> dict[str, bytes]:
    """The Parquet files of a dataset."""
    return {place: data for place, data in whole(storage).items() if place.endswith(".parquet")}


def rows(dataset: Dataset) -> list[dict[str, Any]]:
    """The rows of all files that count, in no order, without what is null."""
    found: list[dict[str, Any]] = []
    for file in dataset.files():
        path = file.path.removeprefix(dataset.storage.url("")).lstrip("/")
        data = dataset.storage.read(path)
        assert data is not None, path
        table: pa.Table = pq.read_table(io.BytesIO(data))
        assert table.num_rows == file.rows
        found += [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    return found
