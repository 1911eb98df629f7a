"""The memory that a simulated machine starts with: messages that real machines sent, by window.

Serial numbers, name and cloud account are made up. Of a model without a public message, such as the Linea Mini, it is
the GS3 AV's without what that model lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lmdecode.codec.v1.memory import Answer, Memory, NamedMemory, Region
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.model import MODELS
from lmdecode.codec.v1.windows import WINDOWS

_GS3_AV: Final[Mapping[int, str]] = {  # firmware 1.40: on, and warm
    0x0000: "010000026E313903C204D7000B16212C0B16212C00780076006E008203E808",
    0x0020: "0000014B00000098000001B1000000250000056A00000923000000180000000A00000AEE000000180000003A",
    0x0050: "000001FE000001890000977200001CA90000950000000075",
    0x00E2: "1E2832DE",
    0x0300: "001A0906020115",
    0x0310: "FF06110611061106110611061106110000000000000000000000000000",
    0x4000: "018C02536E303030303030303030300100000000000000010100005003AA0372000205",
    0x4060: "21140F00B003D704500050000F000F0064006400CA000600000101BD00990000",
}
_GS3_MP: Final[Mapping[int, str]] = {  # firmware 1.23: in standby
    0x0000: "00003C026E3230039804A6000608000012180000006E00DC0096012C03E811",
    0x0020: "0000024C000000000000000000000000000000000000024C000002430000000000000000000002430000015C",
    0x0050: "0000006B0000008600003F7B00001FB800000000000004DF",
    0x00E2: "00000000",
    0x0300: "00040B01140317",
    0x0310: "FE080C080C080C080C080C080C080C0000000000000000000000000000",
    0x4000: "027B02536E303030303030303030300000000000000000000100000001110126000001",
    0x4060: "0000009803A604500050000F000F006400640070000000000001550055000001",
}
_WINDOWS_OF: Final = {"GS3 AV": _GS3_AV, "GS3 MP": _GS3_MP}
_MODULE: Final = "Sn0000000000"
_ACCOUNT: Final = b"00000000-0000-4000-8000-000000000000\0not-a-password\0"
_ECHOING: Final = Region(0x0200, 0x100, Answer.ECHO)  # that some regions echo is known; which is our choice


def default_memory(model: str) -> Memory:
    """Returns the memory that a model starts with: all that the memory map knows."""
    memory = Memory()
    for row in REGISTERS:
        memory.write(row.address, bytes(row.size))
    for window in WINDOWS:
        memory.write(window.address, bytes(window.length))
    memory.mark(_ECHOING)
    for address, digits in _WINDOWS_OF.get(model, _GS3_AV).items():
        memory.write(address, bytes.fromhex(digits))
    registers = NamedMemory(memory)
    registers.put("module_ser_num", _MODULE)
    for name in ("power", "coffee_temp", "steam_temp"):  # so that all copies agree
        value = registers.get(name)
        if value is not None:
            registers.put(name, value)
    registers.put("machine_ser_num", _serial_of(model))
    registers.put("machine_name", f"simulated {model.rsplit(maxsplit=1)[-1]}")
    registers.put("cloud_broker", "mqtts://cloud.invalid:8883")
    for row in REGISTERS:
        if row.secret:
            memory.write(row.address, _ACCOUNT.ljust(row.size, b"\0"))
        if row.name is None and "FF" in row.note:
            memory.write(row.address, b"\xff" * row.size)
        # A real GS3 MP shows values where it has no keys; a model without a public message is not known to, so zeros.
        if model not in _WINDOWS_OF and row.writable and model not in row.models:
            memory.write(row.address, bytes(row.size))
    return memory


def _serial_of(model: str) -> str:
    """A made-up serial number: the models with the same prefix are numbered from 0."""
    prefix = MODELS[model].serial_prefix
    alike = [name for name, each in MODELS.items() if each.serial_prefix == prefix]
    return f"{prefix}{alike.index(model):06}"
