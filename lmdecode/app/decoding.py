"""One capture, decoded as the user asked and written."""

from __future__ import annotations

from collections.abc import Callable

from lmdecode.app.decode import Outcome, Settings, read, read_into
from lmdecode.app.writers import Writer
from lmdecode.codec.v1.decoder import Decoder


def decode_into(
    writer: Writer,
    outcome: Outcome,
    settings: Settings,
    decoder: Decoder,
    *,
    first_stream: int = 0,
    live: bool = False,
    progress: Callable[[int], None] | None = None,
    ahead: bool = False,
) -> None:
    """Write what the user wants to see of a capture. What is wrong with it does not raise, but is in the outcome.

    Args:
        writer: Writes it.
        outcome: Names the capture, and takes what comes of it.
        settings: What the user wants to see.
        decoder: With the user's keys.
        first_stream: The number of its first connection.
        live: Whether somebody waits for each record.
        progress: Called now and then with the position in the file, in bytes.
        ahead: Whether a second process may read it ahead.
    """
    if not (live or settings.where or settings.fields):
        make = writer.make
        writer.write_all(
            read_into(make, outcome, decoder, settings.port, first_stream=first_stream, progress=progress, ahead=ahead)
        )
        return
    records = read(outcome, decoder, settings.port, first_stream=first_stream, progress=progress, ahead=ahead)
    for outcome.shown, record in enumerate(settings.chosen(records), 1):
        writer.write(record)
        if live:
            writer.flush()
