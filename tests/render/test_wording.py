from __future__ import annotations

import pytest

from lmdecode.render.sentence import value_text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("coffee_temp", 95.6, "95.6 °C"),
        ("steam_temp", 124.0, "124.0 °C"),
        ("flow_seconds", 0.5625, "0.5625 s"),
        ("days_since_built", 7337 / 24, "305.7083 d"),
        ("dose_k1", 120, "120 pulses"),
        ("power", True, "yes"),
        ("power", False, "no"),
        ("heating_state", ["pump_on", "heating_on"], "pump_on, heating_on"),
        ("heating_state", [], "none"),
        ("prebrew_flag", "prebrewing", "prebrewing"),
        ("machine_name", "", '""'),
        ("key_active", 0, "0"),
        ("front_panel_display", "\x1b[2J\x9bBREW", "\\x1b[2J\\x9bBREW"),
    ],
)
def test_values_with_their_units(name, value, text):
    assert value_text(name, value) == text
