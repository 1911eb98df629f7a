"""`lmdecode watch` as a process, with simulated machines of the generations after v1: lost, back, held, read again."""

from __future__ import annotations

import json
import re

from lmdecode.config import SAMPLE_TOKEN
from tests.cli.simulator_process import KEY, simulator, tell, to
from tests.cli.test_watch import Terminal, Watch, needs_tmux


def test_v3_gone_in_the_middle_of_a_shot_and_back(command):
    log = command.folder / "log.jsonl"
    options = ("--generation", "v3", "--model", "Linea Mini", "--fault", "late-token=0")
    with simulator(command, *options) as (machine, port):
        watch = Watch(command, port, "--generation", "v3", "--json", "--jsonl", log)
        with watch:
            watch.wait_for(lambda: any("coffee_set_temp" in line["fields"] for line in watch.lines()))
            tell(machine, "shot 1")
            watch.wait_for(lambda: any(line["fields"].get("flow_seconds", 0) > 2 for line in watch.lines()))
            machine.kill()
            machine.wait()
            watch.wait_for(lambda: "; trying again" in watch.said())
            with simulator(command, *options, port=port) as (again, _):
                watch.wait_for(lambda: "connected again" in watch.said())
                tell(again, "flush 1")
                watch.wait_for(lambda: any("flush_stopped_seconds" in line["fields"] for line in watch.lines()))
                assert watch.end() == 0
            assert re.search(r"\d+ messages, 1 flush, 1 whose end was lost, 2 connections\n", watch.said())
            assert KEY not in log.read_text()
            again = command("decode", log, "--json")
            assert [json.loads(line)["fields"] for line in again.stdout.splitlines()] == [
                line["fields"] for line in watch.lines(log)
            ]
            shots = [json.loads(line) for line in command("shots", log, "--json").stdout.splitlines()]
            assert [(shot["what"], shot["cut"]) for shot in shots] == [("water", True), ("flush", False)]


def test_a_stream_that_another_program_has(command):
    with (
        simulator(command, "--generation", "v3", "--fault", "late-token=0") as (_, port),
        Watch(command, port, "--generation", "v3") as first,
    ):
        first.wait_for(first.lines)
        complaint = command.fails("watch", *to(port), "--generation", "v3", "--timeout", "1", code=3)
        assert "one at a time" in complaint
        with Watch(command, port, "--generation", "v3", "--timeout", "1", "--wait") as second:
            second.wait_for(lambda: "; trying again" in second.said())
            assert first.end() == 0
            second.wait_for(lambda: "connected" in second.said().split("trying again")[-1])


def test_bluetooth(command):
    with simulator(command, "--generation", "bluetooth", "--key", SAMPLE_TOKEN) as (machine, port):
        radio = ("--bluetooth", "--radio", f"tcp-client:127.0.0.1:{port}")
        with Watch(command, None, *radio, key=SAMPLE_TOKEN) as watch:
            watch.wait_for(lambda: any("coffee_set_temp" in line["fields"] for line in watch.lines()))
            tell(machine, "flush 1")
            watch.wait_for(lambda: any("flush_stopped_seconds" in line["fields"] for line in watch.lines()))
            assert watch.end() == 0
            assert re.search(r"\d+ messages, 1 flush\n", watch.said())
            assert SAMPLE_TOKEN not in watch.output.read_text()
        assert "a machine does not tell pump_on over Bluetooth" in command.fails(
            "watch", *radio, "--key", SAMPLE_TOKEN, "--fields", "pump_on", code=2
        )


@needs_tmux
def test_the_screen_of_a_gateway_v3(command):
    options = ("--generation", "v3", "--model", "GS3 AV", "--fault", "late-token=0")
    with simulator(command, *options) as (machine, port), Terminal(command) as terminal:
        terminal.type(command.shell("watch", *to(port), "--generation", "v3") + "; echo exit $?", "Enter")
        terminal.wait_for(rf"gateway v3 at 127\.0\.0\.1:{port}")
        terminal.wait_for(r"coffee \d+(\.\d)? °C  set 96\.2 °C")
        terminal.wait_for("switches o")
        tell(machine, "shot 2")
        terminal.wait_for(r"██  water B")
        tell(machine, "stop")
        terminal.wait_for(r"\d\d:\d\d:\d\d (shot|flush) ")
        for width, height in ((60, 15), (30, 6), (80, 24)):
            terminal.resize(width, height)
            terminal.wait_for(r"kitchen|GS3 AV|127\.0\.0\.1|connected")
        terminal.type("q")
        terminal.wait_for("exit 0")
        assert not terminal.alternate
