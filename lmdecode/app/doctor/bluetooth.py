"""Whether this computer's Bluetooth can be used: an adapter that is on, and the right to use it.

What the kernel knows is read first, since it says most plainly why nothing would work. Then bleak is asked to listen
for a moment, in a process of its own, and its complaint is told as any command would tell it. Nothing is switched on,
and no device is connected to.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lmdecode.app.doctor.finding import Finding, State, answer
from lmdecode.extras import install_command

_NAME: Final = "Bluetooth"
_ADAPTERS: Final = Path("/sys/class/bluetooth")
_LISTEN: Final = """
import asyncio
from lmdecode.device.bluetooth.bleak_radio import radio_named
from lmdecode.device.errors import MachineError
try:
    asyncio.run(radio_named("").find(0.1))
except MachineError as error:
    print(error)
    raise SystemExit(3)
"""
_CANNOT: Final = 3


def bluetooth() -> list[Finding]:
    """Returns whether this computer's Bluetooth can be used, by this user."""
    if find_spec("bleak") is None:
        return [Finding(_NAME, State.MISSING, "not looked at: bleak is not installed", install_command("bluetooth"))]
    adapters = ""
    if sys.platform == "linux":
        blocked = _blocked(_ADAPTERS)
        if blocked is not None:
            return [blocked]
        adapters = f" ({', '.join(sorted(each.name for each in _adapters(_ADAPTERS)))})"
    # -P: a file of the current folder is not taken for one of the packages.
    code, said = answer([sys.executable, "-P", "-c", _LISTEN])
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    if code == _CANNOT:
        return [Finding(_NAME, State.MISSING, last)]
    if code:
        return [Finding(_NAME, State.BROKEN, f"bleak cannot listen: {last[:200] or f'the process ended with {code}'}")]
    return [Finding(_NAME, State.OK, f"this computer's adapter{adapters} is on, and this user may use it")]


def _blocked(folder: Path) -> Finding | None:
    """Returns why no Bluetooth adapter can work; None if at least one of them can.

    Args:
        folder: Where Linux has the adapters.
    """
    adapters = list(_adapters(folder))
    if not adapters:
        text = "no adapter: plug in one for USB; or for a radio that bumble drives, give --radio, such as usb:0"
        return Finding(_NAME, State.MISSING, text)
    if all(_is_set(each, "hard") for each in adapters):
        return Finding(_NAME, State.MISSING, "off: a switch or a key of this computer has switched the adapter off")
    if all(_is_set(each, "hard") or _is_set(each, "soft") for each in adapters):
        return Finding(
            _NAME, State.MISSING, "off: the adapter is blocked, as in airplane mode", "rfkill unblock bluetooth"
        )
    return None


def _adapters(folder: Path) -> Iterable[Path]:
    """Returns the folders of the adapters; connections have folders there too, hci0:64."""
    with contextlib.suppress(OSError):
        return [each for each in folder.iterdir() if each.name.startswith("hci") and ":" not in each.name]
    return []


def _is_set(adapter: Path, way: str) -> bool:
    """Returns whether rfkill blocks an adapter.

    Args:
        adapter: Its folder.
        way: "soft" for a program's block, "hard" for a switch.
    """
    for each in adapter.glob("rfkill*"):
        with contextlib.suppress(OSError):
            if (each / way).read_text(encoding="ascii", errors="replace").strip() == "1":
                return True
    return False
