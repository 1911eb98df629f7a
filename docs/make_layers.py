"""Write the tables of layers in docs/how-to/formats.md. `make docs` runs it; a test sees to it that it was run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lmdecode.capture.net.encapsulation import LAYERS, UNREAD
from lmdecode.capture.net.step import ETHERTYPE, IP_PROTOCOL, LINK, PPP, UDP_PORT

PAGE: Final = Path(__file__).with_name("how-to") / "formats.md"
BEGIN: Final = "<!-- Made by `make docs` from lmdecode/capture/net/encapsulation.py; change it there. -->"
END: Final = "<!-- The end of what is made. -->"

_SPACES: Final = {
    LINK: ("link type", "{}"),
    ETHERTYPE: ("Ethernet type", "0x{:04x}"),
    PPP: ("PPP protocol", "0x{:04x}"),
    IP_PROTOCOL: ("IP protocol", "{}"),
    UDP_PORT: ("UDP port", "{}"),
}


def _known_by(keys: Iterable[tuple[int, int]]) -> str:
    """What a layer is known by: `UDP port 4789, 8472`."""
    spaces: dict[int, list[int]] = {}
    for space, number in keys:
        spaces.setdefault(space, []).append(number)
    said = []
    for space, numbers in spaces.items():
        name, form = _SPACES[space]
        said.append(f"{name} {', '.join(form.format(number) for number in numbers)}")
    return "; ".join(said) or "its header"


def _table(head: tuple[str, str, str], rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [head, ("---", "---", "---"), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def tables() -> str:
    """The tables as they should be."""
    links = [layer for layer in LAYERS if layer.keys[0][0] == LINK]
    around = [layer for layer in LAYERS if layer.keys[0][0] != LINK and layer.where]
    return "\n\n".join(
        (
            "lmdecode reads these link types, the beginning of each packet in a file:",
            _table(
                ("link type", "number", "where"),
                ((each.name, ", ".join(str(number) for _, number in each.keys), each.where) for each in links),
            ),
            "It looks through these around an IP packet, in any order, and several deep:",
            _table(("layer", "known by", "where"), ((each.name, _known_by(each.keys), each.where) for each in around)),
            "It cannot look into these:",
            _table(
                ("layer", "known by", "what to do"), ((each.name, _known_by(each.keys), each.advice) for each in UNREAD)
            ),
        )
    )


def page(text: str) -> str:
    """The page with its tables as they should be.

    Args:
        text: The page.
    """
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
