"""CSV, Parquet and JSON Lines say the same, and all that the Records do."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmdecode.analysis.columns import field_kinds, record_columns
from lmdecode.capture import decode_capture
from lmdecode.codec.record import Kind, Record, iso_time
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.render.records import Style
from lmdecode.render.records.csv import CsvWriter
from lmdecode.render.records.jsonl import json_line
from lmdecode.render.records.parquet import ParquetWriter
from lmdecode.render.table_schema import schema

CAPTURES = Path(__file__).parents[2] / "captures"
KEY = Key(b"12345678901234567890123456789012")
ODD = [
    Record(
        1,
        0,
        "app",
        "[::1]:5",
        "a:1774",
        raw=b"\x00\xff",
        problems=("a, comma", 'a "quote"'),
    ),
    Record(
        1 << 70,
        1,
        "machine",
        "a:1774",
        "b:2",
        Kind.WRITE,
        "response",
        0,
        1,
        ok=False,
        elapsed=1e-06,
        fields={"front_panel_display": '5°□\n"x"', "heating_state": [], "drinks_k1": 0xFFFFFFFF, "total_flushing": -3},
    ),
]


def sample(name):
    if name == "odd":
        return ODD
    return list(decode_capture(CAPTURES / name, speakers_with(FrameDecoder(KEY))))


NAMES = ["gs3av-settings.pcap", "gs3av-settings.tshark.json", "gs3mp-standby.pcapng", "odd"]


def written(make, records, *fields):
    file = io.BytesIO() if make is ParquetWriter else io.StringIO(newline="")
    writer = make(file, Style(*fields))
    for record in records:
        writer.write(record)
    if make is ParquetWriter:
        writer.close()
    return file


def as_csv(value):
    """What a cell of CSV has for a value of JSON."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return " ".join(value) or "none"
        case _:
            return str(value)


@pytest.mark.parametrize("name", NAMES)
def test_csv_says_what_jsonl_says(name):
    records = sample(name)
    rows = list(csv.DictReader(io.StringIO(written(CsvWriter, records, tuple(field_kinds())).getvalue(), newline="")))
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        line = json.loads(json_line(record))
        expected = {column: as_csv(line.get(column)) for column in record_columns()}
        expected["problems"] = " | ".join(line["problems"])
        expected["generation"] = "v1"  # which a line of JSON leaves out
        expected |= {field: as_csv(line["fields"].get(field)) for field in field_kinds()}
        assert row == expected


@pytest.mark.parametrize("name", NAMES)
def test_parquet_says_what_the_records_do(name):
    records = sample(name)
    table = pq.read_table(written(ParquetWriter, records, tuple(field_kinds())))
    assert table.column_names == [*record_columns(), *field_kinds()]
    times = table.column("time").cast(pa.int64()).to_pylist()
    for time, row, record in zip(times, table.drop_columns(["time"]).to_pylist(), records, strict=True):
        assert time == (record.time_ns if record.time_ns < 1 << 63 else None)
        assert {field: row[field] for field in field_kinds() if row[field] is not None} == dict(record.fields)
        assert all(type(row[field]) is type(value) for field, value in record.fields.items())
        for column in record_columns()[1:]:
            value = getattr(record, column)
            if column == "extra":
                value = json.dumps(dict(value)) if value else None
            assert row[column] == (list(value) if column == "problems" else value)


def test_parquet_has_the_types_of_the_map():
    types = schema(tuple(field_kinds()))
    for name, expected in {
        "time": pa.timestamp("ns", "UTC"),
        "kind": pa.dictionary(pa.int32(), pa.string()),
        "problems": pa.list_(pa.string()),
        "raw": pa.binary(),
        "coffee_temp": pa.float64(),
        "drinks_k1": pa.int64(),
        "power": pa.bool_(),
        "heating_state": pa.list_(pa.string()),
        "prebrew_flag": pa.string(),
    }.items():
        assert types.field(name).type == expected, name


def test_parquet_has_a_group_for_some_thousand_rows_so_that_memory_stays_constant():
    file = written(ParquetWriter, ODD[:1] * 20_000, ("coffee_temp",))
    metadata = pq.ParquetFile(file).metadata
    assert metadata.num_rows == 20_000
    assert metadata.num_row_groups == 3


def test_parquet_files_are_joined_as_they_are(tmp_path):
    part = tmp_path / "part"
    part.write_bytes(written(ParquetWriter, ODD, ("heating_state",)).getvalue())
    file = io.BytesIO()
    writer = ParquetWriter(file, Style(("heating_state",)))
    writer.write(ODD[0])
    writer.append(part)
    writer.close()
    assert pq.read_table(file).column("stream").to_pylist() == [0, 0, 1]


def test_csv_with_chosen_fields_has_no_other_columns():
    text = written(CsvWriter, ODD, ("heating_state",)).getvalue()
    assert text.splitlines()[0] == ",".join([*record_columns(), "heating_state"])
    assert iso_time(1) in text
