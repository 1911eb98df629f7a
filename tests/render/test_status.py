"""The table of what a machine of a newer generation reveals: titles of ours, and what no table explains behind all."""

from __future__ import annotations

from lmdecode.codec.record import Kind, Record
from lmdecode.render.status import print_status, status_entry

WAKE_UP = {"id": "A1", "days": ["monday"], "enabled": False, "steam": False, "timeOn": "6:5", "timeOff": "7:0"}


def answer(fields, extra):
    return Record(0, 0, "machine", "", "", Kind.READ, "response")._replace(fields=fields, extra=extra)


def test_values_stand_under_titles(capsys):
    answers = [
        answer({"steam_set_temp": 131.0, "model": "Linea Micra"}, {"a" * 50: 1, "empty": [], "bell": "\x07"}),
        answer({"power": True}, {"2a26": "v5", "wakeUpSleepEntries": [WAKE_UP, "?"]}),
    ]
    print_status(answers)
    assert capsys.readouterr().out.splitlines() == [
        "status",
        "  power               yes",
        "settings",
        "  steam_set_temp      131.0 °C",
        "schedule",
        "  wake_up A1          mon at 06:05, off at 07:00, disabled",
        "  wakeUpSleepEntries  ?",
        "machine",
        "  model               Linea Micra",
        "  firmware revision   v5",
        "other",
        f"  {'a' * 50}  1",
        f"  {'bell':<50}  \\x07",
    ]
    assert status_entry(answers)["power"] is True
    assert status_entry(answers)["extra"]["2a26"] == "v5"
    assert "extra" not in status_entry([answer({"power": True}, {})])


def test_what_answers_may_say_more_than_anybody_reads(capsys):
    print_status([answer({"machine_ser_num": "x" * 100_000}, {f"k{number}": number for number in range(20_000)})])
    text = capsys.readouterr().out
    assert text.splitlines()[-1].split(maxsplit=1) == ["…", "19,500 more, which --json has"]
    assert len(text) < 30_000
