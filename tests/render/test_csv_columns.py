"""Lines of CSV that are made of columns are those that Records become, byte for byte."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.captures import KEY_TEXT, make_dense
from lmdecode.analysis.columns import field_kinds, record_columns
from lmdecode.app.decode import Outcome, read, read_into
from lmdecode.codec.dialect import RECORDS, MachineKey
from lmdecode.codec.record import iso_time
from lmdecode.codec.v1._columns import columns_of
from lmdecode.codec.v1.key import Key
from lmdecode.render.records import Style
from lmdecode.render.records import csv as module
from lmdecode.render.records.csv import CsvWriter
from lmdecode.render.spreadsheet import safe_cell
from tests.codec.v1.samples import frame, with_check
from tests.render.test_columnar import EVENTS, OTHER_KEY, TIMES, made_of, plaintexts, speakers

KEYS = [MachineKey('=1+1, "kitchen"', Key.parse(KEY_TEXT)), MachineKey("cellar\n100 %", Key(OTHER_KEY))]
MOMENTS = (
    TIMES
    | st.integers(-3_000_000, 3_000_000).map(lambda microseconds: 1000 * microseconds)
    | st.integers(0, 1 << 40).map(lambda nanoseconds: 1_795_229_755_174_158_000 + nanoseconds)
    | st.just(-(1 << 70))  # which begins with -
)
CLEAN = st.lists(
    st.tuples(MOMENTS, st.integers(0, 1), st.sampled_from(["app", "machine"]), st.builds(frame, plaintexts())),
    min_size=5,
    max_size=25,
)
"""Messages that are clean for the greater part."""
STYLES = st.builds(
    Style,
    st.just(()) | st.lists(st.sampled_from([*field_kinds()]), min_size=1, max_size=9, unique=True).map(tuple),
    several=st.booleans(),
    header=st.booleans(),
)


def written(style, made, *, safe=False):
    """What a writer makes of what comes of its sink."""
    text = io.StringIO(newline="")
    writer = CsvWriter(text, style, safe=safe)
    writer.write_all(made(writer.sink))
    writer.close()
    return text.getvalue()


def expected(records, style, *, safe):
    """The same by a loop that knows neither windows nor pieces of lines."""
    columns, fields = record_columns(several=style.several), style.fields or tuple(field_kinds())
    text = io.StringIO(newline="")
    # csv asks what ends its lines before it knows what to quote, so that ends are not its own here either
    rows = csv.writer(text, lineterminator="")
    for cells in [[*columns, *fields]] if style.header else []:
        rows.writerow(cells)
        text.write("\n")
    for record in records:
        said = record._asdict() | {"time": iso_time(record.time_ns), "problems": " | ".join(record.problems)}
        said["raw"] = record.raw and record.raw.hex()
        said["extra"] = json.dumps(dict(record.extra), ensure_ascii=False) if record.extra else ""
        cells = [said[name] for name in columns] + [record.fields.get(name) for name in fields]
        cells = [
            str(cell).lower()
            if isinstance(cell, bool)
            else " ".join(cell) or "none"
            if isinstance(cell, list)
            else cell
            for cell in cells
        ]
        rows.writerow(map(safe_cell, cells) if safe else cells)
        text.write("\n")
    return text.getvalue()


@pytest.mark.parametrize("safe", [False, True])
@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {
            "events": CLEAN | EVENTS,
            "keys": st.sampled_from([KEYS[:1], KEYS]),
            "capture": st.sampled_from([None, "é, =1.pcap"]),
        }
    ),
    STYLES,
    st.sampled_from([1, 3, 1024]),
)
def test_lines_are_those_of_the_records(safe, about, style, group):
    wanted = expected(made_of(RECORDS, **about, predecoded=False), style, safe=safe)
    before, module.GROUP = module.GROUP, group
    try:
        assert written(style, lambda sink: made_of(sink, **about, predecoded=True), safe=safe) == wanted
    finally:
        module.GROUP = before


@pytest.mark.usefixtures("with_all_parts")
@pytest.mark.parametrize("style", [Style(), Style(fields=("power", "module_ser_num"))])
def test_two_copies_of_a_register_are_compared_in_every_message(style):
    both, one = "47533330303030303030303100000000", "475333303030303030303032"
    messages = [frame(with_check(f"R00B0001C{both}{ending}")) for ending in (both[:24], one, "FF" * 12)]
    events = [(number, 0, "machine", each) for number, each in enumerate(messages)]
    found = written(style, lambda sink: made_of(sink, events, KEYS[:1], predecoded=True))
    assert found == expected(made_of(RECORDS, events, KEYS[:1], predecoded=False), style, safe=False)
    assert columns_of(0xB0, 0x1C, False) is None
    assert found.count("GS3000000001") == 3


@pytest.mark.usefixtures("with_all_parts")
@pytest.mark.parametrize("legal", [True, False])
def test_no_record_is_made_of_a_clean_message(tmp_path, legal):
    path = tmp_path / "dense.pcap"
    make_dense(path, 1500, legal=legal)
    made = []

    def noted(sink):
        made.extend(read_into(sink, Outcome(path), speakers()))
        return made

    found = written(Style(), noted)
    assert len(made) == 1500
    assert not any(isinstance(each, str) for each in made)
    assert found == expected(read(Outcome(path), speakers()), Style(), safe=False)


def test_without_the_part_all_lines_are_of_records(tmp_path, without):
    path = tmp_path / "dense.pcap"
    make_dense(path, 60)
    without("columns")
    assert CsvWriter(io.StringIO(), Style()).sink is RECORDS
    found = written(Style(), lambda sink: read_into(sink, Outcome(path), speakers()))
    assert found == expected(read(Outcome(path), speakers()), Style(), safe=False)


def test_a_group_is_written_before_the_next_is_read_and_the_rest_after_an_error(tmp_path, monkeypatch):
    path = tmp_path / "dense.pcap"
    make_dense(path, 300)
    monkeypatch.setattr(module, "GROUP", 100)
    text = io.StringIO()
    writer = CsvWriter(text, Style(header=False))
    sizes = []

    def interrupted():
        for number, each in enumerate(read_into(writer.sink, Outcome(path), speakers())):
            if number == 250:
                raise KeyboardInterrupt
            sizes.append(text.getvalue().count("\n"))
            yield each

    with pytest.raises(KeyboardInterrupt):
        writer.write_all(interrupted())
    assert [sizes[99], sizes[100], sizes[200]] == [0, 100, 200]
    writer.abandon()
    whole = expected(read(Outcome(path), speakers()), Style(header=False), safe=False)
    assert text.getvalue() == "".join(whole.splitlines(keepends=True)[:250])


class FullPipe(io.RawIOBase):
    """A pipe that takes some bytes; Ctrl-C comes while it is full."""

    def __init__(self):
        self.taken = b""
        self.presses = 0

    def writable(self):
        return True

    def write(self, data):
        if len(self.taken) > 20_000 and not self.presses:
            self.presses += 1
            raise KeyboardInterrupt
        data = bytes(data[:1000])
        self.taken += data
        return len(data)


def test_ctrl_c_while_the_pipe_is_full_leaves_whole_lines(tmp_path):
    path = tmp_path / "dense.pcap"
    make_dense(path, 300)
    pipe = FullPipe()
    file = io.TextIOWrapper(io.BufferedWriter(pipe), "utf-8", newline="\n")
    writer = CsvWriter(file, Style(header=False))
    with pytest.raises(KeyboardInterrupt):
        writer.write_all(read_into(writer.sink, Outcome(path), speakers()))
    writer.abandon()
    file.flush()
    whole = expected(read(Outcome(path), speakers()), Style(header=False), safe=False).encode()
    assert pipe.presses == 1
    assert len(pipe.taken) > 20_000
    assert pipe.taken.endswith(b"\n")
    assert whole.startswith(pipe.taken)


def test_csv_needs_no_pyarrow():
    program = "import sys, lmdecode.render.records.csv_safe; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
