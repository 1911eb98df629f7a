"""Changes that are put together, and the names by which they are asked for."""

from __future__ import annotations

from lmdecode.analysis.changes import grouped, names_of, ticks
from lmdecode.analysis.memory_history import History
from tests.analysis.saying import said, took, wrote


def changes(*records):
    history = History()
    for record in records:
        history.add(record)
    return history.changes


def temperatures(*tenths, start=0, every=3):
    return [said(start + every * index, 0x401C, f"{each:04x}") for index, each in enumerate(tenths)]


def shown(runs):
    return [(run.first.place.name, run.changes, run.least, run.most) for run in runs]


def test_a_number_that_moves_is_one_line_until_it_rests():
    found = changes(*temperatures(900, 905, 903, 910), *temperatures(911, 912, start=100))
    assert shown(grouped(found)) == [
        ("coffee_temp", 3, 90.0, 91.0),
        ("coffee_temp", 1, None, None),
        ("coffee_temp", 1, None, None),
    ]
    assert [change for run in grouped(found) for change in (run.first, run.last)][:2] == [found[0], found[2]]


def test_the_same_bits_to_and_fro_are_one_line():
    levels = ["10", "30", "10", "30", "31", "30"]
    found = changes(*(said(3 * index, 0x401B, level) for index, level in enumerate(levels)))
    assert [(sorted(names_of(run.first) - {"heating_state"}), run.changes) for run in grouped(found)] == [
        (["coffee_heater_on"], 3),
        (["pump_on"], 1),
        (["pump_on"], 1),
    ]


def test_what_was_written_stands_alone():
    records = [said(0, 0x0016, "0078")]
    for number in range(1, 5):
        dose = wrote(number, 0x0016, f"00{number:02x}")
        records += [dose, took(number + 0.1, dose)]
    assert [run.changes for run in grouped(changes(*records))] == [1, 1, 1, 1]


def test_flags_stand_alone_and_unknown_bytes_do_not():
    for address, lines in ((0x4018, 4), (0x5002, 1)):
        found = changes(*(said(index, address, f"0{index % 2}") for index in range(5)))
        assert len(grouped(found)) == lines


def test_the_clock_ticks():
    (change,) = changes(said(0, 0x0300, "001a0906020115"), said(1, 0x0300, "011a0906020115"))
    assert ticks(change.place)
    assert names_of(change) == {"clock", "second"}
    (change,) = changes(*temperatures(900, 905))
    assert not ticks(change.place)


def test_a_change_has_the_names_of_what_follows_from_it():
    (change,) = changes(said(0, 0x0311, "06"), said(1, 0x0311, "07"))
    assert names_of(change) == {"mon_on_hour", "mon_on_time"}
    (change,) = changes(said(0, 0x5002, "06"), said(1, 0x5002, "07"))
    assert names_of(change) == frozenset()
