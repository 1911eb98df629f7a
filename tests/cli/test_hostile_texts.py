"""No text from a file, the configuration, the network or the command line is obeyed by the terminal that shows it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer.main

from lmdecode.cli.app import make_app
from lmdecode.device.discovery import Found
from lmdecode.render.records import format_named, format_names
from tests.cli.conftest import CAPTURES, KEY
from tests.cli.hostile import EVIL, NAME, Files, obeyed
from tests.cli.hostile_machine import hostile_machine
from tests.cli.pseudo_terminal import Terminal

SAMPLE = CAPTURES / "gs3av-settings.pcap"
TEXTS = [name for name in format_names() if not format_named(name).binary]


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    return Terminal(monkeypatch)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("hostile"))


def of_captures(*command: str, formats: list[str]) -> Callable[[Files], Iterator[list[Any]]]:
    """A command over captures: each kind of file in the first format, and one file in all formats."""

    def lines(files: Files) -> Iterator[list[Any]]:
        for number, path in enumerate((files.capture, files.export, files.log, files.junk, files.har)):
            for form in formats if number < 2 else formats[:1]:
                yield [*command, path, "--config", files.config, *(("-f", form) if form else ())]
        yield [*command, files.folder / f"{NAME}.missing", "--config", files.config]

    return lines


ASKED = ("from records", "from captures", f"select '{EVIL}' as \"{EVIL}\"", f'select "{EVIL}" from records')


def nothing(_files: Files) -> Iterator[list[Any]]:
    return iter(())


FILES: dict[str, Callable[[Files], Iterator[list[Any]]]] = {
    "decode": of_captures("decode", formats=TEXTS),
    "report": of_captures("report", "-o", "report.html", "--title", EVIL, formats=[""]),
    "shots": of_captures("shots", formats=["table", "csv"]),
    "redact": lambda files: (
        ["redact", path, "copy", "--config", files.config, *as_json]
        for path in (files.capture, files.export, files.log, files.junk, files.har)
        for as_json in ([], ["--json"])
    ),
    "export": lambda files: (
        ["export", path, files.capture, "--to", f"years{NAME[:4]}", "--config", files.config, *as_json]
        for path in (files.export, files.junk, files.log, files.folder / f"{NAME}.missing")
        for as_json in ([], ["--json"])
    ),
    "query": lambda files: (
        line
        for line in (
            ["export", files.capture, files.export, files.junk, "--to", "years", "--config", files.config],
            ["query", files.folder, EVIL],
            ["query", files.folder / NAME, "select 1"],
            *(["query", "years", sql, "-f", form] for form in ("table", "jsonl", "csv") for sql in ASKED),
        )
    ),
    "identify": of_captures("identify", formats=["table", "json"]),
    "memory": lambda files: (
        line
        for path in (files.capture, files.export, files.image, files.junk)
        for line in (
            ["memory", path, "--config", files.config],
            ["memory", path, "--config", files.config, "-f", "json"],
        )
    ),
    "changes": of_captures("changes", "--all", formats=["table", "jsonl", "csv"]),
    "diff": lambda files: (
        ["diff", files.image, path, "--config", files.config, "-f", form]
        for path in (files.capture, files.export, files.image)
        for form in ("table", "jsonl")
    ),
    "check": of_captures("check", formats=["table", "jsonl"]),
    "unknowns": of_captures("unknowns", formats=["table", "jsonl"]),
    "keys check": of_captures("keys", "check", formats=["table", "json"]),
    "credentials": lambda files: iter([["credentials", path, "--show-secrets"] for path in (files.har, files.junk)]),
    "config show": lambda files: iter([["config", "show", "--config", files.config, "--show-secrets"]]),
    "config check": lambda files: iter([["config", "check", "--config", each] for each in (files.config, files.junk)]),
    "config set": lambda files: iter([["config", "set", "host", EVIL, "--config", files.folder / f"{NAME}.new"]]),
    "login": lambda files: iter([["login", "--config", each] for each in (files.config, files.junk)]),
    "simulate": lambda files: iter(
        [
            ["simulate", "--port", "0", option, path]
            for option in ("--script", "--image", "--capture", "--config")
            for path in (files.junk,)
        ]
    ),
    "status": lambda files: iter([["status", "--config", files.config]]),
    "get": lambda files: iter([["get", "power", "--config", files.config], ["get", EVIL, "--config", files.config]]),
    "watch": lambda files: iter([["watch", "--config", files.config]]),
    "scan": lambda files: iter([["scan", "--config", files.config, "--resume", files.image]]),
    "replay": lambda files: iter([["replay", files.capture, "--config", files.config, "--host", "127.0.0.1"]]),
    "send": lambda files: iter([["send", "read", "0x4000", "4", "--config", files.config]]),
    "discover": nothing,  # see below
    "explain": lambda files: iter([["explain", "@/EvNHlfIE/xwlY2eKvFjXw==%", "--config", files.junk]]),
    "registers": nothing,  # its own data only
    "wireshark-plugin": lambda files: iter([["wireshark-plugin", "-o", files.folder / NAME / "x.lua"]]),
    "doctor": lambda files: iter([["doctor", "--config", each] for each in (files.config, files.junk)]),
    "samples": lambda files: iter([["samples", files.folder / NAME], ["samples", files.junk]]),
    "addon-path": lambda _files: iter([["addon-path", EVIL]]),
    "bridge": lambda files: iter(
        [
            ["bridge", "--once", "--mqtt", broker, "--config", each]
            for broker, each in ((EVIL, files.config), ("127.0.0.1:1", files.config), ("127.0.0.1:1", files.junk))
        ]
    ),
    "harvest": nothing,  # its screen has texts of its own only; the command line is below
}


def commands() -> Iterator[tuple[str, Any]]:
    def below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        for name, each in (inner or {}).items():
            yield from below(each, f"{path} {name}".strip())
        if not inner:
            yield path, command

    return below(typer.main.get_command(make_app([])), "")


COMMANDS = dict(commands())


def check(terminal: Terminal, line: list[Any]) -> str:
    said, code = terminal.run(*line)
    folded = "csv" in line or "discover" in line  # what follows an escaped line end may stand on a line of its own
    assert (found := obeyed(said, lines=not folded)) is None, f"{line}: {found}"
    assert "Traceback" not in said
    assert "fault of lmdecode" not in said, said
    assert code in {0, 1, 2, 3}
    return said


def test_the_enemys_texts_would_be_obeyed():
    assert obeyed(EVIL)
    assert all(map(obeyed, ["\x1b]0;x", "\x1b[2J", "\x9b2J", "\u202ex", "a\nFORGED", "\udc9b", "\x7f"]))
    assert not obeyed("\x1b[1;31m┏━━ 95.6 °C 👨\u200d👩\u200d👧\x1b[0m\r\n\t")


def test_every_command_is_tried():
    """A new command is tried on a hostile terminal too: say here with which files."""
    assert {name.split()[0] for name in COMMANDS} == {name.split()[0] for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_files_and_configurations(terminal, files, name):
    for line in FILES[name](files):
        check(terminal, line)


WHOLE = {  # what a command needs before its options are looked at
    "captures": [SAMPLE],
    "capture": [SAMPLE],
    "source": [SAMPLE],
    "sources": [SAMPLE],
    "files": [SAMPLE],
    "messages": ["R40000020D8"],
    "address": ["0x4000"],
    "length": ["4"],
    "data": ["00"],
    "name": ["host"],
}
SAFE = {  # so that nothing is served, and nobody is asked, if what is evil is taken for good
    "simulate": ["--speed", "nan"],
    "harvest": ["--port", "none"],
    "login": ["--cloud-url", "http://127.0.0.1:1"],
    "discover": ["--timeout", "nan"],
}


# All settings have the options of dose, so one of them is enough.
LINES = [name for name in COMMANDS if not name.startswith("send ") or name in {"send read", "send dose"}]


@pytest.mark.parametrize("name", LINES)
def test_command_lines(terminal, name):
    """Each option and argument of each command is evil once."""
    command = COMMANDS[name]
    live = any("--host" in each.opts for each in command.params) and name not in {"simulate", "harvest"}
    for parameter in command.params:
        if getattr(parameter, "is_flag", False) or parameter.name == "help":
            continue
        line: list[Any] = name.split()
        for each in command.params:
            if each.param_type_name == "argument" and (each is parameter or each.required):
                line += [EVIL] if each is parameter else WHOLE.get(each.name, ["1"])
        if parameter.param_type_name != "argument":
            line += [parameter.opts[0], EVIL]
        if live and parameter.opts[0] not in {"--host", "--port", "--config", "--machine"}:
            line += ["--host", "127.0.0.1", "--port", "1"]
        if live and parameter.opts[0] not in {"--key", "--config", "--machine"}:
            line += ["--key", KEY]
        check(terminal, [*line, *SAFE.get(name, [])])


@pytest.mark.parametrize("line", [[EVIL], [f"--{EVIL}"], ["send", EVIL], ["keys", EVIL], ["decode", f"-{EVIL}"]])
def test_words_that_are_no_command(terminal, line):
    check(terminal, line)


LIVE = [
    ["status"],
    ["status", "--json"],
    ["status", "front_panel_display", "machine_name"],
    ["get", "front_panel_display"],
    ["get", "front_panel_display", "cloud_broker", "--json"],
    ["send", "dose"],
    ["watch", "--duration", "1s"],
    ["watch", "--duration", "1s", "--fields", "front_panel_display,machine_name"],
    ["watch", "--duration", "1s", "--jsonl", "-"],
    ["send", "read", "0x60EF", "16"],
    ["send", "dose", "1", "100", "--yes"],
    ["send", "write", "0x0010", "01", "--yes"],
    ["scan", "0x60EF+4", "--pace", "0"],
    ["replay", SAMPLE, "--speed", "max", "--capture-key", KEY],
    ["config", "check"],
]


@pytest.fixture(scope="module")
def machine():
    with hostile_machine("escapes") as port:
        yield port


@pytest.mark.parametrize("line", LIVE, ids=lambda line: " ".join(map(str, line[:2])))
def test_what_a_machine_says(terminal, files, machine, line):
    options = [] if line[0] == "config" else ["--timeout", "0.3"]
    said = check(terminal, [*line, "--config", files.config_for("127.0.0.1", machine), *options])
    assert said


def test_machines_that_announce_themselves(terminal, monkeypatch):
    async def found(*_: Any, **__: Any) -> list[Found]:
        return [Found(EVIL, EVIL, (EVIL,), 1774, {EVIL: EVIL})]

    monkeypatch.setattr("lmdecode.app.discovery.discover", found)
    for options in ([], ["--json"]):
        assert "FORGED" in check(terminal, ["discover", *options])


def test_a_client_of_the_simulator(terminal):
    """What a client sends is in the log."""

    def talk() -> None:
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as client:
                    client.sendall(EVIL.encode() + b"@" + EVIL.encode() + b"%")
                    time.sleep(0.3)
                break
            except OSError:
                time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    thread = threading.Thread(target=talk)
    thread.start()
    said = check(terminal, ["simulate", "--port", port, "--no-mdns", "--key", KEY])
    thread.join()
    assert "as captured" in said
