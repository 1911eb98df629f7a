"""A client that we did not write: lmdirect 0.9.4 of PyPI, in its own environment, with the simulator as its machine."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulator.client import KEY

ROOT = Path(__file__).parents[2]
CLIENT = Path(__file__).with_name("lmdirect_client.py")


@pytest.fixture(scope="module")
def lmdirect():
    """The Python that has it: of LMDECODE_LMDIRECT, a virtual environment, or of one that is made here once."""
    if given := os.environ.get("LMDECODE_LMDIRECT"):
        return Path(given) / "bin" / "python" if Path(given).is_dir() else Path(given)
    folder = ROOT / ".venv-lmdirect"
    python, ready = folder / "bin" / "python", folder / "ready"
    with (ROOT / ".venv-lmdirect.lock").open("w") as lock:  # tests may run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            for step in (
                [sys.executable, "-m", "venv", "--clear", folder],
                [*pip, "pip<24.1"],  # newer ones refuse what lmdirect says it needs
                [*pip, "lmdirect==0.9.4"],
            ):
                done = subprocess.run(step, capture_output=True, text=True, timeout=100, check=False)
                if done.returncode:
                    pytest.skip(f"lmdirect 0.9.4 cannot be had: {done.stderr.strip().splitlines()[-1:]}")
            ready.touch()
    return python


@pytest.fixture
def talk(lmdirect, tmp_path):
    """Let lmdirect talk to a simulated machine of some model, on which a shot is being pulled; what came of it."""

    def run(model):
        script = tmp_path / "script"
        script.write_text("0s power on\n0.1s shot 1 60\n")
        line = ["simulate", "--model", model, "--port", "0", "--speed", "30", "--script", script, "--no-mdns"]
        simulator = subprocess.Popen(
            [sys.executable, "-m", "lmdecode", *line, "--key", KEY.secret.decode()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            host, _, port = simulator.stdout.readline().removeprefix("listening on ").strip().partition(":")
            client = subprocess.run(
                [lmdirect, CLIENT, host, port, KEY.secret.decode(), model],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            )
        finally:
            simulator.terminate()
            log = simulator.communicate(timeout=10)[1]
        assert client.returncode == 0, f"{client.stderr}\n{log}"
        assert simulator.returncode == 0, log
        return json.loads(client.stdout)

    return run


@pytest.mark.parametrize("model", ["GS3 AV", "Linea Mini"])
def test_lmdirect_reads_writes_and_reads_again(talk, model):
    said = talk(model)
    before, after = said["before"], said["after"]
    assert not said["errors"]
    assert before["firmware_ver"] == "1.40"
    assert before["machine_ser_num"] == ("GS000000" if model == "GS3 AV" else "LM000000")
    assert before["power"] == 1
    assert before["coffee_set_temp"] == 96.2
    assert before["auto_bitfield"] == 0xFF
    assert before["flow_key"] == 1
    assert before["flow_pulses"] > 200
    keys = range(1, 5) if model == "GS3 AV" else range(1, 2)
    expected = {
        "power": 0,
        "coffee_set_temp": 92.5,
        "steam_set_temp": 120.5,
        "steam_boiler_enable": False,
        "prebrew_flag": 2,
        "enable_preinfusion": True,
        "wed_auto": "Disabled",
        "global_auto": "Disabled",
        "mon_auto": "Enabled",
        "tue_on_time": "07:00",
        # lmdirect writes the minutes a byte too far: those of on land in off, those of off in the next day's on.
        "tue_off_time": "20:15",
        "wed_on_time": "06:45",
    }
    for key in keys:
        expected |= {
            f"dose_k{key}": 200 + key,
            f"prebrewing_ton_k{key}": 1.5 + key / 2,
            f"prebrewing_toff_k{key}": 0.5 + key / 2,
            f"preinfusion_k{key}": 10.5 + key,
        }
    if model == "GS3 AV":
        expected |= {"dose_k5": 205, "dose_hot_water": 11}
    assert {name: after.get(name) for name in expected} == expected
    assert after["total_coffee"] == 2340
