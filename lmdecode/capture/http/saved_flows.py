"""Flows that mitmproxy saved, read one at a time, so that a damaged one costs itself only.

A file of them is a row of netstrings: a length, a colon, so many bytes, and a brace that ends a dictionary. mitmproxy
trusts what is in them: of damaged ones its reader and its converters of older formats raise whatever Python has. So the
row is followed here, and mitmproxy is given one flow after the other.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeVar

from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader
from mitmproxy.version import FLOW_FORMAT_VERSION, VERSION

from lmdecode.capture.http.exchange import Exchange
from lmdecode.capture.http.flow import exchange
from lmdecode.codec.errors import LmdecodeError
from lmdecode.extras import install_packages

T = TypeVar("T")

# Bytes of a flow, which mitmproxy holds several times. A request to the cloud has thousands, and a WebSocket with it
# that is open for days has megabytes: 8,000 for each time that anything changes.
_LARGEST: Final = 32 << 20
_MOST_VALUES: Final = 500_000  # each has a colon, and takes some 100 bytes as an object
_MATTERS: Final = b"lamarzocco"
_PIECE: Final = 1 << 18  # bytes
_LONGEST_BEGINNING: Final = 80  # bytes of what `_BEGINNING` looks at
_LONGEST_LENGTH: Final = 12  # digits; so mitmproxy has it
_BRACE: Final = ord("}")
_LENGTHS: Final = re.compile(rb"[0-9]:").finditer
_LENGTH = re.compile(rb"([1-9][0-9]{0,11}):").match  # mitmproxy writes no zeros before a number
# How a flow begins: its length, and the first of its names with a value, in Python 3's way of writing or in Python 2's.
# Digits may stand before it: where the end of a flow is lost, its last number and the next flow's length are one.
_BEGINNING = re.compile(rb"([1-9][0-9]{1,8}):(?=[0-9]{1,2}:[a-z_]{2,30}[;,][0-9]{1,9}:)").search
_VERSION = re.compile(r"format version (\d{1,9}|\(\d{1,9}, \d{1,9}\))(, please update)?", re.ASCII)


class SavedFlowsError(LmdecodeError):
    """A file of saved flows that cannot be read, or not all of it; one line."""


@dataclass(slots=True)
class _Tally:
    """What came of the flows of a file."""

    whole: int = 0
    damaged: int = 0
    too_large: int = 0
    newer: str = ""
    """The format of flows that this mitmproxy is too old for."""
    older: str = ""
    """The format of flows that no mitmproxy reads any more."""
    skipped: int = 0
    """Bytes between flows that are none."""
    cut_short: bool = False

    def complaint(self) -> str:
        """What is wrong with the file, and what to do; "" if nothing is."""
        wrong = []
        if self.newer:
            wrong.append(
                f"it was saved by a newer mitmproxy (flow format {self.newer}; mitmproxy {VERSION} here reads up "
                f"to {FLOW_FORMAT_VERSION}): export HAR where it was saved (mitmdump -nr FILE --set hardump=NEW.har) "
                f"or update mitmproxy, whose newest need Python 3.12: {install_packages('mitmproxy', upgrade=True)}"
            )
        if self.older:
            wrong.append(
                f"it was saved by a mitmproxy too old for mitmproxy {VERSION} (flow format {self.older}): "
                "record it again"
            )
        plural = "" if self.whole == 1 else "s"
        if self.damaged or self.too_large or (self.skipped and not self.cut_short):
            lost = _counted(self.damaged, "damaged") + _counted(self.too_large, "far larger than the cloud's are")
            lost += [f"{self.skipped:,} bytes are no flow"] if self.skipped else []
            wrong.append(f"{' and '.join(lost)}; {self.whole} flow{plural} of it can be read and are used")
        if self.cut_short:
            wrong.append(
                f"it is damaged or cut short after {self.whole} flow{plural}; the flows before that are used: "
                "save it again"
            )
        return "; ".join(wrong)


def _counted(count: int, what: str) -> list[str]:
    return [f"{count:,} flow{' is' if count == 1 else 's are'} {what}"] if count else []


def read_saved(file: BinaryIO) -> Iterator[Exchange]:
    """Yields the exchanges with the maker's hosts among saved flows.

    Raises:
        SavedFlowsError: After the last that can be read, if something cannot.
    """
    return read_flows(file, lambda flow: exchange(flow) if isinstance(flow, HTTPFlow) else None)


def read_flows(file: BinaryIO, of: Callable[[Flow], T | None]) -> Iterator[T]:
    """Yields what is made of saved flows.

    Args:
        file: The flows.
        of: Returns what is made of one, None if nothing is. Whatever it raises is a damaged flow.

    Raises:
        SavedFlowsError: After the last that can be read, if something cannot.
    """
    tally = _Tally()
    for frame in _frames(file, tally):
        found = _read(frame, tally, of)
        if found is not None:
            yield found
    complaint = tally.complaint()
    if complaint:
        raise SavedFlowsError(complaint)


def _read(frame: bytes, tally: _Tally, of: Callable[[Flow], T | None]) -> T | None:
    """Return what the caller makes of a flow; None if it makes nothing, or if the flow cannot be read."""
    # What is in its messages has colons too; those of a value's length stand behind a digit.
    if frame.count(b":") > _MOST_VALUES and sum(1 for _ in _LENGTHS(frame)) > _MOST_VALUES:
        tally.too_large += _MATTERS in frame.lower()
        return None
    try:
        flow = next(iter(FlowReader(io.BytesIO(frame)).stream()), None)
        found = None if flow is None else of(flow)
    except Exception as error:  # noqa: BLE001 -- it trusts what it reads, so it raises whatever there is
        version = _VERSION.search(str(error)[:200])
        if version is None:
            tally.damaged += 1
        elif version[2]:
            tally.newer = version[1]
        else:
            tally.older = version[1]
        return None
    tally.whole += 1
    return found


def _frames(file: BinaryIO, tally: _Tally) -> Iterator[bytes]:
    """Yields the flows of a file as they stand in it; after something else it goes on where the next one begins."""
    window = _Window(file)
    while window.fill(_LONGEST_LENGTH + 1):
        frame = window.frame()
        if frame is not None:
            yield frame
            continue
        end = window.claimed_end()
        begun = window.position
        found, mentions = window.pass_over()
        if end is not None and end == window.position and end - begun > _LARGEST:
            tally.too_large += mentions  # what somebody downloads is no loss
        elif not found:
            tally.cut_short = True
        elif end is not None:
            tally.damaged += 1
        else:
            tally.skipped += window.position - begun


class _Window:
    """The part of a file that is looked at."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._data = bytearray()
        self._at = 0
        self._before = 0  # how many bytes of the file precede the data
        self._ended = False

    @property
    def position(self) -> int:
        """Where in the file it is."""
        return self._before + self._at

    def fill(self, count: int) -> bool:
        """Reads ahead so far, if the file has it, and returns whether anything is left."""
        while len(self._data) - self._at < count and not self._ended:
            if self._at > _PIECE:  # all but a byte, by which a number is known to be whole
                self._before += self._at - 1
                del self._data[: self._at - 1]
                self._at = 1
            piece = self._file.read(max(_PIECE, count - len(self._data) + self._at))
            self._ended = not piece
            self._data += piece
        return self._at < len(self._data)

    def claimed_end(self) -> int | None:
        """Where what begins here says that it ends; None if it does not begin with a length."""
        length = _LENGTH(self._data, self._at)
        return self._before + length.end() + int(length[1]) + 1 if length else None

    def frame(self) -> bytes | None:
        """Takes what begins here if it is as long as it says and ends as a flow does."""
        length = _LENGTH(self._data, self._at)
        if length is None or int(length[1]) > _LARGEST:
            return None
        whole = len(length[0]) + int(length[1]) + 1
        self.fill(whole)
        if len(self._data) - self._at < whole or self._data[self._at + whole - 1] != _BRACE:
            return None
        with memoryview(self._data) as view:
            frame = bytes(view[self._at : self._at + whole])
        self._at += whole
        return frame

    def pass_over(self) -> tuple[bool, bool]:
        """Goes on to where the next flow begins, or to the end.

        Returns:
            Whether there is one, and whether the maker's cloud is mentioned in what was passed over.
        """
        mentions = False
        self._at += 1
        while True:
            candidate = _BEGINNING(self._data, self._at)
            if candidate is None and not self._ended:
                begun = self._at
                self._at = max(self._at, len(self._data) - _LONGEST_BEGINNING)
            else:
                begun = self._at
                self._at = candidate.start() if candidate else len(self._data)
            mentions = mentions or _MATTERS in self._data[max(begun - len(_MATTERS), 0) : self._at].lower()
            if candidate is None:
                if self._ended:
                    return False, mentions
                self.fill(len(self._data) - self._at + _PIECE)
            elif self._begins():
                return True, mentions
            else:
                self._at += 1

    def _begins(self) -> bool:
        """Whether a flow begins here. Other dictionaries look alike, but only a flow has a version at its end."""
        length = _LENGTH(self._data, self._at)
        if length is None or int(length[1]) > _LARGEST:
            return False
        whole = len(length[0]) + int(length[1]) + 1
        self.fill(whole)
        end = self._at + whole
        return self._data[end - 1 : end] == b"}" and b"7:version" in self._data[max(end - 40, self._at) : end]
