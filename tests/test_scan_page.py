"""What docs/scan.md shows is what the commands print, with a simulated machine."""

from __future__ import annotations

import json
import re
import subprocess

from tests.cli.conftest import CAPTURES, Command
from tests.cli.simulated import KEY, simulated

PAGE = (CAPTURES.parent / "docs" / "scan.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ lmdecode (.*?)\n(.*?)```", PAGE, re.DOTALL)


def test_the_sessions_are_what_is_printed(tmp_path):
    command = Command(tmp_path)
    (tmp_path / "captures").symlink_to(CAPTURES)
    (tmp_path / "morning.pcap").symlink_to(CAPTURES / "gs3av-settings.pcap")
    assert len(SESSIONS) == 5
    with simulated(command) as machine:
        entries = {"host": "127.0.0.1", "port": machine[3], "key": KEY}
        (tmp_path / "config.json").write_text(json.dumps(entries))
        for line, shown in SESSIONS:
            printed = subprocess.run(
                f"{command.shell()} {line}",
                shell=True,
                cwd=tmp_path,
                env=command.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=60,
                check=False,
            ).stdout
            pattern = ".*?".join(map(re.escape, shown.split("…")))
            assert re.fullmatch(pattern, printed, re.DOTALL), printed


def test_the_other_examples_are_of_commands_that_there_are(tmp_path):
    command = Command(tmp_path)
    lines = re.findall(r"^    lmdecode (\w+) (.*)$", PAGE, re.MULTILINE)
    assert {name for name, _ in lines} == {"scan", "simulate"}
    for name, arguments in lines:
        shown = command(name, *arguments.split(), "--help")
        assert shown.returncode == 0, shown.stderr
        for option in re.findall(r"--\w+", arguments):
            assert option in shown.stdout


def test_every_option_that_it_names_is_one(tmp_path):
    command = Command(tmp_path)
    known = "".join(command(name, "--help").stdout for name in ("scan", "replay", "simulate"))
    for option in set(re.findall(r"`(--[a-z-]+)", PAGE)):
        assert option in known, option
