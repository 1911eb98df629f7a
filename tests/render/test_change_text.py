"""Changes in words, and as lines."""

from __future__ import annotations

import csv
import json
from io import StringIO
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.changes import ChangeRun, differences, grouped, with_changes
from lmdecode.analysis.memory_history import History
from lmdecode.analysis.times import in_zone
from lmdecode.codec.v1.window import span_of
from lmdecode.render.changes import (
    ChangeTable,
    cause_text,
    change_text,
    json_lines,
    place_text,
    print_differences,
    write_csv,
)
from lmdecode.render.terminal import TerminalConsole
from tests.analysis.saying import said, took, wrote
from tests.analysis.zones import computer_in


def change_at(address, old, new):
    return change_text(span_of(address), bytes.fromhex(old), bytes.fromhex(new))


def test_from_what_to_what():
    assert change_at(0x0016, "0078", "0079") == "120 → 121 pulses"
    assert change_at(0x0000, "00", "01") == "no → yes"
    assert change_at(0x000B, "00", "02") == "off → preinfusion"
    assert change_at(0x401B, "00", "81") == "+pump_on +0x80"
    assert change_at(0x4022, "01", "05") == "yes → yes, bit 2"
    assert change_at(0x4063, "00", "98") == "C → 0x98"
    assert change_at(0x4020, "09", "0b") == "09 → 0B, bit 1"
    assert change_at(0x5002, "09", "30") == "09 → 30"
    assert change_at(0x401C, "03bc", "03bc") == "95.6 → 95.6 °C"
    assert change_text(span_of(0x0111), b"a" * 63, b"b" * 63) == "** → **"


@given(st.integers(0, 0xFFFF), st.data())
def test_any_bytes_can_be_worded_and_are_printable(address, data):
    place = span_of(address)
    old, new = (data.draw(st.binary(min_size=place.length, max_size=place.length)) for _ in range(2))
    assert change_text(place, old, new, show_secrets=True).isprintable()
    assert place_text(place).isprintable()


def changes(*records):
    history = History()
    for record in records:
        history.add(record)
    return history.changes


def test_what_went_before():
    dose = wrote(5, 0x0016, "0079")
    written, unknown, late = changes(
        said(0, 0x0016, "0078"),
        said(0, 0x5002, "00"),
        said(0, 0x4018, "00"),
        dose,
        took(5.1, dose),
        said(7, 0x5002, "01"),
        said(700, 0x4018, "01"),
    )
    assert cause_text(written) == "written"
    assert cause_text(unknown) == "2.0 s after write dose_k2 121 pulses"
    assert cause_text(late) == "12 min after write dose_k2 121 pulses, not looked at for 12 min"


def _runs():
    records = [said(second, 0x401C, f"{900 + second:04x}") for second in range(5)]
    return grouped(changes(said(0, 0x5002, "00"), *records, said(9, 0x5002, "07")))


def test_the_table_fits_the_terminal(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    file = StringIO()
    console = TerminalConsole(file)
    console.width = 80
    table = ChangeTable(console)
    for run in _runs():
        table.write(run)
    assert file.getvalue() == (
        "2026-11-21, times in UTC\n"
        "03:00:01.000 coffee_temp            90.0 → 90.4 °C\n"
        "                                    4 changes until 03:00:04, 90.0 to 90.4 °C\n"
        "03:00:09.000 unknown 0x5002         00 → 07\n"
    )


def test_what_ends_on_another_day_has_its_date():
    night = 21 * 3600 - 60  # at 23:59
    history = History()
    for step in range(13):
        history.add(said(night + 10 * step, 0x401C, f"{900 + step:04x}"))
        history.add(said(night + 10 * step, 0x4018, "01" if step >= 3 else "00"))
    table, comparison = StringIO(), StringIO()
    with computer_in("UTC"):
        ChangeTable(TerminalConsole(table)).write(grouped(history.changes)[0])
        found = with_changes(differences(history.at("+1s"), history.at()), history.changes)
        print_differences(found, TerminalConsole(comparison))
    assert "12 changes until 2026-11-22 00:01:00, 90.0 to 91.2 °C" in " ".join(table.getvalue().split())
    assert "°C  00:01:00\n" in comparison.getvalue()
    assert "2026-11-21 23:59:30" in comparison.getvalue()


def test_the_zone_in_force_is_that_of_the_heading_and_of_the_rows():
    file = StringIO()
    with computer_in("UTC"), in_zone(ZoneInfo("America/St_Johns")):
        ChangeTable(TerminalConsole(file)).write(_runs()[0])
    assert file.getvalue().startswith("2026-11-20, times in NST\n23:30:01.000 coffee_temp")
    assert "until 23:30:04" in file.getvalue()


def test_lines_for_programs():
    lines = [json.loads(line) for line in json_lines(_runs(), "kitchen")]
    assert [(line["name"], line["old"], line["new"], line["changes"]) for line in lines] == [
        ("coffee_temp", 90.0, 90.4, 4),
        (None, None, None, 1),
    ]
    assert lines[0]["least"], lines[0]["most"] == (90.0, 90.4)
    assert lines[1]["old_data"] == "00"
    assert lines[1]["new_data"] == "07"
    assert lines[1]["since"] == "2026-11-21T03:00:00.000000Z"
    file = StringIO()
    write_csv(_runs(), "kitchen", file)
    rows = list(csv.DictReader(StringIO(file.getvalue())))
    assert [(row["name"], row["new"], row["known"], row["unit"]) for row in rows] == [
        ("coffee_temp", "90.4", "true", "°C"),
        ("", "", "false", ""),
    ]


def test_secrets_stay_out_of_all_of_them():
    found = changes(said(0, 0x0111, "61" * 63), said(1, 0x0111, "62" * 63))
    runs = [ChangeRun(change, change) for change in found]
    assert len(runs) == 1
    file = StringIO()
    ChangeTable(TerminalConsole(file)).write(runs[0])
    write_csv(runs, "", file)
    file.writelines(json_lines(runs, ""))
    assert "6161" not in file.getvalue()
    assert "aaaa" not in file.getvalue()
    assert "** → **" in file.getvalue()
    assert "6161" in "".join(json_lines(runs, "", show_secrets=True))
