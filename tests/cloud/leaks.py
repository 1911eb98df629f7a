"""Looks for secrets where none should be, however they are written there."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus


def written(secret: str) -> set[bytes]:
    """The ways in which a secret may stand in a file."""
    raw = secret.encode()
    ways = {raw, secret.encode("latin-1", "replace"), raw.hex().encode(), raw.hex().upper().encode()}
    ways |= {quote(secret).encode(), quote_plus(secret).encode(), quote(secret, safe="").encode()}
    ways |= {json.dumps(secret)[1:-1].encode(), repr(secret)[1:-1].encode(), repr(raw)[2:-1].encode()}
    for before in range(3):  # base64 of something with the secret in it, at each place that it may have there
        digits = base64.b64encode(b"\0" * before + raw + b"\0" * 3)
        first, last = (8 * before + 5) // 6, 8 * (before + len(raw)) // 6
        ways |= {digits[first:last], digits[first:last].replace(b"+", b"-").replace(b"/", b"_")}
    return ways


def leaks(folder: Path, secrets: Collection[str], *, allowed: Iterable[Path] = ()) -> list[tuple[str, str]]:
    """Which secrets are in which files of a folder, apart from those allowed to have them."""
    return [
        (path.name, secret)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in allowed
        for content in [path.read_bytes()]
        for secret in secrets
        if any(way in content for way in written(secret))
    ]
