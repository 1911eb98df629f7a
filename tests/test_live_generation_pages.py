"""What live-v3.md and live-bluetooth.md show is what the commands do, with the simulated machines of these pages."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess

import pytest

from lmdecode.simulator.bluetooth.faults import FAULTS as BLUETOOTH_FAULTS
from lmdecode.simulator.faults import FAULTS
from lmdecode.simulator.v3.faults import V3_FAULTS
from tests.docs.examples import differs, environment, examples, options_of, run
from tests.docs.pages import text_of

GENERATIONS = {"docs/live-v3.md": "v3", "docs/live-bluetooth.md": "bluetooth"}
WITH_A_MACHINE = {"status", "get", "send", "watch"}


@contextlib.contextmanager
def simulated(generation, folder):
    """A simulated machine of a generation; its port."""
    if generation == "bluetooth":
        pytest.importorskip("bumble")
        pytest.importorskip("bleak")
    with subprocess.Popen(
        ["lmdecode", "simulate", "--generation", generation, "--port", "0", "--no-mdns", "--quiet"],
        cwd=folder, env=environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            first = process.stdout.readline()
            assert first.startswith("listening on"), first
            yield first.strip().rpartition(":")[2]
        finally:
            process.kill()


def config_of(page, port):
    """The configuration for the simulated machine, as the page has it."""
    (entry,) = [
        json.loads(text) for text in re.findall(r"```json\n(.*?)```", text_of(page), re.DOTALL) if "…" not in text
    ]
    # The usual port says which generation it is; another one does not.
    return entry | ({"port": port, "generation": "v3"} if "port" in entry else {})


@pytest.mark.parametrize("page", GENERATIONS)
def test_what_is_shown_is_what_is_printed(page, tmp_path):
    shown = [example for example in examples(text_of(page)) if example.shown is not None]
    assert len(shown) >= 5
    with simulated(GENERATIONS[page], tmp_path) as port:
        (tmp_path / "config.json").write_text(json.dumps(config_of(page, port)))
        exported = f"export LMDECODE_RADIO=tcp-client:127.0.0.1:{port}; "
        for _ in range(20):  # as a machine, it talks to nobody at first
            if run(f"{exported}lmdecode get power", tmp_path).code == 0:
                break
        for example in shown:
            ran = run(exported + example.command, tmp_path)
            assert ran.code == example.code, f"line {example.line}: {example.command}\n{ran.printed}"
            assert "Traceback" not in ran.printed
            difference = differs(example.shown, ran.printed)
            assert difference is None, f"line {example.line}: {example.command}: {difference}"


@pytest.mark.parametrize("page", [*GENERATIONS, "docs/simulator.md"])
def test_every_option_that_is_typed_is_one(page):
    typed = {example.command for example in examples(text_of(page)) if example.command.startswith("lmdecode ")}
    typed |= set(
        re.findall(
            r"^(lmdecode .*?)(?: >.*)?$",
            "\n".join(re.findall(r"```text\n(.*?)```", text_of(page), re.DOTALL)),
            re.MULTILINE,
        )
    )
    assert typed
    for command in typed:
        words = shlex.split(command)
        if not any(word.startswith("--") for word in words):
            continue
        known = options_of(*words[1:3] if words[1] == "send" else words[1:2])
        for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]+", command):
            assert option in known, f"{command}: {option}"


@pytest.mark.parametrize(
    ("title", "table"), [("Of v1", FAULTS), ("Of gateway v3", V3_FAULTS), ("Of Bluetooth", BLUETOOTH_FAULTS)]
)
def test_every_fault_is_on_the_page(title, table):
    section = text_of("docs/simulator.md").partition(f"### {title}\n")[2].partition("\n\n#")[0]
    names = {
        name.partition("=")[0]
        for row in section.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
    assert names - {"random"} == set(table)
