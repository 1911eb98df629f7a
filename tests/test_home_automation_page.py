"""What docs/home-automation.md shows is what happens, with mosquitto and a simulated machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from lmdecode.analysis.entities import entities_of
from lmdecode.codec.v1.register import MODELS
from lmdecode.config.mqtt import ENTRIES
from tests.cli.broker import PASSWORD, USER, bridging, listening, mosquitto
from tests.cli.conftest import CAPTURES, Command
from tests.cli.simulated import KEY, simulated
from tests.cli.simulator_process import wait_until
from tests.docs.examples import differs

PAGE = (CAPTURES.parent / "docs" / "home-automation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^( *)```console\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
SESSIONS = [
    (line, shown)
    for indent, block in BLOCKS
    for line, shown in re.findall(
        r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.replace(f"\n{indent}", "\n").removeprefix(indent), re.MULTILINE
    )
]
TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", re.MULTILINE)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the config of the page, its machine and its broker; and the broker."""
    command = Command(tmp_path_factory.mktemp("home"))
    with mosquitto(command.folder) as broker, simulated(command) as machine:
        section = {"host": broker.address, "username": USER, "password": PASSWORD}
        entries = {"host": "127.0.0.1", "port": machine[3], "machine_name": "kitchen", "key": KEY, "mqtt": section}
        (command.folder / "config.json").write_text(json.dumps(entries))
        yield command, broker


def shell(home, line):
    command, broker = home
    for program in ("mosquitto_sub", "mosquitto_pub"):
        line = line.replace(program, f"{program} -p {broker.port} -u {USER} -P {PASSWORD}")
    if shutil.which("jq") is None:
        line = line.partition(" | jq")[0]
    return subprocess.run(
        re.sub(r"(^|(?<=\| ))lmdecode ", f"{command.shell()} ", line),
        shell=True, cwd=command.folder, env=command.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=None if "|" in line else subprocess.STDOUT, encoding="utf-8", timeout=60,
        check=False,
    )  # fmt: skip


def test_the_sessions_print_what_is_shown(home):
    command, broker = home
    assert len(SESSIONS) == 8
    bridges = [each for each in SESSIONS if each[0].startswith("lmdecode bridge")]
    for line, shown in bridges:
        ran = shell(home, line)
        assert ran.returncode == 0, ran.stdout
        expected = TIME.sub("TIME", shown).replace("homeassistant.local:1883", broker.address)
        assert differs(expected, TIME.sub("TIME", ran.stdout)) is None, ran.stdout
    with bridging(command, broker, "--allow-writes", "--every", "5s", user=False) as bridge, listening(broker) as hears:
        bridge.wait_for("connected: GS3 AV")
        wait_until(lambda: hears.latest.get("lmdecode/GS000000/availability") == "online")
        for line, shown in SESSIONS:
            if line.startswith("lmdecode bridge"):
                continue
            if line.startswith("lmdecode"):  # somebody who types is slower
                wait_until(hears.results)
            ran = shell(home, line)
            assert ran.returncode == 0, (line, ran.stdout)
            if shutil.which("jq") or "| jq" not in line:
                assert differs(shown, ran.stdout) is None, (line, ran.stdout)
        (said,) = re.findall(r"^\d.* (kitchen: coffee_set_temp .*)$", PAGE, re.MULTILINE)
        bridge.wait_for(said)
        hears.publish("lmdecode/GS000000/set/coffee_set_temp", "193.5")
        wait_until(lambda: len(hears.results()) == 2)
        shown = json.loads(re.findall(r'^(\{"time".*?\})$', PAGE, re.DOTALL | re.MULTILINE)[0])
        assert hears.results()[-1] | {"time": shown["time"]} == shown


def test_the_python_example_runs(home):
    command, _ = home
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=command.folder, env=command.environment, capture_output=True,
        encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"coffee boiler: \d\d\.\d °C\n", ran.stdout)


def test_the_options_and_entries_are_those_that_there_are(home):
    command, _ = home
    rows = re.findall(r"^\| `(\w+)` \| (?:`(--[a-z-]+)`)? ?\|", PAGE, re.MULTILINE)
    assert [name for name, _ in rows if name in ENTRIES] == [each for each, _ in rows]
    assert {name for name, _ in rows} == ENTRIES.keys()
    known = "".join(command(name, "--help").stdout for name in ("bridge", "get", "watch"))
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE):
        assert option in known, option


def test_the_names_in_the_table_of_entities_are_entities():
    table = PAGE.partition("## What Home Assistant shows")[2].partition("With `--allow-writes`")[0]
    names = set(re.findall(r"`([a-z_0-9]+)`", table)) - {"heating_state"}
    assert len(names) >= 12
    assert names <= {each.name for model in MODELS for each in entities_of(model)}
