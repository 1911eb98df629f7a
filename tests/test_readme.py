"""What the README shows is what the commands print."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("line", "shown"), SESSIONS, ids=[line for line, _ in SESSIONS])
def test_a_session_is_what_is_printed(line, shown):
    folder = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
        "TZ": "UTC",
        "PYTHONIOENCODING": "utf-8",
    }
    result = subprocess.run(
        line,
        shell=True,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if "| grep" in line else subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    pieces = [piece.strip("\n") for piece in shown.split("\n…\n")]
    printed, position = result.stdout, 0
    for piece in pieces:
        found = printed.find(piece, position)
        assert found >= position, f"not printed, or not in this order:\n{piece}\n\nbut:\n{printed[position:][:3000]}"
        position = found + len(piece)
    assert printed.startswith(pieces[0])
    assert printed.endswith(pieces[-1] + "\n")


def test_the_python_examples_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    examples = doctest.DocTestParser().get_doctest(README, {}, "README.md", "README.md", 0)
    assert len(examples.examples) >= 4
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_every_link_into_the_project_leads_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "captures" / "README.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
