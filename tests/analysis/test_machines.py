"""Which machine a record is of, by all names that its owner may type."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.filters import parse_all
from lmdecode.analysis.machines import MachineNames, is_named, label_of
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.key import Key
from lmdecode.config.known import KnownMachine, KnownMachines

KEY, OTHER = Key(b"k" * 32), Key(b"o" * 32)
KITCHEN = KnownMachine(("kitchen", "SN1"), KEY, "10.0.0.5", None)
APP, END = "10.0.0.2:50000", "10.0.0.7:1774"


def said(**changes):
    return Record(0, 0, "machine", END, APP, Kind.READ, "report", 0x401C, 4)._replace(**changes)


def test_with_one_key_a_name_goes_with_what_it_decrypts():
    names = MachineNames([MachineKey("kitchen", KEY)], KnownMachines((KITCHEN,)))
    unread = said(kind=None, raw=b"@x%")
    assert names.of(unread) == ("10.0.0.7", END)  # whose it is, is not known yet
    assert names.of(said()) == ("kitchen", "SN1", "10.0.0.7", END)
    assert names.of(unread) == ("kitchen", "SN1", "10.0.0.7", END)  # of the same connection
    assert names.of(unread._replace(stream=1)) == ("10.0.0.7", END)


def test_before_a_key_fits_the_address_in_the_config_counts():
    names = MachineNames([MachineKey("kitchen", KEY)], KnownMachines((KITCHEN,)))
    unread = said(kind=None, raw=b"@x%", source="10.0.0.5:1774")
    assert names.of(unread) == ("kitchen", "SN1", "10.0.0.5", "10.0.0.5:1774")
    assert MachineNames((), KnownMachines((KITCHEN,))).of(unread)[0] == "kitchen"


def test_with_several_keys_the_one_that_fits_counts_and_not_the_address():
    keys = [MachineKey("kitchen", KEY), MachineKey("office", OTHER)]
    names = MachineNames(keys, KnownMachines((KITCHEN,)))
    assert names.of(said(machine="kitchen")) == ("kitchen", "SN1", "10.0.0.7", END)
    assert names.of(said(machine="office", source="10.0.0.5:1774", stream=1))[0] == "office"
    assert names.of(said(stream=2)) == ("10.0.0.7", END)


def test_a_message_that_names_its_machine_has_the_names_of_the_serial_number():
    lion = said(machine="SN1", source="lion.lamarzocco.io:443", generation="lion")
    for keys in ((), [MachineKey("kitchen", KEY)], [MachineKey("kitchen", KEY), MachineKey("office", OTHER)]):
        names = MachineNames(keys, KnownMachines((KITCHEN,)))
        assert names.of(lion) == ("kitchen", "SN1", "lion.lamarzocco.io", "lion.lamarzocco.io:443")
        assert is_named(names.of(lion), "kitchen")
        assert names.of(lion._replace(machine="SN2"))[0] == "SN2"  # of the same connection


def test_the_only_key_says_nothing_of_messages_that_it_does_not_decrypt():
    names = MachineNames([MachineKey("kitchen", KEY)], KnownMachines((KITCHEN,)))
    assert names.of(said(generation="lion"))[0] == "10.0.0.7"


def test_names_that_nobody_gave_tell_nothing_where_there_is_one_machine():
    assert MachineNames([MachineKey("key 1", KEY)]).of(said()) == ("10.0.0.7", END)


def test_an_address_of_ipv6_is_found_with_and_without_brackets():
    names = MachineNames().of(said(source="[fe80::1]:1774"))
    assert is_named(names, "fe80::1")
    assert is_named(names, "[fe80::1]")
    assert label_of(names) == "[fe80::1]"


@given(st.text(alphabet="kK1.:[]*?", min_size=1))
def test_each_name_names_itself(name):
    assert is_named([name], name)
    assert is_named([name.upper()], name.lower())


def test_a_condition_takes_every_name():
    names = MachineNames([MachineKey("kitchen", KEY)], KnownMachines((KITCHEN,)))
    for text, passes in (
        ("machine=kitchen", True),
        ("machine=sn1", True),
        ("machine=10.0.0.*", True),
        ("machine=office", False),
        ("machine!=office", True),
        ("machine=office,kitchen", True),
    ):
        assert parse_all([text], machines=names.of)(said()) is passes, text
