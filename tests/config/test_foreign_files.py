"""Files that are no configuration: broken by hand, or another program's. Each is named by its line and its entry."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.config.check import problems
from lmdecode.config.file import ConfigError, load_config

SECRET = "hush" * 8
WHOLE = f"""{{
  "host": "192.168.1.215",
  "port": "1774",
  "key": "{SECRET}"
}}
"""


@pytest.fixture
def complaint(tmp_path):
    def complaint(content):
        path = tmp_path / "config.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        text = str(caught.value)
        assert SECRET not in text
        assert len(text.splitlines()) == 1
        return text.removeprefix(str(path))

    return complaint


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('215",', '215"', 'line 2, after "host": a comma is missing'),
        ('",\n  "key"', '" "key"', 'line 3, after "port": a comma is missing'),
        (f'{SECRET}"', f'{SECRET}",', 'line 4, after "key": a comma too many at the end'),
        ('  "port"', '  // the usual one\n  "port"', 'line 3, after "host": JSON has no comments'),
        ('  "port"', '  # the usual one\n  "port"', 'line 3, after "host": JSON has no comments'),
        ('"1774",', '"1774", /* usual */', 'line 3, after "port": JSON has no comments'),
        ('"1774"', '"17\x0074"', 'line 3, after "port": a character in a text that no one sees (U+0000)'),
        ('"1774"', '"17\t74"', 'line 3, after "port": a tab in a text: JSON wants \\t'),
        ('"1774"', "'1774'", 'line 3, after "port": single quotes'),
        ('"port"', "'port'", 'line 3, after "host": single quotes'),
        ('"1774"', "\u201c1774\u201d", 'line 3, after "port": curly quotes'),
        ('"port"', "\u201eport\u201c", 'line 3, after "host": curly quotes'),
        ('"port"', "port", 'line 3, after "host": the name is not in double quotes'),
        ('"1774"', "None", 'line 3, after "port": JSON writes true, false and null'),
        ('"1774"', "tcp", 'line 3, after "port": the value is neither a number nor in double quotes'),
        ('"1774"', "", 'line 3, after "port": a value is missing'),
        ('"port":', '"port"', "line 3"),
        ('"1774",', '"1774,', 'line 3, after "port": a text continues past the end of its line'),
        ('"1774"', '"17\\74"', 'line 3, after "port": a lone \\'),
        ('"1774"', '"17"74"', 'line 3, after "port": a comma is missing, or a " inside a text'),
        (f'{SECRET}"\n}}\n', SECRET, 'line 4, after "key": a text begins there and does not end'),
        ("}\n", "", 'line 4, after "key": it is cut off there'),
        ("}\n", '}\n{"host": "h"}', 'line 6, after "key": another object begins: make them one, with "machines"'),
        ("}\n", "}}\n", 'line 5, after "key": something follows the end of the object'),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_broken_by_hand(complaint, old, new, words, ends, mark):  # noqa: PLR0917
    assert WHOLE.count(old) == 1
    text = WHOLE.replace(old, new).replace("\n", ends)
    assert f" is not JSON: {words}" in complaint(mark + text.encode())


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@given(st.data())
def test_whatever_is_broken_has_a_line_and_no_secret(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "broken.json"
    start, length = data.draw(st.integers(0, len(WHOLE))), data.draw(st.integers(0, 9))
    text = WHOLE[:start] + data.draw(st.text("{}[]\",:'#/\\ \n=aT1", max_size=3)) + WHOLE[start + length :]
    path.write_text(text)
    complaints = []
    with contextlib.suppress(ConfigError):
        complaints = [str(each) for each in problems(load_config(path))]
    if not complaints and not is_json(text):
        with pytest.raises(ConfigError, match=r"line |it is empty") as caught:
            load_config(path)
        complaints = [str(caught.value)]
    for each in complaints:
        assert "hushhush" not in each
        assert len(each.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not JSON: it is empty"),
        (" \n", "is not JSON: it is empty"),
        ("host: 192.168.1.215\nkey: " + SECRET, 'line 1, "host": this is YAML; lmdecode reads JSON: {"host"'),
        ("# secrets.yaml\nwifi_password: x\nlm_key: " + SECRET, 'line 2, "wifi_password": this is YAML'),
        ("---\nlamarzocco:\n  host: h\n  key: " + SECRET, 'line 3, "host": this is YAML'),
        ("- platform: rest\n  resource: x\n", "line 1: this is YAML"),
        ('title = "x"\n[machine]\nkey = "' + SECRET + '"', 'line 1, "title": this is TOML'),
        ('[machine]\nhost = "h"\nkey = "' + SECRET + '"', 'line 2, "host": this is TOML'),
        ("export LMDECODE_KEY=" + SECRET, "line 1: this is TOML"),
        ("<html>", "line 1: this is XML"),
        ('[{"host": "h"}]', 'line 1: it is a list; a list of machines has a name: {"machines": […]}'),
        ("[]", "line 1: it is a list and must be one JSON object"),
        ("7", "line 1: it is a single value"),
        ('{\n"version": 1,\n"key": "core.config_entries",\n"data": {"entries": []}}',
         ', line 3: this is a file of Home Assistant, whose "key"'),
        ('{"log": {"version": "1.2", "entries": []}}', ", line 1: this is an HTTP archive (HAR)"),
        ('{"data": {"fleet": [\n{"communicationKey": "' + SECRET + '"}]}}', ", line 2: this is an answer of the cloud"),
        (WHOLE.encode("utf-16"), "it seems to be UTF-16, as PowerShell writes it"),
        (WHOLE.replace('"1774"', '"\u00e4"').encode("latin-1"), "is not UTF-8: line 3 has an invalid byte"),
    ],
)  # fmt: skip
def test_files_of_others(complaint, content, words):
    assert words in complaint(content)


def test_what_other_tools_call_it_is_told(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"ip_addr": "h", "clientId": "i", "client_secret": "s", "serial": "x"}, indent=1))
    path.chmod(0o600)
    found = [str(each).removeprefix(str(path)) for each in problems(load_config(path))]
    assert found[:3] == [
        f', line {line}: "{name}" is not an entry that lmdecode knows: did you mean "{near}"?'
        for line, name, near in ((2, "ip_addr", "host"), (3, "clientId", "client_id"), (5, "serial", "serial_number"))
    ]
