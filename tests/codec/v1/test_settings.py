"""The settings, and the names that people type for them."""

from __future__ import annotations

import contextlib
import re
import shlex
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS, by_name
from lmdecode.codec.v1.setting_change import change
from lmdecode.codec.v1.setting_words import values_for
from lmdecode.codec.v1.settings import SETTINGS, is_former, is_value, present_name, setting_named, writable_names
from tests.codec.v1.test_setting_words import values

NOW = datetime.fromisoformat("2026-11-21T09:30:15")


def test_each_register_that_an_owner_may_write_has_a_setting():
    reached = set()
    for setting in SETTINGS.values():
        for target in setting.targets:
            stem = target.replace("{button}", "").replace("{day}", "")
            reached |= {row.name for row in REGISTERS if row.writable and stem and row.name.startswith(stem)}
    rest = {row.name for row in REGISTERS if row.writable} - reached
    assert {name for name in rest if not name.endswith(("_hour", "_min"))} == {"auto_bitfield"}  # bit by bit


def test_the_examples_are_right():
    for setting in SETTINGS.values():
        chosen = SETTINGS[setting.alternative] if setting.alternative else setting
        words, options = [], {}
        rest = shlex.split(setting.example)
        while rest:
            word = rest.pop(0)
            if word.startswith("--"):
                options[word[2:]] = rest.pop(0)
            else:
                words.append(word)
        if words or not setting.parameters:
            assert values(chosen.name, *words, **options)


def test_a_setting_that_writes_one_register_is_called_as_it_is():
    for setting in SETTINGS.values():
        (target, *others) = setting.targets
        if not others and "{" not in target and len(setting.parameters) == 1 and setting.shown == "":
            assert setting.name == target
        assert "-" not in setting.name
        assert setting.shown == "" or is_value(setting.shown)


@pytest.mark.parametrize(
    ("typed", "name", "former"),
    [
        ("coffee-temp", "coffee_set_temp", True),
        ("coffee_temp", "coffee_temp", False),
        ("coffee-set-temp", "coffee_set_temp", False),
        ("Steam-Boiler", "steam_boiler_enable", True),
        ("hot_water_dose", "dose_hot_water", True),
        ("prebrew-mode", "prebrew_flag", True),
        ("auto-on-off", "auto_on_off", False),
        ("dose-k2", "dose_k2", False),
        ("machine_running_seconds", "machine_running_minutes", False),
        ("nonsense-name", "nonsense-name", False),
    ],
)
def test_each_thing_has_one_name_and_others_are_accepted(typed, name, former):
    assert (present_name(typed), is_former(typed)) == (name, former)


@pytest.mark.parametrize("name", writable_names())
def test_every_writable_register_is_a_setting_with_an_example(name):
    setting = setting_named(name)
    (parameter,) = setting.parameters
    found = values_for(setting, {parameter.name: setting.example}, now=NOW)
    assert list(found) == [name]
    assert not change(name, found[name]).hazard
    assert parameter.range_text


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("coffee_temp", "coffee_temp is what the machine reports, and cannot be set: did you mean coffee_set_temp?"),
        ("steam_temp", "did you mean steam_set_temp?"),
        ("enable_prebrewing", "did you mean prebrewing?"),
        ("drinks_k1", "drinks_k1 can only be read, as with `lmdecode get drinks_k1`"),
        ("pump_on", "pump_on can only be read"),
        ("temp", "did you mean coffee_set_temp or steam_set_temp?"),
        ("coffee", "did you mean coffee_set_temp?"),
        ("boiler", "did you mean steam_boiler_enable?"),
        ("cofee-temp", "did you mean coffee_set_temp?"),
        ("dose_k9", "did you mean dose?"),
    ],
)
def test_a_name_that_cannot_be_set_leads_to_what_can(name, complaint):
    with pytest.raises(RegisterError, match=re.escape(complaint)):
        setting_named(name)


@given(st.sampled_from([row.name for row in (*REGISTERS, *DERIVED) if row.name]) | st.text(max_size=12))
def test_a_suggestion_is_always_something_that_can_be_set(name):
    said = ""
    with contextlib.suppress(RegisterError):
        try:
            setting_named(name)
        except RegisterError as error:
            said = str(error)
    _, asked, meant = said.partition("did you mean ")
    if asked and " is ambiguous" not in said:
        for each in meant.rstrip("?").split(" or "):
            assert setting_named(each)
            rows = by_name(each)
            assert each in SETTINGS or not rows or rows[0].writable
