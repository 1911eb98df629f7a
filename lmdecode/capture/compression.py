"""Transparent reading of compressed captures."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import zlib
from collections.abc import Callable
from io import BufferedReader, RawIOBase
from typing import Any, Final, Protocol


class _Decompressor(Protocol):
    def read1(self, size: int, /) -> bytes:
        """Some bytes, as soon as there are any; none at the end."""


_Errors = tuple[type[Exception], ...]

_CHUNK: Final = 1 << 16


def _gzip(file: BufferedReader, _window: int) -> tuple[_Decompressor, _Errors]:
    return gzip.GzipFile(fileobj=file), (EOFError, zlib.error, gzip.BadGzipFile)


def _bzip2(file: BufferedReader, _window: int) -> tuple[_Decompressor, _Errors]:
    return bz2.BZ2File(file), (EOFError, OSError)


class _Xz:
    """The content of xz data, one stream after another; LZMAFile would do, if it had a limit for the memory."""

    def __init__(self, file: BufferedReader, window: int) -> None:
        self._file = file
        self._window = window
        self._decompressor = self._new()

    def _new(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=self._window)

    def read1(self, size: int, /) -> bytes:
        while True:
            if self._decompressor.eof:
                data = self._decompressor.unused_data.lstrip(b"\0")  # padding between streams
                if not data:
                    data = self._file.read1(_CHUNK).lstrip(b"\0")
                if not data:
                    return b""
                self._decompressor = self._new()
            else:
                data = self._file.read1(_CHUNK) if self._decompressor.needs_input else b""
                if self._decompressor.needs_input and not data:
                    raise EOFError
            piece = self._decompressor.decompress(data, size)
            if piece:
                return piece


def _xz(file: BufferedReader, window: int) -> tuple[_Decompressor, _Errors]:
    return _Xz(file, window), (EOFError, lzma.LZMAError)


def _zstd(file: BufferedReader, window: int) -> tuple[_Decompressor, _Errors]:
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 -- few captures need it

    return ZstdDecompressor(max_window_size=window).stream_reader(file, read_across_frames=True), (ZstdError,)


_COMPRESSIONS: Final[dict[bytes, tuple[str, Callable[[BufferedReader, int], tuple[_Decompressor, _Errors]]]]] = {
    b"\x1f\x8b": ("gzip", _gzip),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
    b"BZh": ("bzip2", _bzip2),
    b"\xfd7zXZ": ("xz", _xz),
}
"""By a file's first bytes: how it is compressed, and what reads it, with the errors that tell of damage."""


class Inflating(RawIOBase):
    """A compressed file's content; where that is damaged, an OSError that says so."""

    def __init__(
        self, file: BufferedReader, how: str, decompressor: _Decompressor, errors: _Errors, window: int
    ) -> None:
        """Read a file.

        Args:
            file: The compressed one.
            how: By what, and what is known to be wrong with it, for a sentence that goes on after "the ".
            decompressor: Reads it.
            errors: What that raises if the data are damaged.
            window: Bytes of memory that it may take.
        """
        self.name = file.name
        self._file = file
        self._how = how
        self._decompressor = decompressor
        self._errors = errors
        self._window = window

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 -- any writable buffer
        """Some bytes of the content, as soon as there are any."""
        try:
            # Not `read`: it would lose what it has when it comes upon damage.
            piece = self._decompressor.read1(len(buffer))
        except self._errors as error:
            if "memory" in str(error).lower():
                need = f"need more than {self._window >> 20} MB to be unpacked; unpack them first"
                raise OSError(errno.EIO, f"the {self._how.split()[0]} data {need}") from error
            raise OSError(errno.EIO, f"the {self._how}") from error
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Close the compressed file too."""
        self._file.close()
        super().close()


def is_compressed(start: bytes) -> bool:
    """Whether a file that starts with these bytes is compressed.

    >>> is_compressed(b"BZh91AY&SY"), is_compressed(b"")
    (True, False)
    """
    return start.startswith(tuple(_COMPRESSIONS))


def decompressed(file: BufferedReader, start: bytes, window: int) -> BufferedReader | None:
    """The content of a compressed file, or None if it is not compressed. Damage shows when it is come upon.

    Args:
        file: Positioned at its beginning.
        start: Its first bytes.
        window: Bytes of what was unpacked that may be kept. `zstd --long` needs 128 MB, `xz -9` 64; the formats allow
            4 GB, and a file of 100 KB may ask for it.
    """
    from lmdecode.capture.formats._pieces import TERMINAL, is_of_a_terminal  # noqa: PLC0415 -- a format opens this

    for magic, (how, open_with) in _COMPRESSIONS.items():
        if start.startswith(magic):
            wrong = f"was damaged: {TERMINAL}" if is_of_a_terminal(start) else "data end too early, or are damaged"
            return BufferedReader(Inflating(file, f"{how} {wrong}", *open_with(file, window), window), 1 << 18)
    return None
