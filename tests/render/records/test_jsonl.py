from __future__ import annotations

import json

import orjson
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.record import Kind, Record
from lmdecode.render.records.jsonl import json_bytes, json_line

TEXT = st.text(max_size=12) | st.text("0123456789ABCDEFRWZ", min_size=1)
VALUES = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXT | st.lists(TEXT)


def test_a_record_is_one_line_of_json_that_people_can_read():
    record = Record(0, 0, "machine", "a:1774", "b:2", fields={"front_panel_display": "202.9°F □\n"}, problems=("x",))
    line = json_line(record)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert "°F □" in line
    assert json.loads(line) == json.loads(json.dumps(record.as_dict()))


@given(
    st.builds(
        Record,
        st.integers(0, 2**62),
        st.integers(0, 2),
        st.sampled_from(["app", "machine"]),
        TEXT,
        TEXT,
        st.none() | st.sampled_from(Kind),
        st.none() | st.sampled_from(["request", "response", "report"]),
        st.none() | st.integers(0, 0xFFFF),
        st.none() | st.integers(0, 0xFFFF),
        st.none() | st.text("0123456789abcdef"),
        st.none() | TEXT,
        st.dictionaries(TEXT, VALUES, max_size=4),
        st.none() | st.booleans(),
        st.none() | st.floats(0, 10) | st.sampled_from([0.0, 1e-9, 0.00001, 3e-7]),
        st.none() | st.binary(max_size=4),
        st.just(()) | st.tuples(TEXT),
        st.none() | TEXT,
        st.sampled_from(["v1", "v3"]),
        st.none() | TEXT,
        st.none(),
        st.none() | TEXT,
        st.dictionaries(TEXT, VALUES, max_size=2),
    )
)
def test_a_line_put_together_is_the_line_of_the_whole(record):
    assert json_bytes(record) == orjson.dumps(record.as_dict(), option=orjson.OPT_APPEND_NEWLINE)
