"""One message taken apart, for programs."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO

from rich.console import Console
from rich.panel import Panel

from lmdecode.api.arguments import Keys, PathLike, decoder_with
from lmdecode.app.explain import read_quoted
from lmdecode.codec.v1.message import Decoded, Message
from lmdecode.codec.v1.window import Fields
from lmdecode.render.explanation import MessagePart, explanation, parts

_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Explanation:
    """A message taken apart. `print` shows it as `lmdecode explain` does."""

    title: str
    decoded: Decoded
    windowed: bool = False
    """Whether only a window was given, not a whole message."""

    @property
    def message(self) -> Message | None:
        """The kind, address, length and data. None if the text could not be read as a message."""
        return self.decoded.message

    @property
    def fields(self) -> Fields:
        """The named values, in their units."""
        return dict(self.decoded.fields)

    @property
    def problems(self) -> tuple[str, ...]:
        """The problems of the message, one line each."""
        return self.decoded.problems

    @property
    def parts(self) -> list[MessagePart]:
        """Every byte in order, with its address, register, value and certainty in words."""
        return parts(self.decoded)

    def __rich__(self) -> Panel:
        return explanation(self.title, self.decoded, windowed=self.windowed)

    def __str__(self) -> str:
        with StringIO() as file:
            Console(file=file, width=_WIDTH, color_system=None, legacy_windows=False).print(self)
            return file.getvalue().rstrip("\n")


def explain(
    message: str, *, key: Keys | None = None, config: PathLike | None = None, show_secrets: bool = False
) -> Explanation:
    """Take a message apart: every byte with its register, value, unit and certainty.

    Args:
        message: A plaintext (`R401C000403BC04D8B6`), a preamble with or without data (`0310001D`), a range of addresses
            (`0x4000-0x4022`, `0x4000+35`), or a whole frame (`@…%`). Spaces are ignored.
        key: The key, as for `decode`; only a frame needs one.
        config: The configuration, as for `decode`.
        show_secrets: Whether the machine's cloud account is left readable.

    Raises:
        MessageError, AddressRangeError: The text is not a message, a range or a frame.
        KeyFormatError, MissingKeyError, ConfigError: As for `decode`.

    >>> import lmdecode
    >>> explanation = lmdecode.explain("R401C000403BC04D8B6")
    >>> explanation.fields
    {'coffee_temp': 95.6, 'steam_temp': 124.0}
    >>> [(hex(part.address), part.name, part.value, part.sure) for part in explanation.parts]
    [('0x401c', 'coffee_temp', '95.6 °C', 'seen'), ('0x401e', 'steam_temp', '124.0 °C', 'seen')]
    """
    found = read_quoted(
        message, lambda: decoder_with(key, config, show_secrets=show_secrets), show_secrets=show_secrets
    )
    return Explanation(*found)
