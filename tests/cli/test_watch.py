"""`lmdecode watch` as a process: on a terminal, into a pipe, into a file; the machine gone and back; its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from tests.cli.simulator_process import KEY, free_port, simulator, tell, to, wait_until


class Watch:
    """A watch in a process of its own, not on a terminal."""

    def __init__(self, command, port, *arguments, key=KEY):
        self.errors = command.folder / "errors"
        self.output = command.folder / "output"
        with self.errors.open("w") as errors, self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*command.line, "watch", *(to(port, key) if port else ("--key", key)), *map(str, arguments)],
                cwd=command.folder, env=command.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def lines(self, path=None):
        return [
            json.loads(line)
            for line in (path or self.output).read_text().splitlines(keepends=True)
            if line[-1:] == "\n"
        ]

    def wait_for(self, condition):
        return wait_until(condition, what=self.said)

    def said(self):
        return self.errors.read_text()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(10)
        assert "Traceback" not in self.said()
        return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_lines_where_there_is_no_terminal(command, number):
    with simulator(command, "--speed", "60") as (machine, port), Watch(command, port) as watch:
        watch.wait_for(lambda: any("mon_on_time" in line["fields"] for line in watch.lines()))
        tell(machine, "shot 2")
        watch.wait_for(lambda: any(line["kind"] == "stream" for line in watch.lines()))
        assert watch.end(number) == 0
        lines = watch.lines()
        assert {line["sender"] for line in lines} == {"app", "machine"}
        assert not any(line["problems"] for line in lines)
        assert re.search(rf"^lmdecode: {len(lines)} messages, 1 shot$", watch.said(), re.MULTILINE)


def test_a_duration(command):
    with simulator(command, "--speed", "60") as (_, port):
        result = command("watch", *to(port), "--duration", "1s")
        assert result.returncode == 0
        assert all(json.loads(line)["source"] for line in result.stdout.splitlines())
        assert len(result.stdout.splitlines()) > 10
        again = command("watch", *to(port), "--duration", "0.5s", "--jsonl", "-")
        assert json.loads(again.stdout.splitlines()[0])["sender"] in {"app", "machine"}


def test_only_some_values(command):
    with simulator(command, "--speed", "60") as (_, port):
        words = ("--fields", "coffee-temp,dose_k[12]", "--duration", "1.5s", "--interval", "1", "--json")
        result = command("watch", *to(port), *words, "--jsonl", "log.jsonl")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        names = {name for line in lines for name in line["fields"]}
        assert names == {"coffee_temp", "dose_k1", "dose_k2"}
        assert {line["address"] for line in lines if line["role"] == "response"} == {0x14, 0x401C}
        assert (command.folder / "log.jsonl").read_text() == result.stdout
        assert "did you mean coffee_temp?" in command.fails("watch", *to(port), "--only", "cofee_temp", code=2)


def test_a_reader_that_has_seen_enough(command):
    with simulator(command, "--speed", "60") as (_, port):
        line = f"{command.shell('watch', *to(port))} | head -n 3; echo ${{PIPESTATUS[0]}}"
        result = subprocess.run(
            ["bash", "-c", line],
            cwd=command.folder,
            env=command.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert result.stdout.splitlines()[-1] == "0"
    assert len(result.stdout.splitlines()) == 4
    assert "Traceback" not in result.stderr


def test_a_file_is_added_to_and_survives_a_kill(command):
    log = command.folder / "log.jsonl"
    with simulator(command, "--speed", "60") as (_, port):
        with Watch(command, port, "--jsonl", log) as watch:
            watch.wait_for(lambda: log.exists() and len(watch.lines(log)) > 5)
            watch.process.kill()
            watch.process.wait()
        assert log.read_bytes().endswith(b"\n")
        before = len(log.read_bytes().splitlines())
        with log.open("ab") as file:
            file.write(b'{"time":"2026-11-2')
        with Watch(command, port, "--jsonl", log) as watch:
            watch.wait_for(lambda: len(log.read_bytes().splitlines()) > before + 5)
            assert watch.end() == 0
            assert "log.jsonl ended in half a line; its 18 bytes were cut off" in watch.said()
            assert not watch.output.read_bytes()
    assert all(json.loads(line)["time"] for line in log.read_text().splitlines())


def test_a_file_that_is_something_else(command, config):
    (command.folder / "notes").write_text("not yours")
    complaint = command.fails("watch", *to(free_port()), "--jsonl", "notes")
    assert "notes holds something other than messages" in complaint
    assert (command.folder / "notes").read_text() == "not yours"
    assert config.exists()


def test_the_machine_gone_and_back(command):
    with contextlib.ExitStack() as stack:
        machine, port = stack.enter_context(simulator(command, "--speed", "60"))
        watch = stack.enter_context(Watch(command, port, "--timeout", "1"))
        watch.wait_for(lambda: len(watch.lines()) > 5)
        machine.kill()
        machine.wait()
        watch.wait_for(lambda: "; trying again" in watch.said())
        count = len(watch.lines())
        stack.enter_context(simulator(command, "--speed", "60", port=port))
        watch.wait_for(lambda: len(watch.lines()) > count + 5)
        assert watch.end() == 0
        assert "connected again" in watch.said()
        assert "2 connections" in watch.said()
        assert {line["stream"] for line in watch.lines()} >= {0}
        assert watch.lines()[-1]["stream"] > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_machine_that_is_gone_at_the_end(command, number):
    with simulator(command, "--speed", "60") as (machine, port), Watch(command, port, "--timeout", "1") as watch:
        watch.wait_for(lambda: len(watch.lines()) > 5)
        machine.kill()
        watch.wait_for(lambda: "; trying again" in watch.said())
        assert watch.end(number) == 3
        assert re.search(r"(?m)^lmdecode: \d+ messages\nlmdecode: not connected at the end: 127", watch.said())


def test_half_a_frame(command):
    with simulator(command, "--speed", "60", "--fault", "half:1") as (_, port):
        with Watch(command, port, "--timeout", "0.5", "--wait") as watch:
            watch.wait_for(lambda: [line for line in watch.lines() if line["problems"]])
            watch.wait_for(lambda: [line for line in watch.lines() if line["role"] == "response"])
            assert watch.end() == 0
        broken = next(line for line in watch.lines() if line["problems"])
        assert broken["raw"]
    assert "1 damaged" in watch.said()


def test_the_wrong_key_is_told_at_once(command):
    with simulator(command, "--speed", "60") as (_, port):
        for options in ([], ["--wait"]):
            complaint = command.fails("watch", *to(port, "x" * 32), "--timeout", "1", *options)
            assert "nothing decrypts: the key is not this machine's" in complaint
            assert "x" * 32 not in complaint


def test_a_machine_that_is_not_there(command):
    port = free_port()
    assert "refuses the connection" in command.fails("watch", *to(port), code=3)
    complaint = command.fails("watch", *to(port), "--wait", "--duration", "0.7s", code=3)
    assert "refuses the connection" in complaint
    with Watch(command, port, "--wait") as watch:
        watch.wait_for(lambda: "trying again" in watch.said())
        with simulator(command, "--speed", "60", port=port):
            watch.wait_for(lambda: len(watch.lines()) > 3)
            assert watch.end() == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--duration", "soon"], "is not a time"),
        (["--duration", "0"], "is not a time"),
        (["--interval", "0"], "0"),
        (["--key", "short"], "the key has 5 bytes"),
    ],
)
def test_what_cannot_be_meant(command, arguments, reason):
    result = command("watch", "--host", "127.0.0.1", *arguments)
    assert result.returncode in {1, 2}
    assert reason in result.stderr


class Terminal:
    """A terminal with a shell in it, by tmux."""

    def __init__(self, command, width=80, height=24):
        self._tmux = ["tmux", "-L", f"lmdecode-{os.getpid()}-{id(self)}", "-f", os.devnull]
        environment = {name: text for name, text in command.environment.items() if name not in {"COLUMNS", "LINES"}}
        self._run(
            "new-session", "-d", "-x", str(width), "-y", str(height), "bash --norc", cwd=command.folder, env=environment
        )

    def _run(self, *arguments, **options):
        return subprocess.run(
            [*self._tmux, *arguments], check=True, capture_output=True, encoding="utf-8", **options
        ).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def type(self, text, *keys):
        self._run("send-keys", "-l", "--", text) if text else None
        for key in keys:
            self._run("send-keys", key)

    def resize(self, width, height):
        self._run("resize-window", "-x", str(width), "-y", str(height))

    @property
    def screen(self):
        return self._run("capture-pane", "-p")

    @property
    def coloured(self):
        return self._run("capture-pane", "-p", "-e")

    @property
    def alternate(self):
        return self._run("display-message", "-p", "#{alternate_on}").strip() == "1"

    def wait_for(self, text):
        wait_until(lambda: re.search(text, self.screen), what=lambda: f"no {text!r} on:\n{self.screen}")


needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


@contextlib.contextmanager
def watched(command, *arguments, width=80, height=24, environment=""):
    """A terminal with a watch in it, and the machine's process."""
    with simulator(command, "--speed", "20") as (machine, port), Terminal(command, width, height) as terminal:
        line = command.shell("watch", *to(port), *arguments)
        terminal.type(f"echo before; {environment} {line}; echo exit $?; stty -a | grep -o '.icanon'", "Enter")
        terminal.wait_for("connected for")
        yield terminal, machine


