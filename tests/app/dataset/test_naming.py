"""The partition of each row: as `MachineNames` names its machine, and the day of its time in UTC."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.dataset.naming import Namer, combinations
from lmdecode.app.dataset.schema import record_schema
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import State
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.key import Key
from lmdecode.config.known import KnownMachine, KnownMachines
from lmdecode.render.columnar import ColumnSink
from tests.app.dataset.exporting import KEY, KITCHEN, capture, export, job, unit

OTHER = Key.parse("y" * 32)
BAR = MachineKey("bar", OTHER)
TWO = KnownMachines(
    (
        KnownMachine(("kitchen", "MR012345"), KEY, "192.168.1.215", None),
        KnownMachine(("bar",), OTHER, "10.0.0.9", None),
    )
)


def record_batch(records, columns):
    sink = ColumnSink(columns)
    return next(sink.batches(map(sink.sink.record, records)))


def named(records, **about):
    found, which = Namer(job("years", **about)).partitions(record_batch(records, record_schema()))
    return [found[number] for number in which.to_pylist()]


def said(end="192.168.1.215:1774", stream=0, **about):
    return Record(0, stream, "machine", end, "10.0.0.2:50000", **{"kind": Kind.READ, **about})


def at(host, *names):
    return {"keys": (), "known": KnownMachines((KnownMachine(names, None, host, None),))}


DAMAGED = {"kind": None, "raw": b"x"}


@pytest.mark.parametrize(
    ("record", "about", "machine"),
    [
        (said(), {}, "kitchen"),  # one key, which decrypts it
        (said("10.0.0.9:1774"), {}, "kitchen"),  # it has another address meanwhile
        (said("10.0.0.9:1774", **DAMAGED), {}, None),
        (said(**DAMAGED), {}, "kitchen"),  # by its address
        (said(), {"keys": ()}, "kitchen"),
        (said(), {"keys": (), "known": KnownMachines()}, None),
        (said(machine="bar"), {"keys": (KITCHEN, BAR), "known": TWO}, "bar"),
        (said(machine="key 2"), {"keys": (KITCHEN, BAR._replace(name="key 2")), "known": TWO}, "bar"),
        (said(machine="key 2"), {"keys": (KITCHEN, BAR._replace(name="key 2")), "known": KnownMachines()}, "key 2"),
        (said(), {"keys": (KITCHEN._replace(name="key 1"),), "known": KnownMachines()}, None),
        (said(generation="v3"), {}, "kitchen"),
        (said("10.0.0.77:8081", generation="v3"), {}, "kitchen"),  # the only machine, at another address
        (said("10.0.0.77:8081", generation="v3"), {"known": TWO}, None),
        (said("10.0.0.9:8081", generation="v3"), {"known": TWO}, "bar"),
        (said("lion.lamarzocco.io:443", machine="MR012345", generation="lion"), {}, "kitchen"),
        (said("lion.lamarzocco.io:443", machine="LM009999", generation="lion"), {}, "LM009999"),
        (said("lion.lamarzocco.io:443", generation="lion"), {}, None),
        (said("AA:BB:CC:DD:EE:FF", machine="MR012345", generation="bluetooth"), {}, "kitchen"),
        (
            said("[fe80::2]:1774"),
            {"keys": (), "known": KnownMachines((KnownMachine(("x",), None, "fe80::2", None),))},
            "x",
        ),
        (
            said("[fe80::2]:1774"),
            {"keys": (), "known": KnownMachines((KnownMachine((), None, "fe80::2", None),))},
            "fe80::2",
        ),
        (
            said(),
            {"keys": (), "known": KnownMachines((KnownMachine((), None, "192.168.1.215", None),))},
            "192.168.1.215",
        ),
    ],
)
def test_a_machine_has_its_owners_name(record, about, machine):
    (found,) = named([record], **about)

    assert found == (record.generation, machine, "1970-01-01")


def test_from_the_app_it_is_the_machine_all_the_same():
    asked = Record(0, 0, "app", "10.0.0.2:50000", "192.168.1.215:1774", **DAMAGED)

    assert named([asked], keys=())[0].machine == "kitchen"


def test_one_whole_message_tells_whose_the_connection_is():
    lost, whole = said("10.0.0.50:1774", **DAMAGED), said("10.0.0.50:1774")
    other = said("10.0.0.51:1774", 1, **DAMAGED)
    namer = Namer(job("years"))
    first, which = namer.partitions(record_batch([lost, whole, other], record_schema()))
    later, _ = namer.partitions(record_batch([lost], record_schema()))

    assert [first[number].machine for number in which.to_pylist()] == ["kitchen", "kitchen", None]
    assert later[0].machine == "kitchen"


@given(st.lists(st.integers(-(1 << 63) - 5, (1 << 63) + 5), min_size=1, max_size=20))
def test_the_date_is_that_of_the_time_in_utc(times):
    found = named([said()._replace(time_ns=each) for each in times])

    for time_ns, partition in zip(times, found, strict=True):
        if -(1 << 63) <= time_ns < 1 << 63:
            day = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).date().isoformat()
            assert partition.date == day
        else:
            assert partition.date is None


@given(st.lists(st.tuples(st.sampled_from("abc") | st.none(), st.integers(0, 3) | st.none(), st.booleans())))
def test_each_combination_is_there_once(rows):
    columns = [
        pa.array([row[number] for row in rows], kind)
        for number, kind in enumerate((pa.string(), pa.int64(), pa.bool_()))
    ]
    found, which = combinations(columns)

    assert [found[number] for number in which.to_pylist()] == rows
    assert len(found) == len(set(rows))


@pytest.mark.parametrize("name", ["..", "bar..2", "a\\b", "C:"])
def test_a_machine_may_have_any_name(tmp_path, name):
    keys = (MachineKey(name, KEY),)
    for state in (State.ADDED, State.PRESENT):
        (result,) = export(tmp_path / "years", [unit(capture(tmp_path / "a.pcap"))], keys=keys, known=KnownMachines())
        assert result.state is state
    assert {each.machine for each in open_dataset(str(tmp_path / "years")).files()} == {name}
