"""Small captures that differ, what they are decoded with, and the rows of a dataset."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmdecode.app.dataset.places import local_file
from lmdecode.app.dataset.rows import table_of
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import Job, Result, Unit
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.key import Key

KEY = "12345678901234567890123456789012"
SAMPLE = Path("captures/gs3av-settings.pcap")
ROWS = 94
"""Messages in the sample."""

_HEADER = 24  # bytes of a pcap
_RECORD = struct.Struct("<IIII")
_DAY = 86_400


def write_captures(folder: Path, count: int) -> list[Path]:
    """Writes the sample `count` times, each time a day later than before."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"day{number:03}.pcap" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(_later(SAMPLE.read_bytes(), number))
    return paths


def _later(data: bytes, days: int) -> bytes:
    changed = bytearray(data)
    at = _HEADER
    while at < len(changed):
        seconds, fraction, size, original = _RECORD.unpack_from(changed, at)
        _RECORD.pack_into(changed, at, seconds + days * _DAY, fraction, size, original)
        at += _RECORD.size + size
    return bytes(changed)


def units_of(paths: list[Path]) -> list[Unit]:
    return [Unit((local_file(str(path), str(path), path.stat()),)) for path in paths]


def job_for(dataset: str) -> Job:
    """Makes an empty dataset, and returns what captures are decoded into it with."""
    open_dataset(dataset, create=True)
    return Job(dataset, (MachineKey("kitchen", Key.parse(KEY)),), "a test")


def rows_of_dataset(dataset: str) -> Any:
    """Returns all rows of a dataset as a table, in an order that follows from what is in it."""
    import pyarrow as pa

    return pa.concat_tables([table_of(file) for file in open_dataset(dataset).files()])


def states_of(results: list[Result]) -> dict[str, str]:
    return {Path(each.name).name: str(each.state) for each in results}


def everything_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
