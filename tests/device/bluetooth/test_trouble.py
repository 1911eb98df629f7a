"""No Bluetooth on this computer: one clear line each, for what bleak raises on each system."""

from __future__ import annotations

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)

from lmdecode.device.bluetooth.trouble import (
    missing_bleak,
    missing_bumble,
    one_line,
    why_no_radio,
    why_no_transport,
)
from lmdecode.device.errors import RadioError
from lmdecode.extras import install_command

_DBUS = "org.freedesktop.DBus.Error"
_REASON = BleakBluetoothNotAvailableReason


def unavailable(reason: BleakBluetoothNotAvailableReason) -> Exception:
    return BleakBluetoothNotAvailableError("Bluetooth is not available", reason)


@pytest.mark.parametrize(
    ("system", "error", "words"),
    [
        ("linux", unavailable(_REASON.NO_BLUETOOTH), "bluetoothctl list"),
        ("linux", unavailable(_REASON.NO_BLE_CENTRAL_ROLE), "cannot do Bluetooth Low Energy"),
        ("linux", unavailable(_REASON.POWERED_OFF), "bluetoothctl power on"),
        ("linux", unavailable(_REASON.DENIED_BY_SYSTEM), "does not let this user in"),
        ("linux", unavailable(_REASON.UNKNOWN), "cannot be used: "),
        (
            "linux",
            BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["no org.bluez"]),
            "enable --now bluetooth",
        ),
        ("linux", BleakDBusError(f"{_DBUS}.AccessDenied", ["Rejected"]), "usermod -aG bluetooth"),
        ("linux", BleakDBusError("org.bluez.Error.InProgress", ["already"]), "another program is looking"),
        ("linux", BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), "bluetoothctl power on"),
        ("linux", FileNotFoundError(2, "No such file or directory"), "no D-Bus here"),
        ("linux", PermissionError(13, "Permission denied"), "usermod -aG bluetooth"),
        ("linux", TimeoutError(), "does not answer"),
        ("darwin", unavailable(_REASON.NO_BLUETOOTH), "this Mac has no Bluetooth"),
        ("darwin", unavailable(_REASON.POWERED_OFF), "System Settings, Bluetooth"),
        ("darwin", unavailable(_REASON.DENIED_BY_USER), "Privacy & Security, Bluetooth"),
        ("darwin", unavailable(_REASON.DENIED_BY_UNKNOWN), "Privacy & Security, Bluetooth"),
        ("darwin", TimeoutError(), "answer that your terminal may"),
        ("win32", unavailable(_REASON.NO_BLUETOOTH), "Device Manager"),
        ("win32", unavailable(_REASON.POWERED_OFF), "Settings, Bluetooth & devices"),
        ("win32", unavailable(_REASON.DENIED_BY_USER), "Privacy & security, Radios"),
        ("win32", BleakError("Failed to start scanner. Is Bluetooth turned on?"), "Settings, Bluetooth & devices"),
        ("win32", OSError(22, "The device is not ready"), "cannot be used: The device is not ready"),
    ],
)
def test_what_to_do_on_each_system(system: str, error: Exception, words: str) -> None:
    found = why_no_radio(error, system)
    assert isinstance(found, RadioError)
    assert words in str(found)
    assert "\n" not in str(found)
    assert found.exit_code == 3


@pytest.mark.parametrize(
    ("transport", "error", "words"),
    [
        ("tcp-client:127.0.0.1:6402", ConnectionRefusedError(111, "refused"), "simulate --generation bluetooth"),
        ("tcp-client:127.0.0.1:6402", TimeoutError(), "does not answer as a Bluetooth radio does"),
        ("usb:0", OSError(5, "device not found"), "is it plugged in"),
        ("serial:/dev/ttyACM0", PermissionError(13, "Permission denied"), "cannot be used: Permission denied"),
        ("nonsense", ValueError("unknown transport scheme"), "is not a radio: give usb:0"),
    ],
)
def test_a_radio_of_its_own(transport: str, error: Exception, words: str) -> None:
    found = str(why_no_transport(transport, error))
    assert found.startswith(f"--radio {transport}")
    assert words in found


def test_what_is_not_installed() -> None:
    assert "needs bleak 3 or newer" in str(missing_bleak())
    assert "needs bumble" in str(missing_bumble())
    both = str(missing_bleak(with_bumble=True))
    assert "needs bleak 3 or newer, and bumble: " in both
    assert both.endswith(install_command("bumble"))


def test_an_error_is_one_line() -> None:
    assert one_line(ValueError("one\n two  three.")) == "one two three"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 1000))) == 200
