"""Columns say what Records say, value by value, whichever way the messages came."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmdecode
from bench.captures import KEY_TEXT, make_dense
from lmdecode import _parts
from lmdecode.analysis.columns import field_kinds
from lmdecode.analysis.units import unit_of
from lmdecode.app.dataset.schema import record_schema
from lmdecode.app.decode import Outcome, read, read_into
from lmdecode.codec.dialect import RECORDS, MachineKey, OwnerAccess, Place
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.v1.conversation import ConversationInto
from lmdecode.codec.v1.decoder import decoder_for
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.windows import WINDOWS
from lmdecode.render import columnar
from lmdecode.render.columnar import ColumnSink
from lmdecode.render.table_schema import schema
from tests.codec.v1.samples import SAMPLES, frame, seal, with_check

CAPTURES = Path(__file__).parents[2] / "captures"
OTHER_KEY = b"abcdefghijklmnopqrstuvwxyz012345"
KEYS = [MachineKey("kitchen", Key.parse(KEY_TEXT)), MachineKey("cellar", Key(OTHER_KEY))]
SCHEMAS = {"parquet": schema(tuple(field_kinds()), several=True), "dataset": record_schema()}
V3 = Record(
    5,
    9,
    "app",
    "c:1",
    "d:8081",
    role="response",
    fields={"coffee_temp": 93.0, "no_such_field": 1, "heating_state": []},
    machine="LM01",
    generation="v3",
    subject="GET /api/v1/config",
    extra={"é": [1]},
)

TIMES = st.integers(-(1 << 40), 1 << 40) | st.just(1 << 70)
ADDRESSES = st.sampled_from(sorted({window[0] for window in WINDOWS} | {row.address for row in REGISTERS}))


@st.composite
def plaintexts(draw):
    """A message: of a real machine, or of any bytes, or damaged."""
    if draw(st.booleans()):
        return draw(st.sampled_from(SAMPLES)).plaintext
    letter, address = draw(st.sampled_from("RRRWZ")), draw(ADDRESSES)
    data = draw(st.binary(min_size=1, max_size=60)) if draw(st.integers(0, 3)) else b""
    length = len(data) or draw(st.integers(1, 60))
    plaintext = with_check(f"{letter}{address:04X}{length:04X}{data.hex().upper()}")
    return plaintext if draw(st.integers(0, 9)) else plaintext[:-1] + b"0"


PIECES = st.builds(frame, plaintexts()) | st.builds(lambda text: b"@" + seal(text, OTHER_KEY) + b"%", plaintexts())
EVENTS = st.lists(
    st.tuples(TIMES, st.integers(0, 2), st.sampled_from(["app", "machine"]), PIECES | st.binary(max_size=30))
    | st.tuples(TIMES, st.just(3), st.just("app"), st.just(b"")),
    min_size=1,
    max_size=25,
)


def made_of(sink, events, keys, *, predecoded, capture="é.pcap"):
    """What a sink makes of pieces of three connections, with Records of another dialect among them."""
    decoder = decoder_for(keys)
    talks = [ConversationInto(sink, decoder, Place(number, f"a:{number}", "m:1774", capture)) for number in range(3)]
    found = decoder.predecode([piece for *_, piece in events], fields_as=sink.fields_as)
    for (time_ns, number, sender, piece), clean in zip(events, found, strict=True):
        if number == 3:
            yield sink.record(V3._replace(time_ns=time_ns))
        else:
            yield from talks[number].receive(time_ns, sender, piece, clean if predecoded else None)
    for talk in talks:
        yield from talk.close(7)


@contextmanager
def sizes(group, few, small):
    before = columnar.GROUP, columnar._FEW, columnar._SMALL
    columnar.GROUP, columnar._FEW, columnar._SMALL = group, few, small
    try:
        yield
    finally:
        columnar.GROUP, columnar._FEW, columnar._SMALL = before


def expected(records, columns):
    """The columns of Records, by a loop that knows nothing of windows."""
    kinds = field_kinds()
    values = {}
    for name in columns.names:
        if name in kinds:
            values[name] = [record.fields.get(name) for record in records]
        elif name == "time":
            values[name] = [record.time_ns if abs(record.time_ns) < 1 << 63 else None for record in records]
        elif name == "extra":
            values[name] = [
                json.dumps(dict(each.extra), ensure_ascii=False) if each.extra else None for each in records
            ]
        elif name == "problems":
            values[name] = [list(record.problems) for record in records]
        else:
            values[name] = [getattr(record, name) for record in records]
    return values


def told(table):
    time = table.column("time").cast(pa.int64()).to_pylist()
    return table.drop_columns(["time"]).to_pydict() | {"time": time}


def same(found, wanted):
    """Whether columns have the same values, of the same types: 1 is not 1.0, and True is neither."""
    assert found.keys() == wanted.keys()
    for name, values in found.items():
        assert values == wanted[name], name
        assert [*map(type, values)] == [
            type(str(each)) if name == "kind" and each else type(each) for each in wanted[name]
        ]


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=40)
@given(EVENTS, st.integers(1, 2), st.sampled_from([(4, 0, 0), (8192, 0, 0), (8192, 2, 2), (8192, 16, 512)]))
def test_columns_are_those_of_the_records(name, events, keys, size):
    columns = SCHEMAS[name]
    records = [*made_of(RECORDS, events, KEYS[:keys], predecoded=False)]
    with sizes(*size):
        sink = ColumnSink(columns)
        batches = [*sink.batches(made_of(sink.sink, events, KEYS[:keys], predecoded=True))]
    assert all(batch.schema == columns for batch in batches)
    table = pa.Table.from_batches(batches, schema=columns)
    table.validate(full=True)
    same(told(table), expected(records, columns))
    assert sink.counts.rows == len(records)


@settings(max_examples=40)
@given(EVENTS, st.sampled_from([(4, 0, 0), (8192, 1, 0), (8192, 16, 512)]), st.booleans())
def test_a_long_table_has_the_values_of_the_records_in_their_order(events, size, some):
    names = ("coffee_temp", "heating_state", "mon_on_time", "no_such_field") if some else None
    records = [*made_of(RECORDS, events, KEYS, predecoded=False)]
    wanted = [
        (record.time_ns if record.time_ns < 1 << 63 else None, record.stream, record.kind, record.machine, name)
        + (
            (float(value), None)
            if isinstance(value, int | float)
            else (None, ", ".join([value] if isinstance(value, str) else value))
        )
        + (unit_of(name),)
        for record in records
        for name, value in record.fields.items()
        if names is None or name in names
    ]
    from lmdecode.render.long_table import long_batch, long_schema

    with sizes(*size):
        sink = ColumnSink(SCHEMAS["parquet"])
        made = made_of(sink.sink, events, KEYS, predecoded=True)
        table = pa.Table.from_batches([long_batch(each, names) for each in sink.groups(made)], schema=long_schema())
    table.validate(full=True)
    found = told(table)
    columns = ("time", "stream", "kind", "machine", "name", "value", "text", "unit")
    assert [*zip(*(found[name] for name in columns), strict=True)] == wanted


def speakers():
    return Speakers.open(OwnerAccess(KEYS[:1]))


@pytest.mark.usefixtures("with_all_parts")
@pytest.mark.parametrize("legal", [True, False])
def test_no_record_is_made_of_a_clean_message(tmp_path, legal):
    path = tmp_path / "dense.pcap"
    make_dense(path, 1500, legal=legal)
    sink = ColumnSink(SCHEMAS["dataset"])
    outcome = Outcome(path)
    table = pa.Table.from_batches([*sink.batches(read_into(sink.sink, outcome, speakers()))])
    assert (sink.counts.rows, sink.counts.general) == (1500, 0)
    plain = Outcome(path)
    same(told(table), expected([*read(plain, speakers())], SCHEMAS["dataset"]))
    assert outcome.tally == plain.tally
    assert bool(outcome.tally.problems) is not legal


def test_without_the_part_all_rows_are_of_records(tmp_path):
    path = tmp_path / "dense.pcap"
    make_dense(path, 600)
    before = ",".join(filter(_parts.is_off, _parts.PARTS))
    _parts.do_without("columns")
    try:
        sink = ColumnSink(SCHEMAS["parquet"])
    finally:
        _parts.do_without(before)
    assert sum(batch.num_rows for batch in sink.batches(read_into(sink.sink, Outcome(path), speakers()))) == 600
    assert sink.counts.general == 600


def test_batches_are_of_equal_size_whatever_the_capture(tmp_path):
    path = tmp_path / "dense.pcap"
    make_dense(path, 1000)
    with sizes(300, 16, 200):
        sink = ColumnSink(SCHEMAS["parquet"])
        batches = [*sink.batches(read_into(sink.sink, Outcome(path), speakers()))]
    assert [batch.num_rows for batch in batches] == [300, 300, 300, 100]


@pytest.mark.usefixtures("with_all_parts")
@pytest.mark.parametrize("fields", [None, "*", "coffee_temp", ["heating_state", "power"], "front_panel_display"])
@pytest.mark.parametrize("form", ["wide", "long"])
def test_a_decoding_gives_the_table_of_its_records(tmp_path, form, fields, monkeypatch):
    path = tmp_path / "dense.pcap"
    make_dense(path, 700, legal=False)
    decoding = lmdecode.decode(path, CAPTURES / "gs3av-settings.pcap", key=KEY_TEXT)
    wanted = lmdecode.to_arrow(list(decoding), form=form, fields=fields)
    general = []
    real = columnar.Group.__init__

    def noted(group, *arguments):
        real(group, *arguments)
        general.append(group.general)

    monkeypatch.setattr(columnar.Group, "__init__", noted)
    found = lmdecode.to_arrow(decoding, form=form, fields=fields)
    assert found.schema == wanted.schema
    same(told(found), told(wanted))
    assert sum(general) < 50, "the answers to writes are not clean, the rest is"


def test_a_choice_and_the_order_of_time_are_kept(tmp_path):
    path = tmp_path / "dense.pcap"
    make_dense(path, 40)
    chosen = {"where": "kind=read", "order": "time"}
    for about in (chosen, {"where": "role=response"}, {"order": "time"}):
        decoding = lmdecode.decode(path, CAPTURES / "gs3av-settings.pcap", key=KEY_TEXT, **about)
        same(told(lmdecode.to_arrow(decoding)), told(lmdecode.to_arrow(list(decoding))))
