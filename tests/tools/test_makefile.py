"""How `make demo` gets its environment: one that works is kept, with what its owner put into it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Stands for Python: it notes what it is asked, says its version, and an environment that it makes has a copy of it.
PYTHON = """#!/bin/sh
echo "$(basename $(dirname $(dirname $0)))" "$@" >> "$LOG"
case "$*" in
    *"print(sys.version_info"*) echo VERSION ;;
    "-m venv --clear "*) rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && touch "$4/bin/activate" ;;
    "-m pip --version") [ ! -e "$0.no-pip" ] ;;
    "-m ensurepip") [ ! -e "$0.no-ensurepip" ] && rm "$0.no-pip" ;;
esac
"""


class Clone:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        shutil.copy(ROOT / "Makefile", folder)
        (folder / "pyproject.toml").touch()
        self.python = self.stand_in(folder / "usr" / "bin" / "python3.11", "3.11")

    def stand_in(self, path: Path, version: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PYTHON.replace("VERSION", version))
        path.chmod(0o755)
        return path

    def ready(self, *arguments: str) -> list[str]:
        """Make the environment; what the Pythons were asked."""
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        path = f"{self.python.parent}:{os.environ['PATH']}"
        environment = {name: value for name, value in os.environ.items() if name not in {"PYTHON", "MAKEFLAGS"}}
        environment |= {"LOG": str(log), "PATH": path}
        command = ["make", ".venv/ready", *arguments]
        subprocess.run(command, cwd=self.folder, env=environment, check=True, capture_output=True)
        return log.read_text().splitlines() if log.exists() else []

    def mark_owners(self) -> Path:
        """Put something into the environment, and change what lmdecode requires."""
        (self.venv / "owners").touch()
        later = (self.venv / "bin").stat().st_mtime + 60
        os.utime(self.folder / "pyproject.toml", (later, later))
        return self.venv / "owners"


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


INSTALL = ".venv -m pip install --quiet --disable-pip-version-check --editable ."


def test_it_is_made_once(clone):
    asked = clone.ready()
    assert "usr -m venv --clear .venv" in asked
    assert asked[-1] == INSTALL
    assert clone.ready() == []


def test_a_change_of_the_requirements_updates_it_where_it_is(clone):
    clone.ready()
    owners = clone.mark_owners()
    assert clone.ready()[-1] == INSTALL
    assert owners.exists()


def test_an_environment_that_its_owner_made_is_kept_whatever_its_python(clone):
    clone.stand_in(clone.venv / "bin" / "python", "3.13")
    (clone.venv / "bin" / "activate").touch()
    owners = clone.mark_owners()
    assert clone.ready()[-1] == INSTALL
    assert owners.exists()


def test_another_python_that_was_asked_for_makes_it_anew(clone):
    clone.ready()
    other = clone.stand_in(clone.folder / "opt" / "bin" / "python", "3.12")
    owners = clone.mark_owners()
    assert "opt -m venv --clear .venv" in clone.ready(f"PYTHON={other}")
    assert not owners.exists()
    owners = clone.mark_owners()
    clone.ready(f"PYTHON={other}")
    assert owners.exists()


def test_without_pip_it_gets_one_or_is_made_anew(clone):
    clone.ready()
    owners = clone.mark_owners()
    (clone.venv / "bin" / "python.no-pip").touch()
    assert ".venv -m ensurepip" in clone.ready()
    assert owners.exists()
    clone.mark_owners()
    (clone.venv / "bin" / "python.no-pip").touch()
    (clone.venv / "bin" / "python.no-ensurepip").touch()
    assert "usr -m venv --clear .venv" in clone.ready()
    assert not owners.exists()


def test_one_that_was_interrupted_or_whose_python_is_gone_is_made_anew(clone):
    (clone.venv / "bin").mkdir(parents=True)
    (clone.venv / "bin" / "python").symlink_to(clone.folder / "gone")
    assert "usr -m venv --clear .venv" in clone.ready()
    (clone.venv / "bin" / "activate").unlink()
    clone.mark_owners()
    assert "usr -m venv --clear .venv" in clone.ready()
