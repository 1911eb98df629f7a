import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lmdecode.app.explain_json import looks_like_json, read_json
from lmdecode.codec.errors import LmdecodeError
from lmdecode.render.json_explanation import json_explanation, json_explanation_entry

TOKEN = "0123456789abcdef" * 4
PUSH = (
    "MESSAGE\ndestination:/ws/sn/MR012345/dashboard\ncontent-type:application/json\n\n"
    '{"connected":true,"widgets":[{"code":"CMNoWater","index":1,"output":{"allarm":true}}],"newThing":[1]}\0'
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


def names(quoted):
    return {
        part.path: None if part.row is None else part.row.name for section in quoted.sections for part in section.parts
    }


def shown(quoted, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(json_explanation(quoted))
    return console.file.getvalue()


def test_a_text_of_the_stream():
    quoted = read_json('{"BrewingUpdateGroup1Time": 6.188, "TankStatus": "empty", "NewThing": [1, 2]}')
    (section,) = quoted.sections
    assert section.source == "stream"
    assert section.generations == ("v3", "bluetooth")
    assert names(quoted) == {
        "BrewingUpdateGroup1Time": "flow_seconds",
        "TankStatus": "water_reservoir_contact",
        "NewThing": None,
    }
    entry = json_explanation_entry(quoted)
    values = {part["path"]: part["value"] for part in entry["documents"][0]["parts"]}
    assert values == {"BrewingUpdateGroup1Time": 6.188, "TankStatus": False, "NewThing": None}


def test_a_widget():
    quoted = read_json('{"code": "CMCoffeeBoiler", "index": 1, "output": {"targetTemperature": 94.0, "x": 1}}')
    assert names(quoted) == {"CMCoffeeBoiler.targetTemperature": "coffee_set_temp", "CMCoffeeBoiler.x": None}
    assert "94.0 °C" in shown(quoted)


@pytest.mark.parametrize("text", [PUSH, PUSH.replace("\n", "\\n"), PUSH.replace("\0", "^@"), PUSH.replace("\0", "")])
def test_a_stomp_frame_however_it_is_quoted(text):
    assert looks_like_json(text)
    quoted = read_json(text)
    assert quoted.headers[:2] == (("", "MESSAGE"), ("destination", "/ws/sn/MR012345/dashboard"))
    assert [section.source for section in quoted.sections] == ["widget", "push"]
    found = names(quoted)
    assert found["CMNoWater.allarm"] == "water_reservoir_contact"
    assert found["newThing"] is None
    assert not quoted.problems


def test_a_write_over_bluetooth():
    quoted = read_json('{"name":"SettingBoilerTarget","parameter":{"identifier":"CoffeeBoiler1","value":94.0}}\0')
    assert [section.source for section in quoted.sections] == ["write"]
    assert "coffee_set_temp" in names(quoted).values()


def test_a_dict_of_a_log():
    quoted = read_json("{'serialNumber': 'MR012345', 'connected': True, 'bleAuthToken': '" + TOKEN + "'}")
    assert names(quoted)["serialNumber"] == "machine_ser_num"
    assert TOKEN not in shown(quoted)
    assert TOKEN not in json.dumps(json_explanation_entry(quoted))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"bleAuthToken": TOKEN}),
        json.dumps({"coffeeStation": {"coffeeMachine": {"bleAuthToken": TOKEN}}}),
        f"CONNECT\nhost:lion.lamarzocco.io\nAuthorization:Bearer {TOKEN}\n\n\0",
    ],
)
def test_secrets_are_masked_unless_they_are_asked_for(text):
    quoted = read_json(text)
    assert TOKEN not in shown(quoted) + json.dumps(json_explanation_entry(quoted)) + repr(quoted)
    assert TOKEN in repr(read_json(text, show_secrets=True))


@pytest.mark.parametrize("text", ['{"a": ', "{", "[1, 2", "{'a'"])
def test_what_is_no_json(text):
    try:
        quoted = read_json(text)
    except LmdecodeError as error:
        assert "\n" not in str(error)  # noqa: PT017 -- either is right, as long as it is said
    else:
        assert quoted.problems


@given(json_values)
def test_any_json_is_taken_apart(value):
    text = json.dumps([value] if not isinstance(value, dict | list) else value)
    try:
        quoted = read_json(text)
    except LmdecodeError:
        return
    json.dumps(json_explanation_entry(quoted))
    for width in (40, 80, 140):
        shown(quoted, width)


@given(st.text(max_size=200))
def test_any_text_is_understood_or_refused(text):
    for given_text in (text, "{" + text, "MESSAGE\n" + text):
        try:
            quoted = read_json(given_text)
        except LmdecodeError as error:
            assert "\n" not in str(error)  # noqa: PT017 -- either is right, as long as it is said
        else:
            shown(quoted)
