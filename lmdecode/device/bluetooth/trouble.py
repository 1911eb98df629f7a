"""What to do where Bluetooth does not work, for the errors that bleak and bumble raise on each system."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from lmdecode.device.errors import RadioError
from lmdecode.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINUX: Final[Mapping[str, str]] = {
    "NO_BLUETOOTH": "this computer has no Bluetooth adapter that works: `bluetoothctl list` shows those that there are",
    "NO_BLE_CENTRAL_ROLE": "this computer's Bluetooth adapter cannot do Bluetooth Low Energy: plug in a newer one",
    "POWERED_OFF": "Bluetooth is off: `rfkill unblock bluetooth && bluetoothctl power on` switches it on",
    "DENIED": "D-Bus does not let this user in: run it as the user who is logged in, not in a sandbox or as another",
}
_MACOS: Final[Mapping[str, str]] = {
    "NO_BLUETOOTH": "this Mac has no Bluetooth that macOS can use",
    "POWERED_OFF": "Bluetooth is off: switch it on in System Settings, Bluetooth",
    "DENIED": "macOS does not let this program use Bluetooth: allow your terminal in System Settings, Privacy & "
    "Security, Bluetooth; then start it again",
}
_WINDOWS: Final[Mapping[str, str]] = {
    "NO_BLUETOOTH": "this computer has no Bluetooth adapter that works: Device Manager, Bluetooth, shows those that "
    "there are",
    "NO_BLE_CENTRAL_ROLE": "this computer's Bluetooth adapter cannot do Bluetooth Low Energy: plug in a newer one",
    "POWERED_OFF": "Bluetooth is off: switch it on in Settings, Bluetooth & devices",
    "DENIED": "Windows does not let programs use the radio: allow it in Settings, Privacy & security, Radios",
}
_NO_BLUEZ: Final = (
    "BlueZ, which serves Bluetooth on Linux, does not run: `sudo systemctl enable --now bluetooth` starts it; if there "
    "is no such service, `sudo apt-get install bluez`"
)
_NO_DBUS: Final = (
    "there is no D-Bus here, over which Bluetooth is used on Linux: in a container, mount /run/dbus/system_bus_socket; "
    "or give a radio of its own with --radio, such as usb:0"
)
_DENIED_BY_DBUS: Final = (
    "D-Bus does not let this user use Bluetooth: `sudo usermod -aG bluetooth $USER`, then log in anew"
)
_BUSY: Final = "another program is looking for Bluetooth devices: wait a moment, and try again"


def missing_bleak(*, with_bumble: bool = False) -> RadioError:
    """Returns the error for a bleak that is not installed.

    Args:
        with_bumble: Whether bumble is needed too, so that one command installs both.
    """
    if with_bumble:
        return RadioError(f"--radio needs bleak 3 or newer, and bumble: {install_command('bumble')}")
    return RadioError(f"Bluetooth needs bleak 3 or newer, which is not installed: {install_command('bluetooth')}")


def missing_bumble() -> RadioError:
    """Returns the error for a bumble that is not installed."""
    return RadioError(f"--radio needs bumble, which is not installed: {install_command('bumble')}")


def why_no_radio(error: Exception, system: str = sys.platform) -> RadioError:
    """Returns the error that explains why this computer's Bluetooth cannot be used.

    Args:
        error: What bleak has raised, or what lies below it.
        system: The operating system, as `sys.platform` has it.

    >>> print(why_no_radio(FileNotFoundError(2, "No such file or directory"), "linux"))  # doctest: +ELLIPSIS
    there is no D-Bus here, over which Bluetooth is used on Linux: in a container, mount ...
    """
    reason = getattr(getattr(error, "reason", None), "name", "")
    if reason.startswith("DENIED"):
        reason = "DENIED"
    table = _MACOS if system == "darwin" else _WINDOWS if system == "win32" else _LINUX
    if reason in table:
        return RadioError(table[reason])
    if system == "linux" and (known := _why_on_linux(error)):
        return RadioError(known)
    if "turned on" in str(error):  # WinRT, where the watcher does not start
        return RadioError(table["POWERED_OFF"])
    if isinstance(error, TimeoutError) and system == "darwin":
        return RadioError(
            "macOS has not let this program use Bluetooth: if it asks, answer that your terminal may, and try again"
        )
    if isinstance(error, TimeoutError):
        return RadioError("this computer's Bluetooth does not answer: switch it off and on again, and try once more")
    return RadioError(f"this computer's Bluetooth cannot be used: {one_line(error)}")


def _why_on_linux(error: Exception) -> str:
    name = str(getattr(error, "dbus_error", ""))
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return _NO_DBUS
    if name.endswith((".ServiceUnknown", ".NameHasNoOwner")) or "org.bluez was not provided" in str(error):
        return _NO_BLUEZ
    if name.endswith((".AccessDenied", ".NotAuthorized", ".NotPermitted")) or isinstance(error, PermissionError):
        return _DENIED_BY_DBUS
    if name.endswith(".InProgress"):
        return _BUSY
    if name.endswith(".NotReady"):
        return _LINUX["POWERED_OFF"]
    return ""


def why_no_transport(transport: str, error: Exception) -> RadioError:
    """Returns the error that explains why a radio that bumble drives cannot be used.

    Args:
        transport: The radio, as its owner named it.
        error: What bumble has raised, or what lies below it.
    """
    what = f"--radio {transport[:60]}"
    scheme = transport.partition(":")[0]
    if isinstance(error, ConnectionRefusedError):
        return RadioError(
            f"{what}: nothing listens there: is it the port of a radio? `lmdecode simulate --generation bluetooth` is "
            "one"
        )
    if isinstance(error, TimeoutError):
        return RadioError(
            f"{what}: what is there does not answer as a Bluetooth radio does: is another program using it?"
        )
    if "unknown transport" in str(error) or isinstance(error, ValueError | AssertionError):
        return RadioError(
            f"{what} is not a radio: give usb:0, serial:/dev/ttyACM0,1000000 or tcp-client:127.0.0.1:6402"
        )
    if scheme == "usb":
        return RadioError(
            f"{what}: {one_line(error)}: is it plugged in, may this user use it (on Linux see /etc/udev/rules.d), and "
            "has the system let it go (on Linux `sudo hciconfig hci0 down`)?"
        )
    return RadioError(f"{what} cannot be used: {one_line(error)}")


def one_line(error: Exception) -> str:
    """Returns what an error says, as the end of a sentence."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = " ".join(said.split()).rstrip(".")
    return said[:200] or type(error).__name__
