"""Inputs that nobody means to give: what comes of them is one line, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.cli.conftest import CAPTURES
from tests.cli.test_credentials import FORM, HOST, LOGIN, TOKENS, entry

KEY = "12345678901234567890123456789012"
PCAP = CAPTURES / "gs3av-settings.pcap"
SAMPLE = ["--config", CAPTURES / "config.json"]


@pytest.fixture
def given(command):
    """Run a command with bytes on its standard input; None closes it."""

    def run(*arguments, data=b"", **environment):
        line = [*command.line, *map(str, arguments)]
        closed = ["sh", "-c", 'exec "$@" <&-', "sh"] if data is None else []
        result = subprocess.run(
            [*closed, *line],
            cwd=command.folder,
            env=command.environment | environment,
            input=data or b"",
            capture_output=True,
            timeout=60,
            check=False,
        )
        said = result.stderr.decode()
        assert "Traceback" not in said, said
        return result.returncode, said

    return run


def complaint_of(result, expected=1):
    code, said = result
    assert code == expected
    assert len(said.splitlines()) == 1, said
    return said


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_secret_that_is_no_text(command, given, locale):
    config = command.folder / "config.json"
    config.write_text(json.dumps({"client_id": "x", "client_secret": "y", "username": "z"}))
    before = config.read_bytes()
    for arguments in (["config", "set", "password"], ["login", "--password-stdin"]):
        said = complaint_of(given(*arguments, data=b"hush\xff\xe4\n", LC_ALL=locale))
        assert "the password is not text in UTF-8" in said
        assert "hush" not in said
    assert config.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["host", b"\xff"], "the value"),
        ([b"ho\xffst", "x"], "the name"),
        (["host", "x", "--machine", b"\xff"], "--machine"),
    ],
)
def test_half_a_character_is_not_put_into_the_config(command, arguments, what):
    line = [os.fsencode(part) for part in (*command.line, "config", "set", *arguments)]
    result = subprocess.run(
        line, cwd=command.folder, env=command.environment, capture_output=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert f"{what} is not text" in complaint_of((1, result.stderr.decode()))
    assert not (command.folder / "home" / "config" / "lmdecode" / "config.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code"), [(["config", "set", "key"], 2), (["login"], 1), (["login", "--password-stdin"], 1)]
)
def test_standard_input_that_is_closed(given, arguments, code):
    complaint_of(given(*arguments, data=None), code)


def test_half_a_character_in_a_machines_name(command):
    config = command.folder / "config.json"
    machines = [{"machine_name": "bar \ud800", "key": KEY}, {"machine_name": "office", "key": "x" * 32}]
    config.write_text(json.dumps({"machines": machines}))
    result = command("decode", PCAP)
    assert result.returncode == 0, result.stderr
    assert {json.loads(line)["machine"] for line in result.stdout.splitlines()} == {"bar ?"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["decode", PCAP, "--output", "loop"],
        ["decode", PCAP, "--config", "loop"],
        ["decode", "loop", *SAMPLE],
        ["config", "set", "host", "x", "--config", "loop"],
        ["config", "show", "--config", "loop"],
        ["config", "check", "--config", "loop"],
        ["login", "--config", "loop"],
        ["credentials", "x.har", "--output", "loop"],
        ["registers", "--output", "loop"],
        ["wireshark-plugin", "--output", "loop"],
        ["harvest", "--config", "loop", "--port", "0"],
        ["simulate", "--config", "loop", "--port", "0"],
    ],
)
def test_a_link_that_leads_back_to_itself(command, given, arguments):
    loop = command.folder / "loop"
    loop.symlink_to("loop")
    (command.folder / "x.har").write_text(an_archive(LOGIN))
    complaint_of(given(*arguments, **{} if "--config" in arguments else {"LMDECODE_KEY": KEY}))
    assert loop.is_symlink()


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "set", "port", "1" * 5000],
        ["simulate", "--port", "0", "--fault", "drop:1000000" + "0" * 5000],
        ["decode", PCAP, *SAMPLE, "--where", "address=" + "1" * 5000],
    ],
)
def test_numbers_of_thousands_of_digits(given, arguments):
    code, _ = given(*arguments)
    assert code in {1, 2}


def test_a_config_with_such_a_number_as_text(command):
    config = command.folder / "config.json"
    config.write_text(json.dumps({"key": KEY, "port": "1" * 5000}))
    config.chmod(0o600)
    assert '"port" is not a port' in command.fails("config", "check", "--offline")


def an_archive(login):
    post = {"mimeType": FORM, "params": [{"name": name, "value": value} for name, value in login.items()]}
    return json.dumps({"log": {"version": "1.2", "entries": [entry("POST", "/oauth/v2/token", TOKENS, post=post)]}})


def test_control_characters_do_not_reach_the_terminal(command):
    assert HOST
    (command.folder / "x.har").write_text(an_archive(LOGIN | {"password": "hush\x1b[2J"}))
    result = command("credentials", "x.har", "--show-secrets")
    assert 'password: "hush\\u001b[2J"' in result.stdout
    assert "\x1b" not in result.stdout
    (command.folder / "config.json").write_text(
        json.dumps({"a\x1b": "b\x1b", "c": [{"d\x1b": 1}], "e\x1b": [{"f": 1}]})
    )
    assert "\x1b" not in command("config", "show", "--show-secrets").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "@/EvNHlfIE/xwlY2eKvFjXw==%", "--config"],
        ["config", "check", "--config"],
        ["simulate", "--port", "0", "--config"],
        ["simulate", "--port", "0", "--image"],
        ["simulate", "--port", "0", "--script"],
    ],
)
def test_files_without_an_end(given, arguments):
    complaint_of(given(*arguments, "/dev/zero"))


@pytest.mark.parametrize("host", ["a..b", "x" * 400])
def test_hosts_that_no_name_can_be(command, given, host):
    code, said = given("simulate", "--port", "0", "--host", host, "--key", KEY)
    assert code == 1
    assert "is not an address" in said
    config = command.folder / "config.json"
    config.write_text(json.dumps({"key": "k" * 32, "host": host}))
    config.chmod(0o600)
    assert "is not an address" in complaint_of(given("config", "check"))