def _rule(terminal):
    """How wide a line across the screen is."""
    return next(len(line) for line in terminal.screen.splitlines() if line.startswith("── shots"))


@needs_tmux
def test_the_screen(command):
    with watched(command, "--interval", "1") as (terminal, machine):
        assert terminal.alternate
        terminal.wait_for(r"coffee \d+\.\d °C  set 9\d\.\d °C")
        terminal.wait_for("switches o")
        tell(machine, "shot 2")
        terminal.wait_for(r"now +button 2 .*pulses")
        terminal.wait_for(r"\d\d:\d\d:\d\d button 2 +2\d\.\d s +1\d\d pulses +about +\d\d ml")
        tell(machine, "set water_reservoir_contact off")
        terminal.wait_for("WATER TANK EMPTY")
        assert "\x1b[" in terminal.coloured
        terminal.type("+")
        terminal.wait_for("-15 min")
        terminal.type("-")
        terminal.wait_for("-5 min")
        for width, height in ((40, 12), (120, 40), (80, 24)):
            terminal.resize(width, height)
            wait_until(lambda h=height: terminal.screen.rstrip().count("\n") == h - 1, what=lambda: terminal.screen)
            assert "q quit" in terminal.screen.splitlines()[-1]
            wait_until(lambda w=width: f"\n{'─' * 2} shots" in terminal.screen and _rule(terminal) == w)
        terminal.type("q")
        terminal.wait_for("exit 0")
        assert not terminal.alternate
        assert re.search(
            r"^before\n(.*\n)*lmdecode: \d+ messages, 1 shot\nexit 0\n icanon", terminal.screen, re.MULTILINE
        )


