from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.config.file import ConfigError
from lmdecode.config.mqtt import ENTRIES, PASSWORD_VARIABLE, BrokerError, find_broker, section_problems

NONE = dict.fromkeys(("address", "username", "ca_file", "client_id", "prefix", "discovery_prefix", "config"))


@pytest.fixture(autouse=True)
def nobody_s_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("LMDECODE_CONFIG", PASSWORD_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def found(**given_):
    return find_broker(**NONE | given_)


def config(tmp_path, **section):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"mqtt": section}))
    return path


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("broker", ("broker", 1883, False, None)),
        ("broker:1884", ("broker", 1884, False, None)),
        ("mqtt://broker", ("broker", 1883, False, None)),
        ("mqtts://broker", ("broker", 8883, True, None)),
        ("mqtts://broker:8884/", ("broker", 8884, True, None)),
        ("[fe80::1]:1884", ("fe80::1", 1884, False, None)),
        ("mqtt://me@broker", ("broker", 1883, False, "me")),
    ],
)
def test_an_address_is_a_name_or_a_url(address, expected):
    broker = found(address=address)
    assert (broker.host, broker.port, broker.tls, broker.username) == expected


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    path = config(tmp_path, host="mqtts://one", username="a", password="from the file", prefix="house", port=8000)
    broker = found(config=path)
    assert (broker.host, broker.port, broker.username, broker.password) == ("one", 8000, "a", "from the file")
    monkeypatch.setenv(PASSWORD_VARIABLE, "from the environment")
    assert found(config=path, username="b").username == "b"
    assert found(config=path).password == "from the environment"
    visible = found(config=path, address="mqtt://b:p%40ss@one")
    assert (visible.password, visible.password_was_visible) == ("p@ss", True)
    assert not found(config=path).password_was_visible


def test_the_file_s_password_is_not_sent_to_another_broker(tmp_path):
    path = config(tmp_path, host="one", port=8000, username="a", password="p", prefix="house", tls=True)
    other = found(config=path, address="two")
    assert (other.username, other.password, other.port, other.tls) == (None, None, 1883, False)
    assert other.prefix == "house"
    assert found(config=path, address="one").password == "p"


def test_the_file_s_password_does_not_go_out_in_clear_because_less_was_typed(tmp_path):
    path = config(tmp_path, host="mqtts://u:p@one:8884")
    same = found(config=path, address="one")
    assert (same.tls, same.port, same.username, same.password) == (True, 8884, "u", "p")
    assert not same.password_was_visible
    assert found(config=path, address="one:9").port == 9
    for address in (None, "mqtt://one"):
        path = config(tmp_path, host="mqtt://one", tls=True, password="p")
        with pytest.raises(BrokerError, match="mqtts://"):
            found(config=path, address=address)


@pytest.mark.parametrize("text", ["me\0", "x" * 0x10000, "\udce9"])
def test_a_user_or_password_that_mqtt_cannot_carry_is_refused_and_not_shown(text, tmp_path):
    for options in ({"username": text}, {"config": config(tmp_path, host="h", username="u", password=text)}):
        with pytest.raises(BrokerError, match="characters that nobody can type") as caught:
            found(address="h", **options)
        assert text not in str(caught.value)
    with pytest.raises(BrokerError):
        replace(found(address="h", username="u"), password=text)


def test_a_password_is_shown_by_nothing(tmp_path):
    path = config(tmp_path, host="a b", username="u", password="hush")
    with pytest.raises(BrokerError) as caught:
        found(config=path)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(found(address="mqtt://u:hush@x"))
    with pytest.raises(BrokerError) as caught:
        found(address="mqtt://u:hush@bro ker")
    assert "hush" not in str(caught.value)


def test_a_misspelt_entry_is_named_with_the_nearest_that_there_is(tmp_path):
    with pytest.raises(ConfigError, match='"mqtt" has no entry "hots": did you mean host'):
        found(config=config(tmp_path, hots="x"), address="x")
    assert found(config=config(tmp_path, host="y", of_another_program=1)).host == "y"
    assert len(section_problems({"hots": 1, "xyz": 2, "tls": 3, "host": 4})) == 2


@pytest.mark.parametrize("section", [7, [], "x", {"host": 7}, {"tls": "yes"}, {"password": ["p"]}])
def test_a_section_of_another_kind_is_named(tmp_path, section):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"mqtt": section}))
    with pytest.raises(ConfigError, match="mqtt"):
        found(config=path, address="x")


def test_what_the_section_may_have_is_what_is_read(tmp_path):
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    values = {
        "host": "h", "port": 1, "username": "u", "password": "p", "tls": True, "ca_file": str(certificate),
        "client_id": "c", "prefix": "a/b", "discovery_prefix": "d",
    }  # fmt: skip
    assert values.keys() == ENTRIES.keys()
    assert section_problems(values) == []
    broker = found(config=config(tmp_path, **values))
    assert {name: str(getattr(broker, name)) for name in values} == {name: str(each) for name, each in values.items()}


@given(st.text(max_size=40) | st.from_regex(r"(\w+://)?([^@]*@)?[^:]*(:\d*)?", fullmatch=True))
def test_any_text_is_a_broker_or_refused_in_one_line(text):
    broker, complaint = None, ""
    try:
        broker = found(address=text, prefix=text or None)
    except BrokerError as error:
        complaint = str(error)
    assert "\n" not in complaint
    if broker is not None:
        assert broker.host
        assert 0 < broker.port < 65536
        assert not {"+", "#", "\0"} & {*broker.prefix}
