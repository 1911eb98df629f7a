"""Parquet: what is cut off in the middle is not finished."""

from __future__ import annotations

import io

import pyarrow.parquet as pq
import pytest

from lmdecode.codec.record import Record
from lmdecode.render import columnar
from lmdecode.render.records import Style, parquet
from lmdecode.render.records.parquet import ParquetWriter

STYLE = Style(("coffee_temp",))
RECORDS = [Record(number, 0, "app", "a", "b", fields={"coffee_temp": float(number)}) for number in range(250)]


class Pipe(io.BytesIO):
    """A file that takes some bytes; then it is full, and Ctrl-C comes."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def write(self, data):
        if self.tell() + len(data) > self.most:
            raise KeyboardInterrupt
        return super().write(data)


@pytest.fixture(autouse=True)
def _in_small_groups(monkeypatch):
    """Groups of 100 rows, none of which is held back."""
    monkeypatch.setattr(columnar, "GROUP", 100)
    monkeypatch.setattr(parquet, "_BUFFER", 1)


def write(writer):
    writer.write_all(map(writer.sink.record, RECORDS))
    writer.close()


def test_a_file_stays_open_and_is_whole():
    file = Pipe(1 << 30)
    write(ParquetWriter(file, STYLE))
    assert not file.closed
    assert pq.ParquetFile(file).num_row_groups == 3
    assert pq.read_table(file).column("coffee_temp").to_pylist() == [*map(float, range(250))]


@pytest.mark.parametrize("most", [10, 3000])
def test_after_ctrl_c_at_a_full_pipe_nothing_more_is_written(most):
    file = Pipe(most)
    writer = ParquetWriter(file, STYLE)
    with pytest.raises(KeyboardInterrupt):
        write(writer)
    written = file.getvalue()
    writer.abandon()
    assert file.getvalue() == written
    assert len(written) <= most
