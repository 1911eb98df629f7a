"""Which key is taken, shown by whether a frame decrypts."""

from __future__ import annotations

import base64
import json

import pytest

KEY = "12345678901234567890123456789012"
WRONG = "x" * 32
FRAME = "@/EvNHlfIE/xwlY2eKvFjXw==%"


def write_config(path, key=KEY):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"host": "192.168.1.215", "port": "1774", "key": key}), encoding="utf-8")
    return path


@pytest.mark.parametrize("key", [KEY, "hex:" + KEY.encode().hex(), "base64:" + base64.b64encode(KEY.encode()).decode()])
def test_each_form_of_a_key(command, key):
    assert "R40000023DB" in command("explain", FRAME, "--key", key).stdout


def test_the_option_comes_before_the_environment(command):
    assert "R40000023DB" in command("explain", FRAME, "--key", KEY, LMDECODE_KEY=WRONG).stdout


def test_the_config_option_comes_before_the_environment(command):
    config = write_config(command.folder / "other.json")
    assert "R40000023DB" in command("explain", FRAME, "--config", config, LMDECODE_KEY=WRONG).stdout


@pytest.mark.parametrize("content", ["{}", '{"key": ""}', None], ids=["no key", "an empty key", "no file"])
def test_a_config_that_is_named_is_not_passed_over(command, content):
    config = command.folder / "other.json"
    if content is not None:
        config.write_text(content)
    assert "other.json" in command.fails("explain", FRAME, "--config", config, code=2, LMDECODE_KEY=KEY)


def test_the_environment_comes_before_the_folder(command):
    write_config(command.folder / "config.json", WRONG)
    assert "R40000023DB" in command("explain", FRAME, LMDECODE_KEY=KEY).stdout


def test_the_config_option_comes_before_the_folder(command):
    write_config(command.folder / "config.json", WRONG)
    config = write_config(command.folder / "other.json")
    assert "R40000023DB" in command("explain", FRAME, "--config", config).stdout


def test_this_folder_comes_before_the_users(command):
    write_config(command.folder / "home" / "config" / "lmdecode" / "config.json", WRONG)
    write_config(command.folder / "config.json")
    assert "R40000023DB" in command("explain", FRAME).stdout


@pytest.mark.parametrize("here", [None, ""], ids=["no file here", "a file without a key here"])
def test_the_users_folder_comes_last(command, here):
    if here is not None:
        write_config(command.folder / "config.json", here)
    write_config(command.folder / "home" / "config" / "lmdecode" / "config.json")
    assert "R40000023DB" in command("explain", FRAME).stdout


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("too short", "the key has 9 bytes; it must have 32"),
        ("", "--key is empty"),
        ("hex:31", "1 bytes after hex:"),
        ("€" * 32, "above U+00FF"),
        ("\u00c3\u00a4" * 4 + "a" * 28, "UTF-8 read as latin-1"),
    ],
)
def test_a_key_that_is_none(command, key, words):
    complaint = command.fails("explain", FRAME, "--key", key, code=2)
    assert words in complaint
    assert len(complaint.splitlines()) == 1
    assert len(key) < 9 or key not in complaint


def test_a_key_that_is_none_in_the_environment_says_so(command):
    complaint = command.fails("explain", FRAME, code=2, LMDECODE_KEY="short")
    assert complaint.startswith("lmdecode: LMDECODE_KEY: the key has 5 bytes")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not JSON"),
        ("[]", "not a configuration file"),
        ('{"key": 7}', "is not text"),
        ('{"key": "short"}', "has 5 bytes"),
        ('{"host": "x"}', 'has no "key"'),
        ('{"key": "secret-that-must-not-show', "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"port": ' + "1" * 5000 + "}", "a number has too many digits"),
    ],
)
def test_a_config_that_cannot_be_used(command, content, words):
    path = command.folder / "config.json"
    path.write_text(content)
    complaint = command.fails("explain", FRAME, code=2 if words == 'has no "key"' else 1)
    assert words in complaint
    assert "must-not-show" not in complaint
    assert len(complaint.splitlines()) == 1


def test_a_config_that_is_not_there(command):
    assert "there is no file nowhere.json" in command.fails("explain", FRAME, "--config", "nowhere.json", code=2)


def test_a_config_that_is_a_folder(command):
    assert "is a folder" in command.fails("explain", FRAME, "--config", command.folder, code=2)


def test_a_config_in_latin_1(command):
    (command.folder / "config.json").write_bytes('{"key": "ä"}'.encode("latin-1"))
    assert "is not UTF-8" in command.fails("explain", FRAME)
