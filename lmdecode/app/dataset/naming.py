"""The partition of each row: which protocol, which machine by its owner's name, which day.

Rows come as columns, a few thousand at a time, and there are few different machines among them. So each combination of
the columns that matter is looked at once, as a Record that has nothing else, by what names machines everywhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

from lmdecode.analysis.machines import MachineNames, host_of
from lmdecode.app.dataset.layout import Partition
from lmdecode.app.dataset.unit import Job
from lmdecode.codec.record import Kind, Record

_MADE_UP: Final = re.compile(r"(?:key|machine) \d+\Z").match


class Namer:
    """Tells the partitions of one capture's rows, in the order of the rows.

    Args:
        job: With the keys and what the configuration says of the machines.
    """

    def __init__(self, job: Job) -> None:
        self._names = MachineNames(job.keys, job.known)
        self._single = _only_name(job)
        self._hosts = frozenset(each.host.strip("[]") for each in job.known.machines)

    def partitions(self, batch: Any) -> tuple[list[Partition], Any]:  # noqa: ANN401 -- pyarrow has no types
        """Returns the partitions that occur in a batch, and for each row the number of its partition.

        Args:
            batch: A `pyarrow.RecordBatch` with the columns of `schema.record_schema`.

        Returns:
            The partitions, and a `pyarrow.Int32Array` as long as the batch.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        from lmdecode.render.array_making import array_of, scalar_of

        is_machine = pc.equal(batch["sender"], scalar_of("machine", pa.string()))
        end = pc.if_else(is_machine, batch["source"], batch["destination"])
        intact = pc.and_(pc.is_valid(batch["kind"]), pc.is_null(batch["raw"]))
        machines, numbers = combinations([batch["generation"], batch["stream"], batch["machine"], end, intact])
        names: dict[tuple[Any, ...], str | None] = {}
        for each in sorted(machines, key=lambda machine: not machine[-1]):  # an intact message tells whose the rest is
            names[each] = self._name(*each)
        dictionary = array_of([names[each] for each in machines], pa.string())
        name = dictionary.take(numbers)
        found, which = combinations([batch["generation"], name, batch["time"].cast(pa.date32())])
        return [
            Partition(kind, machine, None if day is None else day.isoformat()) for kind, machine, day in found
        ], which

    def _name(self, generation: str, stream: int, machine: str | None, end: str, intact: bool) -> str | None:  # noqa: FBT001 -- a row's columns
        """Returns what the owner calls the machine of some rows; None if nobody knows."""
        kind, raw = (Kind.READ, None) if intact else (None, b"")
        record = Record(0, stream, "machine", end, "", kind, raw=raw, machine=machine, generation=generation)
        host = host_of(record)
        bare = host.strip("[]")
        names = self._names.of(record)
        own = names[: -2 if bare == host else -3]  # then come the host, without its brackets as well, and the end
        given = [each for each in own if not _MADE_UP(each)]
        if not own and bare in self._hosts:  # a machine of the configuration that has no name
            return bare
        if not own and generation == "v3":  # its key is a token, which no message that is kept shows
            return self._single
        return next(iter(given or own), None)


def combinations(columns: Sequence[Any]) -> tuple[list[tuple[Any, ...]], Any]:
    """Returns the combinations of values that occur in some columns, and for each row the number of its combination.

    Args:
        columns: `pyarrow.Array`s of one length, at most some thousand rows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from lmdecode.render.array_making import scalar_of

    codes, dictionaries = None, []
    for column in columns:
        encoded = column.dictionary_encode(null_encoding="encode")
        dictionaries.append(encoded.dictionary.to_pylist())
        numbers = encoded.indices.cast(pa.int64())
        size = scalar_of(len(dictionaries[-1]), pa.int64())
        codes = numbers if codes is None else pc.add(pc.multiply(codes, size), numbers)
    assert codes is not None and math.prod(map(len, dictionaries)) < 1 << 62  # noqa: S101, PT018 -- see the argument
    encoded = codes.dictionary_encode()
    found = []
    for code in encoded.dictionary.to_pylist():
        values = []
        for dictionary in reversed(dictionaries):
            code, number = divmod(code, len(dictionary))  # noqa: PLW2901 -- its digits, from the last
            values.append(dictionary[number])
        found.append(tuple(reversed(values)))
    return found, encoded.indices


def _only_name(job: Job) -> str | None:
    """Returns the name of the owner's machine, if there is one key and no other machine."""
    if len(job.keys) != 1 or len(job.known.machines) > 1:
        return None
    names = job.known.names_of(job.keys[0])
    return next((each for each in names if not _MADE_UP(each)), None)
