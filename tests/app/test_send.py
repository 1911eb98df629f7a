from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.columns import field_kinds
from lmdecode.app.send import LastWrite, planned
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import build
from lmdecode.codec.v1.setting_change import writes
from lmdecode.codec.v1.settings import SETTINGS
from lmdecode.device.v1.changes import changes_for

NOW = datetime(2026, 11, 21)  # noqa: DTZ001 -- it has no zone
WORDS = (
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["mon", "on", "06:30", "off"])
)
WORDS |= st.datetimes() | st.times() | st.lists(st.text(max_size=5), max_size=2)


@given(
    st.sampled_from([*SETTINGS, *field_kinds()]) | st.text(max_size=12),
    st.lists(WORDS, max_size=4),
    st.dictionaries(st.sampled_from(["key", "button", "amount", "on", "off", "seconds", "what"]), WORDS, max_size=3),
)
def test_whatever_is_asked_for_makes_changes_that_can_be_written_or_is_refused_in_one_line(name, words, options):
    complaint, changes = "", []
    try:
        changes = changes_for(name, tuple(words), options, model=None, now=NOW)
    except RegisterError as error:
        complaint = str(error)
    memory = Memory()
    memory.write(0, bytes(0x4100))
    assert bool(writes(changes, memory)) is not bool(complaint)
    assert "\n" not in complaint


@pytest.mark.parametrize(
    ("name", "words", "complaint"),
    [
        ("off", (), "off is ambiguous: did you mean power off, prebrewing off or steam_boiler_enable off?"),
        ("cofee_temp", (), "did you mean coffee_set_temp?"),
        ("coffee_temp", (94,), "did you mean coffee_set_temp?"),
        ("xyzzy", (), "there are power, coffee_set_temp, "),
        ("preinfusion", (1, 2, 3), "preinfusion takes state, or button, seconds; for example preinfusion 3 4.4"),
        ("prebrew", (1, 2), "prebrew takes button, --on, --off"),
        ("backflush", (1,), "backflush takes nothing more"),
    ],
)
def test_what_cannot_be_set_is_said_once_for_the_command_and_the_api(name, words, complaint):
    with pytest.raises(RegisterError, match=re.escape(complaint)) as caught:
        changes_for(name, words, {}, model=None)
    assert caught.value.exit_code == 2


def test_what_would_be_sent_is_known_without_a_connection():
    messages, missing = planned(changes_for("dose", (2, 121), {}, model=None))
    assert [build(message) for message in messages] == [b"R00160002DB", b"W001600020079B0"]
    assert missing == ""
    messages, missing = planned(changes_for("auto_on_off", ("tue", "on"), {}, model=None))
    assert [message.kind for message in messages] == [Kind.READ]
    assert "which must be read first" in missing


def test_who_is_interrupted_is_told_of_the_last_write():
    last = LastWrite()
    last.note(Record(0, 0, "app", "", "", Kind.READ, "request", 0, 1, plaintext="R00000001D1"))
    assert last.interruption == ""
    last.note(Record(0, 0, "app", "", "", Kind.WRITE, "request", 0, 1, plaintext="W00000001013A"))
    last.note(Record(0, 0, "machine", "", "", Kind.WRITE, "response", 0, 1, plaintext="W00000001OK"))
    assert last.interruption.startswith("interrupted after W00000001013A (power) was sent")
