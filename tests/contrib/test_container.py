"""The container file: it copies all that the wheel is made of, and its health check sees a connection."""

from __future__ import annotations

import fnmatch
import re
import socket
import subprocess
import sys
import tomllib

import pytest

from tests.docs.pages import ROOT

CONTAINER = ROOT / "contrib" / "container"
TEXT = (CONTAINER / "Containerfile").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def copied() -> set[str]:
    lines = re.findall(r"^COPY (?:--chmod=\d+ )?(?!-)(.+)$", TEXT, re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def test_what_the_wheel_is_made_of_is_copied():
    project, wheel = PYPROJECT["project"], PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    sources = {
        "pyproject.toml",
        project["readme"],
        *project["license-files"],
        *wheel["packages"],
        *wheel.get("shared-data", {}),
        *wheel.get("force-include", {}),
    }
    folders = copied()
    assert [each for each in sources if not any(each == one or each.startswith(f"{one}/") for one in folders)] == []


def test_what_is_copied_is_there_and_is_not_ignored():
    ignored = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    let_through = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    for source in copied():
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, each) or source.startswith(f"{each}/") for each in let_through), source


def test_the_extras_and_the_command_are_there():
    extras = re.search(r"^ARG EXTRAS=(.+)$", TEXT, re.MULTILINE)[1].split(",")
    assert {*extras} <= {*PYPROJECT["project"]["optional-dependencies"]}
    assert 'ENTRYPOINT ["lmdecode"]' in TEXT
    assert re.search(r"^USER (?!root|0)", TEXT, re.MULTILINE)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc")
def test_the_health_check_sees_whether_there_is_a_connection():
    script = (
        "import socket, sys\n"
        "print(flush=True), sys.stdin.readline()\n"
        "connection = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "print(flush=True), sys.stdin.readline()\n"
    )

    def checked():
        process.stdout.readline()
        line = [sys.executable, str(CONTAINER / "health.py"), str(process.pid)]
        result = subprocess.run(line, capture_output=True, encoding="utf-8", check=False)
        process.stdin.write("\n")
        process.stdin.flush()
        return result.returncode, result.stdout

    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(
            [sys.executable, "-c", script, str(server.getsockname()[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        ) as process,
    ):
        assert checked() == (1, "lmdecode is not connected to its broker\n")
        assert checked() == (0, "")
