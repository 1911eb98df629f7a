"""The units of systemd, as systemd reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from lmdecode.app.errors import UsageError
from tests.docs.pages import ROOT

UNITS = {"system": ROOT / "contrib/systemd/lmdecode-bridge.service"}
UNITS["user"] = UNITS["system"].parent / "user" / UNITS["system"].name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("kind", UNITS)
def test_systemd_has_nothing_to_say_against_a_unit(kind, tmp_path):
    unit = tmp_path / UNITS[kind].name
    text = UNITS[kind].read_text(encoding="utf-8")
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", text, flags=re.MULTILINE))
    result = subprocess.run(
        ["systemd-analyze", f"--{kind}", "verify", "--man=no", str(unit)],
        capture_output=True,
        encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("kind", UNITS)
def test_wrong_usage_is_not_tried_again_and_no_secret_is_on_a_command_line(kind):
    text = UNITS[kind].read_text(encoding="utf-8")
    assert f"RestartPreventExitStatus={UsageError.exit_code}\n" in text
    assert "Restart=on-failure\n" in text
    assert re.findall(r"^ExecStart=\S+ (.*)$", text, re.MULTILINE) == ["bridge $OPTIONS"]
    assert "LMDECODE_KEY" not in text
