from __future__ import annotations

import pytest

from lmdecode.analysis.columns import FieldNameError, Selection, chosen_fields, field_kinds, record_columns
from lmdecode.codec.record import Record

RECORD = Record(0, 0, "machine", "a", "b", fields={"coffee_temp": 95.6, "steam_temp": 124.0}, problems=("x",))


def test_a_selection_keeps_what_was_chosen_in_that_order():
    assert list(Selection(["steam_temp", "power", "coffee_temp"]).apply(RECORD).fields) == ["steam_temp", "coffee_temp"]
    assert Selection(["steam_temp"]).apply(RECORD).problems == ("x",)
    assert Selection(["power"]).apply(RECORD) is None


def test_names_are_chosen_in_lists_and_by_globs():
    assert chosen_fields(["power, coffee_temp", "power"]) == ("power", "coffee_temp")
    assert "mon_on_time" in chosen_fields(["mon_*"])


def test_a_name_of_earlier_versions_is_taken():
    assert chosen_fields(["machine_running_seconds"]) == ("machine_running_minutes",)


@pytest.mark.parametrize(
    ("text", "words"),
    [("cofee_temp", "did you mean coffee_temp?"), ("x*", "no field fits"), (" , ", "no field is named")],
)
def test_a_name_that_is_not_on_the_map(text, words):
    with pytest.raises(FieldNameError, match=words.replace("?", r"\?")):
        chosen_fields([text])


def test_every_attribute_of_a_record_and_every_name_has_one_column():
    named = {"fields", "request", "capture"}
    assert {*record_columns()} == {
        "time" if name == "time_ns" else name for name in Record._fields if name not in named
    }
    assert record_columns(several=True) == (*record_columns(), "capture")
    assert set({kind.type for kind in field_kinds().values()}) <= {"integer", "number", "boolean", "string", "array"}
