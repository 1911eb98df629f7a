"""Numbers as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.typed_number import read_number


@pytest.mark.parametrize("text", ["93.5", "93.5C", "93.5 °C", "93.5°", " 93.5 "])
def test_a_unit_may_stand_behind_it(text: str) -> None:
    assert read_number(text, name="coffee_set_temp", unit="°C") == 93.5


@pytest.mark.parametrize(("text", "said"), [("93,5", "write 93.5"), ("1e2", "not a number"), ("٩٣", "not a number")])
def test_what_is_none_is_said(text: str, said: str) -> None:
    with pytest.raises(RegisterError, match=said):
        read_number(text, name="coffee_set_temp", unit="°C")


def test_a_whole_number_has_no_point() -> None:
    with pytest.raises(RegisterError, match="not a whole number of min"):
        read_number("2.5", name="standby", unit="min", kind=int)


@given(st.text(max_size=20))
def test_whatever_is_typed_it_is_a_number_or_a_clear_error(text: str) -> None:
    try:
        found = read_number(text, name="x", unit="°C")
    except RegisterError:
        return
    assert isinstance(found, float)
