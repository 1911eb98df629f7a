"""Capture files: packets, reassembled into TCP connections, decoded into Records.

Each name is loaded when it is first used, so that a part of this folder can be loaded without all the rest.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; the module typing is not needed for more
if TYPE_CHECKING:
    from lmdecode.capture.reader import PortTraffic, busiest_ports, decode_capture, decode_capture_into, decode_packets
    from lmdecode.capture.source import CaptureError, CaptureStatistics

__all__ = [
    "CaptureError",
    "CaptureStatistics",
    "PortTraffic",
    "busiest_ports",
    "decode_capture",
    "decode_capture_into",
    "decode_packets",
]

if not TYPE_CHECKING:  # to whom the names above are all there is

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'lmdecode.capture' has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 -- a part of this folder does without

        home = "source" if name in {"CaptureError", "CaptureStatistics"} else "reader"
        value = globals()[name] = getattr(import_module(f"lmdecode.capture.{home}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
