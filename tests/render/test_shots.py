"""Shots of the newer generations as tables, JSON and CSV; those of v1 are tested with the command."""

from __future__ import annotations

import csv
import json
from io import StringIO

from rich.console import Console

from lmdecode.analysis.pour import Evidence, Shot, What
from lmdecode.render.shots import as_csv, as_dict, as_jsonl, as_tables, totals

START_NS = 1_795_229_755_000_000_000


def shot(**given: object) -> Shot:
    """A shot by Bluetooth."""
    values: dict[str, object] = {
        "machine": "MR012345",
        "streams": (0,),
        "what": What.COFFEE,
        "evidence": Evidence.FLOW,
        "generation": "bluetooth",
        "key": 5,
        "start_ns": START_NS,
        "end_ns": START_NS + 25 * 10**9,
        "seconds": 25.0,
    }
    return Shot(**(values | given))  # type: ignore[arg-type]


def table(*shots: Shot, width: int = 80) -> str:
    """The table on a terminal."""
    console = Console(width=width, file=StringIO(), force_terminal=False)
    with console.capture() as capture:
        for part in as_tables(shots):
            console.print(part)
    return capture.get()


def test_columns_of_which_nothing_is_known_are_left_out():
    text = table(shot(), shot(coffee_temp_start=93.0, coffee_temp_end=94.0))
    assert "pulses" not in text
    assert "ml" not in text
    assert "93.0–94.0" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_paddle_is_no_button():
    assert "button" not in table(shot())
    assert "coffee button 1" in table(shot(key=1))
    assert "coffee button 5" in table(shot(generation="v1"))


def test_water_that_nothing_measured_is_not_0_ml():
    assert totals([shot(), shot(what=What.FLUSH)]) == "1 coffee, 1 flush"
    assert totals([shot(), shot(pulses=60)]) == "2 coffees; about 30 ml"
    assert totals([shot(generation="v1")]) == "1 coffee; about 0 ml"


def test_a_dose_in_grams():
    line = table(shot(dose=36.0, dose_unit="g"))
    assert "36 g" in line
    assert "dose 36 g" in table(shot(dose=36.0, dose_unit="g"), width=24)


def test_what_is_not_known_is_blank():
    line = json.loads(as_jsonl([shot()]))
    assert (line["pulses"], line["ml"], line["dose"], line["generation"]) == (None, None, None, "bluetooth")
    (row,) = csv.DictReader(StringIO(as_csv([shot()])))
    assert (row["pulses"], row["ml"], row["generation"]) == ("", "", "bluetooth")
    assert "generation" not in as_dict(shot(generation="v1"))
    assert "generation" not in as_csv([shot(generation="v1")])
    rows = list(csv.DictReader(StringIO(as_csv([shot(generation="v1"), shot(dose=36.0, dose_unit="g")]))))
    assert [row["generation"] for row in rows] == ["", "bluetooth"]
    assert [row["dose_unit"] for row in rows] == ["", "g"]


def test_what_the_cloud_lists_is_marked():
    past = shot(generation="lion", evidence=Evidence.HISTORY)
    assert "coffee (history)" in table(past)
    assert totals([past]) == "1 coffee, from the cloud's list of past ones"
    assert totals([past, shot()]) == "2 coffees, 1 of them from the cloud's list of past ones"
