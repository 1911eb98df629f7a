"""`lmdecode decode --format pcapng`: captures with what they say as comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lmdecode.app.decode import Outcome, read_packets
from lmdecode.cli._common.progress import progress_bar
from lmdecode.render import annotated_pcapng

if TYPE_CHECKING:
    from lmdecode.capture.net.packet import Packet
    from lmdecode.codec.record import Record
    from lmdecode.codec.v1.decoder import Decoder


def annotate(paths: Sequence[Path], decoder: Decoder, port: int, file: object) -> list[Outcome]:
    """Write all packets of some captures, one capture after the other, into one pcapng.

    Args:
        paths: The captures.
        decoder: With the machine's key.
        port: The machine's.
        file: A binary file.
    """
    outcomes = [Outcome(path) for path in paths]

    def packets() -> Iterator[tuple[Packet | None, list[Record]]]:
        connections = 0
        for outcome in outcomes:
            with progress_bar(outcome.path, onto_terminal=False) as progress:
                yield from read_packets(outcome, decoder, port, first_stream=connections, progress=progress)
            connections += outcome.statistics.connections

    annotated_pcapng.write(cast("BinaryIO", file), packets())
    return outcomes
