"""`lmdecode simulate` for the generations after v1, as a process, and what it complains about."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import time

import pytest

from lmdecode.simulator.families import FAMILIES

KEY = "12345678901234567890123456789012"


@pytest.fixture
def simulate(command):
    """Starts the simulator; its process and its port."""

    @contextlib.contextmanager
    def start(*arguments):
        line = ["simulate", "--port", "0", "--no-mdns", *map(str, arguments)]
        with subprocess.Popen(
            [*command.line, *line],
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                first = process.stdout.readline()
                assert first.startswith("listening on 127.0.0.1:"), process.stderr.read()
                yield process, int(first.rpartition(":")[2])
            finally:
                process.kill()

    return start


def configuration(port, key=KEY, seconds=5.0):
    """The status and the configuration of a machine, asked for again while it has no token."""
    deadline = time.monotonic() + seconds
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/api/v1/config", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 403 or time.monotonic() > deadline:
            return answer.status, json.loads(body) if answer.status == 200 else None
        time.sleep(0.1)


@pytest.mark.parametrize("model", FAMILIES)
def test_v3_with_its_console_and_a_script(simulate, command, model):
    script = command.folder / "script"
    script.write_text("0s power on\n0.1s set coffee_set_temp 91.5\n")
    with simulate("--generation", "v3", "--model", model, "--script", script, "--fault", "late-token=0") as found:
        process, port = found
        time.sleep(0.3)
        status, said = configuration(port)
        assert status == 200
        assert said["machineCapabilities"][0]["family"] == FAMILIES[model].word
        assert said["boilerTargetTemperature"]["CoffeeBoiler1"] == 91.5
        output, log = process.communicate("set smart_standby_minutes 30\nget smart_standby_minutes\nshot 9\nquit\n", 10)
    assert output == (
        "smart_standby_minutes 30\nsmart_standby_minutes 30\n"
        f"a {model} has no button 9: give {'1 or 2 or 3 or 4 or 5' if model == 'GS3 AV' else '1'}\n"
    )
    assert process.returncode == 0
    assert f"a {model} with gateway v3" in log
    assert f"in another terminal: lmdecode watch --host 127.0.0.1:{port} --generation v3 --key {KEY}\n" in log
    assert "app GET /api/v1/config" in log
    assert "Traceback" not in log


def test_v3_has_its_token_after_a_while_and_another_key(simulate):
    other = "x" * 32
    with simulate("--generation", "v3", "--key", other) as (process, port):
        assert configuration(port, seconds=0)[0] == 403
        assert configuration(port, other)[0] == 200
        assert configuration(port)[0] == 401
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "--key …\n" in log
    assert other not in log


def test_bluetooth(simulate, command):
    snoop = command.folder / "air.btsnoop"
    with simulate("--generation", "bluetooth", "--btsnoop", snoop, "--script", "/dev/null") as (process, port):
        output, log = process.communicate("pair on\npair perhaps\nstatus\nquit\n", 10)
    assert process.returncode == 0
    assert output.startswith("'perhaps' is neither on nor off\nLinea Micra, on, coffee ")
    assert f"--radio tcp-client:127.0.0.1:{port} --key " in log
    assert "the token is that of the sample recording" in log
    assert snoop.read_bytes().startswith(b"btsnoop\0")


def test_the_port_in_use_is_named(command, simulate):
    with simulate("--generation", "v3") as (_, port):
        result = command("simulate", "--generation", "v3", "--port", port, "--no-mdns", input="")
        assert result.returncode == 1
        assert f"port {port} is in use" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--generation", "v2"], "no generation 'v2': give v1, v3 or bluetooth"),
        (["--generation", "v3", "--image", "x"], "--image has the memory of v1"),
        (["--generation", "bluetooth", "--capture", "x"], "--capture has the memory of v1"),
        (["--radio", "usb:0"], "--radio is for --generation bluetooth"),
        (["--generation", "v3", "--btsnoop", "x"], "--btsnoop is for --generation bluetooth"),
        (["--stream", "items"], "--stream is for --generation v3"),
        (["--stream", "lists"], "--stream lists: give members or items"),
        (["--generation", "v3", "--model", "micro"], "no model 'micro' of this generation: give Linea Micra"),
        (["--model", "micra"], "a Linea Micra does not speak v1: give --generation v3 or --generation bluetooth"),
        (["--generation", "bluetooth", "--refuse-second"], "--refuse-second is for v1 and v3"),
        (["--generation", "v3", "--fault", "no-ok"], "no fault 'no-ok': give one of forbidden"),
    ],
)
def test_what_does_not_go_together(command, arguments, said):
    result = command("simulate", *arguments, input="")
    assert result.returncode == 2
    assert result.stderr.startswith("lmdecode: ")
    assert said in result.stderr


@pytest.mark.parametrize(("generation", "fault"), [("v3", "close-stream"), ("bluetooth", "drop"), ("v1", "no-ok")])
def test_the_faults_of_a_generation_are_listed(command, generation, fault):
    result = command("simulate", "--generation", generation, "--fault", "help")
    assert result.returncode == 0
    assert fault in [line.split()[0] for line in result.stdout.splitlines()]
