"""Services that are announced on the loopback interface, also such as no honest machine announces.

Others may announce machines on this computer at the same time: its owner, or the same tests in another process. So a
test makes up a name that nobody else has (`own_serial`), looks for that name only, and leaves all other machines alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

zeroconf = pytest.importorskip("zeroconf")

TYPE = "_marzocco._tcp.local."
LOOPBACK = "127.0.0.1"
PATIENCES = (0.5, 1, 2, 4, 8)
"""Seconds to look for a machine: a moment is enough, unless this computer is busy."""


@contextlib.contextmanager
def announced(
    name: str, *, port: int = 1774, address: str = LOOPBACK, properties: dict[str, str] | None = None
) -> Iterator[Any]:
    """Announce a machine, whose host has the same name in `local`; yields the Zeroconf that announces it."""
    try:
        sender = zeroconf.Zeroconf(interfaces=[LOOPBACK])
    except OSError as error:
        pytest.skip(f"no multicast here: {error}")
    with contextlib.closing(sender):
        info = zeroconf.ServiceInfo(
            TYPE,
            f"{name}.{TYPE}",
            port=port,
            parsed_addresses=[address],
            server=f"{name}.local.",
            properties=properties or {},
        )
        sender.register_service(info)
        yield sender


def announce_raw(sender: Any, name: str) -> None:
    """Announce a name that no library would let anybody announce."""
    out = zeroconf.DNSOutgoing(zeroconf.const._FLAGS_QR_RESPONSE | zeroconf.const._FLAGS_AA)
    pointer = zeroconf.DNSPointer(TYPE, zeroconf.const._TYPE_PTR, zeroconf.const._CLASS_IN, 120, f"{name}.{TYPE}")
    out.add_answer_at_time(pointer, 0)
    sender.send(out)
