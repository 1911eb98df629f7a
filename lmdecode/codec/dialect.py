"""What stands between a byte stream and Records."""

from __future__ import annotations

from typing import Final

MDNS_SERVICE: Final = "_marzocco._tcp.local."
"""The service under which machines announce themselves by mDNS."""
