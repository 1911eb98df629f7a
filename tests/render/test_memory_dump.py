"""The annotated hexdump."""

from __future__ import annotations

from io import StringIO

import pytest

from lmdecode.codec.v1.memory import Memory
from lmdecode.render.memory_dump import Dump, print_dump
from lmdecode.render.terminal import TerminalConsole

NOON = 1_795_262_400 * 10**9


def dumped(runs, addresses=range(0x10000), *, width=80, **options):
    memory = Memory()
    for address, digits in runs.items():
        memory.write(address, bytes.fromhex(digits))
    file = StringIO()
    console = TerminalConsole(file)
    console.width = width
    print_dump(Dump(memory=memory, addresses=addresses, **options), console)
    return file.getvalue().splitlines()


def test_rows_with_their_registers(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    lines = dumped({0x4018: "0100005003CA04DF0002"}, changed={0x401D: NOON, 0x4021: NOON})
    assert lines[0] == "  … 0x0000 to 0x4017 never seen"
    assert lines[1].startswith("0x4018  01 00 00 50 03 CA 04 DF  water_reservoir_contact  yes  seen")
    assert lines[4].split() == ["coffee_temp", "97.0", "°C", "seen", "12:00:00"]
    assert lines[6].startswith("0x4020  00 02 ·· ·· ·· ·· ·· ··  mystery_1  0")
    assert lines[7].split() == ["mystery_2", "2", "unknown", "12:00:00"]
    assert lines[8] == "  … 0x4028 to 0xFFFF never seen"
    assert len(lines) == 9


@pytest.mark.parametrize("width", [72, 80, 119, 120, 200])
def test_no_line_is_wider_than_the_terminal(width):
    everything = dict.fromkeys(range(0, 0x10000, 0x400), "41" * 0x400)
    for line in dumped(everything, range(0x7000), width=width, show_secrets=True):
        assert len(line) <= width
        assert line == line.rstrip()


def test_wide_terminals_have_sixteen_bytes_a_row():
    lines = dumped({0x4000: "00" * 0x20}, range(0x4000, 0x4020), width=120)
    assert [line[:6] for line in lines if line.startswith("0x")] == ["0x4000", "0x4010"]


def test_a_range_shows_its_bytes_only_and_the_register_that_it_begins_in():
    lines = dumped({0x4000: "00" * 0x20}, range(0x401D, 0x401F))
    assert len(lines) == 2
    assert lines[0].split() == ["0x4018", "00", "00", "coffee_temp", "0.0", "°C", "seen"]
    assert lines[1].split() == ["steam_temp", "0.0", "°C", "seen"]


def test_bytes_that_are_no_value_say_so():
    assert "0x98 is none of C, F" in dumped({0x4063: "98"}, range(0x4063, 0x4064))[0]
    assert "seen in part" in dumped({0x401C: "03"}, range(0x401C, 0x401D))[0]


def test_secrets():
    account = "73656372657421"
    hidden = "\n".join(dumped({0x0111: account}, range(0x0100, 0x0150)))
    assert hidden.count("**") == 7
    assert "73 65" not in hidden
    assert "--show-secrets shows it" in hidden
    masked = "\n".join(dumped({}, range(0x0100, 0x0150), masked=frozenset({0x0111, 0x0112})))
    assert masked.count("**") == 2
    shown = "\n".join(dumped({0x0111: account}, range(0x0100, 0x0150), show_secrets=True))
    assert "73 65 63" in shown
    assert "**" not in shown


def test_nothing_seen():
    assert dumped({}) == ["  … 0x0000 to 0xFFFF never seen"]
    assert dumped({}, range(5, 6)) == ["  … 0x0005 never seen"]
