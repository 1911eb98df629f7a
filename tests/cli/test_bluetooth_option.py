"""`--bluetooth` has a value or none: which words are taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.cli._common.bluetooth import is_device, with_value
from lmdecode.codec.v1.settings import SETTINGS

OPTION = "--bluetooth"


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("status --bluetooth", "status --bluetooth="),
        ("status --bluetooth --json", "status --bluetooth= --json"),
        ("status --bluetooth MICRA_MR012345 --json", "status --bluetooth=MICRA_MR012345 --json"),
        ("status --bluetooth=kitchen", "status --bluetooth=kitchen"),
        ("get --bluetooth coffee_temp", "get --bluetooth= coffee_temp"),
        ("send coffee-temp --bluetooth 93.5", "send coffee-temp --bluetooth= 93.5"),
        ("send power --bluetooth MR012345 on", "send power --bluetooth=MR012345 on"),
        ("status --bluetooth A0:B1:C2:D3:E4:F5", "status --bluetooth=A0:B1:C2:D3:E4:F5"),
        ("status --bluetooth --bluetooth MR012345", "status --bluetooth= --bluetooth=MR012345"),
        ("status -- --bluetooth MR012345", "status -- --bluetooth MR012345"),
    ],
)
def test_what_is_taken_for_its_value(typed, taken):
    assert with_value(typed.split(), OPTION) == taken.split()


@pytest.mark.parametrize(
    "name",
    [
        *("MICRA_MR012345", "MINI_LM012345", "GS3_GS012345", "GS3AV_GS012345", "LINEAR_LM012345", "GS3", "MR012345"),
        "01234567-89AB-CDEF-0123-456789ABCDEF",
    ],
)
def test_names_of_machines(name):
    assert is_device(name)


@pytest.mark.parametrize("word", [*SETTINGS, "coffee-temp", "on", "off", "standby", "30", "mon-fri", "06:30", "micra"])
def test_words_of_commands_are_none(word):
    assert not is_device(word)


@given(st.lists(st.sampled_from([OPTION, "--", "MR012345", "coffee_temp", "--json", ""])))
def test_no_other_word_is_lost(words):
    taken = with_value(words, OPTION)
    before = words[: words.index("--")] if "--" in words else words
    values = {place for place, each in enumerate(before) if each == "MR012345" and place and words[place - 1] == OPTION}
    assert OPTION not in (taken[: taken.index("--")] if "--" in taken else taken)
    assert [each for each in taken if not each.startswith(f"{OPTION}=")] == [
        each for place, each in enumerate(words) if place >= len(before) or (each != OPTION and place not in values)
    ]
