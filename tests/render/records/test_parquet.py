"""Parquet: groups are encoded in a thread, and written where they are decoded."""

from __future__ import annotations

import io
import threading

import pyarrow.parquet as pq
import pytest

from lmdecode.codec.record import Record
from lmdecode.render import columnar
from lmdecode.render.records import Style, parquet
from lmdecode.render.records.parquet import ParquetWriter

STYLE = Style(("coffee_temp",))
RECORDS = [Record(number, 0, "app", "a", "b", fields={"coffee_temp": float(number)}) for number in range(250)]


class Pipe(io.BytesIO):
    """A file that notes which threads write to it. It takes some bytes; then it is full, and Ctrl-C comes."""

    def __init__(self, most=1 << 30):
        super().__init__()
        self.threads = set()
        self.most = most

    def write(self, data):
        self.threads.add(threading.current_thread())
        if self.tell() + len(data) > self.most:
            raise KeyboardInterrupt
        return super().write(data)


@pytest.fixture
def encoded(monkeypatch, without):
    """The threads that encode, in groups of 100 rows, none of which is held back."""
    threads = set()
    without("")
    write_batch = pq.ParquetWriter.write_batch

    def noted(self, *arguments, **options):
        threads.add(threading.current_thread())
        write_batch(self, *arguments, **options)

    monkeypatch.setattr(columnar, "GROUP", 100)
    monkeypatch.setattr(parquet, "_BUFFER", 1)
    monkeypatch.setattr(pq.ParquetWriter, "write_batch", noted)
    return threads


def write(writer):
    writer.write_all(map(writer.sink.record, RECORDS))
    writer.close()


def test_a_thread_encodes_and_another_one_writes(encoded):
    # Ctrl-C and SIGTERM reach the main thread alone: with another one that waits for a full pipe nothing would end.
    file = Pipe()
    write(ParquetWriter(file, STYLE))
    assert file.threads == {threading.current_thread()}
    assert len(encoded) == 1
    assert encoded.isdisjoint(file.threads)
    assert encoded.isdisjoint(threading.enumerate())
    assert pq.read_table(file).column("coffee_temp").to_pylist() == [*map(float, range(250))]


@pytest.mark.usefixtures("encoded")
def test_after_ctrl_c_at_a_full_pipe_nothing_is_written_and_no_thread_is_left():
    before = threading.active_count()
    file = Pipe(most=0)
    writer = ParquetWriter(file, STYLE)
    with pytest.raises(KeyboardInterrupt):
        write(writer)
    writer.abandon()
    assert (file.getvalue(), threading.active_count()) == (b"", before)


def test_an_error_in_the_thread_is_raised_where_rows_are_decoded(encoded, monkeypatch):
    def full(*_arguments, **_options):
        encoded.add(threading.current_thread())
        raise MemoryError

    monkeypatch.setattr(pq.ParquetWriter, "write_batch", full)
    file = Pipe()
    writer = ParquetWriter(file, STYLE)
    with pytest.raises(MemoryError):
        write(writer)
    writer.abandon()
    assert (len(encoded), file.getvalue()) == (1, b"PAR1"), "as files begin and end: nothing can read this one"
    assert encoded.isdisjoint({*threading.enumerate(), threading.current_thread()})
