from __future__ import annotations

import json
import os
import traceback
from pathlib import Path

import platformdirs
import pytest

from lmdecode.codec.v1.key import Key
from lmdecode.config.file import ConfigError, change, load_config, users_path

KEY = "12345678901234567890123456789012"


def test_the_file_that_users_have(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"host": "192.168.1.215", "port": "1774", "client_id": "x", "key": KEY}))
    config = load_config(path)
    assert config.key() == Key.parse(KEY)
    assert config.entries["port"] == "1774"


@pytest.mark.parametrize("escape", [True, False], ids=["escaped", "UTF-8"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a byte order mark"])
def test_a_key_above_ascii_is_latin_1(tmp_path, escape, mark):
    key = "\u00e4\u00ff" + "k" * 30
    path = tmp_path / "config.json"
    path.write_bytes(mark + json.dumps({"key": key}, ensure_ascii=escape).encode())
    assert load_config(path).key().secret == b"\xe4\xff" + b"k" * 30


def test_no_secret_in_a_repr_or_a_traceback(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"key": "hush-hush", "password": "hush-hush"}))
    config = load_config(path)
    assert "hush" not in repr(config)
    with pytest.raises(ConfigError) as caught:
        config.key()
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "null", '"text"', "\x00"])
def test_what_is_no_configuration(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"config\.json is not"):
        load_config(path)


@pytest.mark.parametrize("depth", [70, 300, 900, 985, 3000, 100_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_nested_so_deeply_that_no_walk_through_it_ends(tmp_path, depth, begin, end):
    path = tmp_path / "config.json"
    path.write_text('{"key": ' + begin * depth + "1" + end * depth + "}")
    with pytest.raises(ConfigError, match="nested too deeply"):
        load_config(path)


def test_a_huge_number_is_named_by_its_line(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"host": "h",\n "port": ' + "9" * 5000 + "}")
    with pytest.raises(ConfigError, match=r"config\.json, line 2: a number has too many digits"):
        load_config(path)


def test_what_a_killed_writer_left_goes_with_the_next_change(tmp_path):
    path = tmp_path / "config.json"
    left, at_work, other = (tmp_path / f".{name}.part" for name in ("config.json.x1", "config.json.x2", "mine.x3"))
    for part in (left, at_work, other):
        part.write_text("hush")
    for part in (left, other):
        os.utime(part, (1e9, 1e9))
    change(path, lambda entries: entries.update(host="h"))
    assert {each.name for each in tmp_path.iterdir()} == {path.name, at_work.name, other.name}


@pytest.mark.parametrize(
    "home", ["/home/owner", "/home/owner/", "/", "//host/owner", "", "relative", "/with space/é", None]
)
@pytest.mark.parametrize("named", ["/etc/xdg", "/x/../y/", "//x", "relative", "", " ", " /x", "/x ", None])
def test_the_users_folder_is_where_platformdirs_has_it(monkeypatch, home, named):
    for name, value in (("HOME", home), ("XDG_CONFIG_HOME", named)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    try:
        expected = platformdirs.user_config_path("lmdecode", appauthor=False) / "config.json"
    except RuntimeError:
        expected = Path("config.json")
    assert users_path() == expected
