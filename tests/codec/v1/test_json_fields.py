"""Fields that come as JSON are the fields that went."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.v1._fast import JsonFields

VALUES = st.booleans() | st.integers(-(2**31), 2**32) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(max_size=5), VALUES | st.lists(st.text(max_size=5), max_size=3), max_size=5))
def test_they_are_the_same_fields(fields):
    came = JsonFields(orjson.dumps(fields).decode())
    assert came == fields
    assert list(came.items()) == list(fields.items())
    assert came.copy() == fields
    assert (len(came), bool(came), repr(came)) == (len(fields), bool(fields), repr(fields))


def test_a_name_that_is_not_there():
    fields = JsonFields('{"coffee_temp":95.6}')
    assert "steam_temp" not in fields
    assert fields.get("steam_temp") is None
    with pytest.raises(KeyError):
        fields["steam_temp"]
