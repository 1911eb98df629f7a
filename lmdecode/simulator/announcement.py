"""The announcement of a simulated machine in the network, by mDNS."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from lmdecode.codec.dialect import MDNS_SERVICE
from lmdecode.extras import install_command

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 -- compared with, not listened on


class Announcement:
    """Announces a machine until it is withdrawn.

    Args:
        name: The machine's name; a number is added if another machine has it already.
        host: The address on which it listens.
        port: The port on which it listens.
        properties: What else is told: of the newer generations the serial number, as `sn`.
    """

    def __init__(self, name: str, host: str, port: int, properties: Mapping[str, str] = MappingProxyType({})) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._properties = properties
        self._zeroconf: AsyncZeroconf | None = None

    async def make(self) -> str | None:
        """Announces the machine; returns why that is not possible, None if it is."""
        try:
            from zeroconf import Error, InterfaceChoice, ServiceInfo  # noqa: PLC0415 -- optional
            from zeroconf.asyncio import AsyncZeroconf  # noqa: PLC0415 -- as above
        except ImportError:
            return f"zeroconf is not installed: {install_command('live')}"
        except OSError as error:  # too many open files
            return f"zeroconf cannot be loaded ({error.strerror})"
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # its errors become one line of ours
        everywhere = self._host in _EVERYWHERE
        try:
            self._zeroconf = AsyncZeroconf(interfaces=InterfaceChoice.All if everywhere else [self._host])
            addresses = _own_addresses() if everywhere else [self._host]
            info = ServiceInfo(
                MDNS_SERVICE,
                f"{self._name}.{MDNS_SERVICE}",
                port=self._port,
                properties=dict(self._properties),
                parsed_addresses=addresses,
                server=f"{self._name}.local.",
            )
            await (await self._zeroconf.async_register_service(info, allow_name_change=True))
        except (TimeoutError, OSError, Error, ValueError) as error:
            await self.withdraw()
            return f"the network does not allow it ({error or type(error).__name__})"
        return None

    async def withdraw(self) -> None:
        """Withdraws the announcement."""
        if self._zeroconf is not None:
            zeroconf, self._zeroconf = self._zeroconf, None
            await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()


def _own_addresses() -> list[str]:
    """Returns this computer's IPv4 addresses on its networks."""
    from ifaddr import get_adapters  # noqa: PLC0415 -- zeroconf brings it

    found = [ip.ip for adapter in get_adapters() for ip in adapter.ips if ip.is_IPv4]
    return [each for each in found if isinstance(each, str) and not each.startswith("127.")]