@needs_tmux
def test_the_screen_of_some_values(command):
    with watched(command, "--fields", "coffee_temp,pump_on,drinks_k1", "--interval", "1") as (terminal, machine):
        terminal.wait_for(r"coffee_temp  \d+\.\d °C +for \d s")
        terminal.wait_for("pump_on      no ")
        tell(machine, "shot 2")
        terminal.wait_for("pump_on      yes")
        terminal.type("q")
        terminal.wait_for("exit 0")


@needs_tmux
def test_the_headline_has_the_real_host(command):
    entries = {"host": "192.168.1.215", "key": KEY, "port": "1774"}
    (command.folder / "config.json").write_text(json.dumps(entries))
    with simulator(command, "--speed", "20") as (_, port), Terminal(command) as terminal:
        line = command.shell("watch", "--host", "127.0.0.1", "--port", port)
        terminal.type(line, "Enter")
        terminal.wait_for("connected for")
        terminal.wait_for("GS000000")
        assert "192.168.1.215" not in terminal.screen
        terminal.type("q")


@needs_tmux
def test_ctrl_c_and_ctrl_z(command):
    with watched(command, environment="NO_COLOR=1") as (terminal, _):
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]", terminal.coloured)
        terminal.type("", "C-z")
        terminal.wait_for("Stopped")
        assert not terminal.alternate
        terminal.type("fg", "Enter")
        wait_until(lambda: terminal.alternate)
        terminal.wait_for("connected for")
        terminal.type("", "C-c")
        terminal.wait_for(r"lmdecode: \d+ messages")
        assert not terminal.alternate
        terminal.type("clear; stty -a | grep -o '.icanon'", "Enter")
        terminal.wait_for(" icanon")


@needs_tmux
def test_the_machine_goes_away_before_ones_eyes(command):
    with watched(command, "--timeout", "1") as (terminal, machine):
        machine.kill()
        terminal.wait_for("not connected")
        terminal.wait_for(r"gone for \d+ s, next try in \d s: 127\.0\.0\.1:\d+ (closed|reset|refuses)")
        assert re.search(r"coffee \d+\.\d °C", terminal.screen)  # what was heard last
        terminal.type("q")
        terminal.wait_for("not connected at the end")
        terminal.wait_for("exit 3")
        assert not terminal.alternate


@needs_tmux
def test_an_error_is_seen_after_the_screen(command):
    with Terminal(command) as terminal:
        line = command.shell("watch", *to(free_port()))
        terminal.type(f"{line}; echo exit $?", "Enter")
        terminal.wait_for("exit 3")
        assert "refuses the connection" in re.sub(r"\s+", " ", terminal.screen)
        assert not terminal.alternate


@needs_tmux
def test_a_terminal_that_cannot(command):
    with simulator(command, "--speed", "20") as (_, port), Terminal(command) as terminal:
        line = command.shell("watch", *to(port), "--duration", "1s")
        terminal.type(f"TERM=dumb {line}; echo exit $?", "Enter")
        terminal.wait_for("exit 0")
        assert '"problems":[]' in terminal.screen.replace("\n", "")
