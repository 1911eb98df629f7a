from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.columns import field_kinds
from lmdecode.api.arguments import as_keyword
from lmdecode.app.live import window_of
from lmdecode.app.send import changes_for
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.setting_change import writes
from lmdecode.codec.v1.settings import SETTINGS
from lmdecode.codec.v1.windows import LARGEST_READ

NOW = datetime(2026, 11, 21)  # noqa: DTZ001 -- it has no zone
WORDS = (
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["mon", "on", "06:30", "off"])
)
WORDS |= st.datetimes() | st.times() | st.lists(st.text(max_size=5), max_size=2)


@given(
    st.sampled_from([*SETTINGS, *field_kinds()]) | st.text(max_size=12),
    st.lists(WORDS, max_size=4),
    st.dictionaries(st.sampled_from(["key", "amount", "on", "off", "seconds", "what"]), WORDS, max_size=3),
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


@pytest.mark.parametrize("name", [name for name in field_kinds() if not by_name(name) or by_name(name)[0].readable])
def test_every_value_can_be_had_with_one_read(name):
    address, length = window_of(name)
    assert 0 < length <= LARGEST_READ
    assert 0 <= address <= 0xFFFF


def test_options_become_arguments():
    assert as_keyword("give --show-secrets, or --on") == "give show_secrets=, or on="
    assert as_keyword("a--host, 1 -- 2") == "a--host, 1 -- 2"
    assert as_keyword("give --yes to do it") == "give yes=True to do it"
