"""What is there for speed alone, all in one list, and the switch that turns it off.

lmdecode says the same without any of these parts, only later; docs/decisions/speed.md has what each was measured to be
worth. The environment variable `LMDECODE_WITHOUT` names those to do without: `LMDECODE_WITHOUT=batch,libpcap`, or
`all`. It works for every command, for programs that import lmdecode, and for the tests: `LMDECODE_WITHOUT=all make
test` compares the two ways as a whole. It is for that and for measurements (`bench/parts.py`), and nobody else needs
it, so no help shows it.

`lmdecode/__init__.py` reads it, once, and calls `do_without`. The rooms ask `is_off`, but for the codec, which is pure
and is told: `codec/v1/_fast.py` is the one seam for all that makes the decoding of v1 fast.
"""

from __future__ import annotations

PARTS = {
    "batch": ("codec/v1/_fast.py", "decrypts some thousand frames at once, and looks clean ones up"),
    "compiled": ("codec/v1/_compiled.py", "reads a window, or its line, by functions written for it, not step by step"),
    "columns": ("render/columnar.py", "fills the columns of tables, and CSV, without Records of clean messages"),
    "order": ("capture/connections.py", "takes segments by a short way that only go on where the last one ended"),
    "prefilter": (
        "capture/net/packet.py",
        "looks at packets where they lie: skips other ports, reads known ends",
    ),
    "libpcap": ("capture/net/libpcap.py", "has libpcap filter large captures, in a thread"),
    "startup": ("_startup.py", "loads the cipher by a shorter way, and a plain `decode` without Typer; ends at once"),
}
"""All that can be switched off: the file below `lmdecode/` that it is in, and what it does. One thing more is there for
speed alone and needs no switch: the worker processes of `--jobs` (`app/jobs.py`), which run only where somebody asks
for them."""

_OF_CODEC = frozenset(("batch", "compiled"))
_off: set[str] = set()


def is_off(name: str) -> bool:
    """Return whether to do without a part."""
    return name in _off


def do_without(names: str) -> None:
    """Turn parts off for the whole process, and all others on.

    Args:
        names: Of the parts, with commas between; "all" for all of them.

    Raises:
        SystemExit: There is no such part.
    """
    wanted = {name.strip() for name in names.split(",")} - {""}
    if not wanted <= {*PARTS, "all"}:
        unknown = ", ".join(sorted(wanted - {*PARTS, "all"}))
        raise SystemExit(f"lmdecode: LMDECODE_WITHOUT: no part is called {unknown}; there are all, {', '.join(PARTS)}")
    of_codec = _off & _OF_CODEC
    _off.clear()
    _off.update(PARTS if "all" in wanted else wanted)
    if of_codec != _off & _OF_CODEC:
        from lmdecode._startup import load_cipher  # noqa: PLC0415 -- only where somebody does without a part

        load_cipher()  # or else the codec loads it by the longer way
        from lmdecode.codec.v1 import _fast  # noqa: PLC0415 -- as above

        _fast.do_without(_off & _OF_CODEC)
