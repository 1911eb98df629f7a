"""Memory images on disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from lmdecode.codec.v1.image import MemoryImage, MemoryImageError, parse_image

_LOOK: Final = 1 << 16
_MOST: Final = 32 << 20  # characters; all of the memory takes a hundredth, and /dev/zero has no end
_OBJECT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{").match


def load_image(path: Path) -> MemoryImage:
    """Reads a memory image.

    Raises:
        MemoryImageError: The file cannot be read, or is not an image.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_MOST)
    except FileNotFoundError:
        raise MemoryImageError(f"there is no file {path}: check its name, or make one with `lmdecode scan`") from None
    except IsADirectoryError:
        raise MemoryImageError(f"{path} is a folder: name the memory image in it") from None
    except UnicodeDecodeError:
        raise MemoryImageError(f"{path} is not a memory image: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise MemoryImageError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    try:
        return parse_image(text)
    except MemoryImageError as error:
        raise MemoryImageError(f"{path} is not a memory image: {error}") from None


def looks_like_image(path: Path) -> bool:
    """Returns True if a file begins like a memory image, of any version, and not like a capture."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_LOOK)
    except (OSError, ValueError):  # whoever reads it will say so
        return False
    return _OBJECT(start) is not None and (b'"format"' in start or b'"ranges"' in start)
