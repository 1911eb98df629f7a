"""Write docs/memory-map.md from the memory map in the code. `make docs` runs it; a test sees to it that it was run."""

from __future__ import annotations

from pathlib import Path

from lmdecode.render.register_list import as_markdown, find

PAGE = Path(__file__).with_name("memory-map.md")
HEAD = """# The memory map

<!-- Made by `make docs` from lmdecode/codec/v1/memory_map.py; change it there. -->

Every register that is known, in the order of addresses, and below them the values that are worked out from registers.
Numbers are big-endian unless the type says otherwise, and in the unit beside the type: `uint16 × 0.1 °C` is a whole
number of tenths of a degree. The column *write* gives the range that may be written, *any* where every value of the
type may, *only* where there is nothing to read. The ranges are those of the Home Assistant integration; nobody has
tried a machine beyond them. A name may stand at several addresses, since the machine keeps copies. [The
protocol](protocol.md) says what *sure* means.

This is the memory of machines that speak v1. What the newer generations say is on the pages of names:
[v3](reference/names-v3.md), [Bluetooth](reference/names-bluetooth.md), [cloud1](reference/names-cloud1.md),
[lion](reference/names-lion.md).

The same in a terminal: `lmdecode registers`, `lmdecode registers temp`, `lmdecode registers 0x401D`.

"""


def page() -> str:
    """The page as it should be."""
    return HEAD + as_markdown(find(None))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
