"""Memory images on disk."""

from __future__ import annotations

from pathlib import Path

from lmdecode.codec.memory_image import MemoryImage, MemoryImageError, parse_image

__all__ = ["load_image"]


def load_image(path: Path) -> MemoryImage:
    """Read an image.

    Raises:
        MemoryImageError: It cannot be read, or is no image.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
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
