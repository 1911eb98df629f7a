"""Arrays of Python's values: the same as pyarrow's own, without pandas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.render.array_making import array_of

_WORDS = pa.dictionary(pa.int32(), pa.string())
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_KINDS = {
    pa.int64(): st.integers(-(1 << 63), (1 << 63) - 1),
    pa.int32(): st.integers(-(1 << 31), (1 << 31) - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float64(): st.integers(-1000, 1000) | st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): _TEXTS,
    pa.binary(): st.binary(),
    _WORDS: _TEXTS,
    pa.list_(pa.string()): st.lists(_TEXTS) | st.tuples(_TEXTS),
}


@given(st.sampled_from(list(_KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(_KINDS[kind] | st.none()))))
def test_an_array_is_the_one_that_pyarrow_makes(case: tuple[Any, list[Any]]) -> None:
    kind, values = case
    found = array_of(values, kind)
    found.validate(full=True)
    assert found.equals(pa.array(values, kind))


@pytest.mark.parametrize(("values", "kind"), [([1 << 31], pa.int32()), (["a"], pa.int64()), ([1], pa.string())])
def test_what_does_not_fit_is_refused(values: list[object], kind: object) -> None:
    with pytest.raises((OverflowError, TypeError, pa.ArrowInvalid)):
        array_of(values, kind)


def test_a_table_is_made_without_pandas() -> None:
    program = (
        "import sys, lmdecode;"
        "records = lmdecode.decode('captures/gs3av-settings.pcap', config='captures/config.json');"
        "assert lmdecode.to_arrow(records).num_rows;"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_export_does_without_pandas(tmp_path: Path) -> None:
    program = (
        "import sys, lmdecode;"
        "lmdecode.export('captures/gs3av-settings.pcap', to=sys.argv[1], config='captures/config.json');"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "years"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
