"""bluetooth, the protocol of the machines' Bluetooth (2022 to today): ATT, with JSON in the values.

Its conversation takes one ATT PDU at a time, whole, as `data`; the app is the central and the machine the
peripheral.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lmdecode.codec.dialect import Dialect, FieldKind, OwnerAccess, Speaker


def _never(_payload: bytes) -> bool:
    """Return False: it is never on TCP."""
    return False


def _open(access: OwnerAccess) -> Speaker:
    from lmdecode.codec.bluetooth.conversation import speaker  # noqa: PLC0415 -- not every command decodes

    return speaker(access)


def _sniff_log(text: bytes) -> bool:
    from lmdecode.codec.bluetooth.log import looks_like_log  # noqa: PLC0415 -- as above

    return looks_like_log(text)


def _fields() -> Mapping[str, FieldKind]:
    from lmdecode.codec.vocabulary import fields_of  # noqa: PLC0415 -- as above

    return fields_of("bluetooth")


DIALECT: Final = Dialect(
    name="bluetooth",
    title="Bluetooth Low Energy, ATT",
    ports=(),
    sniff=_never,
    open=_open,
    fields=_fields,
    sniff_log=_sniff_log,
)
