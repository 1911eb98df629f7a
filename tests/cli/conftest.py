"""The command as a user runs it: a process of its own, in an empty folder, with no configuration to be found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parents[2] / "captures"


class Command:
    """Runs `lmdecode` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("LMDECODE")}
        self.environment |= {
            "HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "home" / "config"),
            "TZ": "UTC",
            "COLUMNS": "80",
            "PYTHONIOENCODING": "utf-8",
        }
        self.line = [sys.executable, "-m", "lmdecode"]

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.line, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def fails(self, *arguments: object, code: int = 1, **environment: str) -> str:
        """Run a command that must fail without a traceback; its complaints."""
        result = self(*arguments, **environment)
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
        return result.stderr


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


@pytest.fixture
def config():
    return CAPTURES / "config.json"
