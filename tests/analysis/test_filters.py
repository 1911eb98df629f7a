from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.columns import field_kinds, record_columns
from lmdecode.analysis.filters import FilterError, parse, parse_all
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.windows import WINDOWS

TIME = 1_795_229_755_174_158_000  # 2026-11-21T02:55:55.174158Z

REPORT = Record(
    TIME,
    0,
    "machine",
    "192.168.1.215:1774",
    "[fe80::1]:36364",
    Kind.READ,
    "report",
    0x401C,
    4,
    fields={"coffee_temp": 95.6, "steam_temp": 124.0},
)
REQUEST = Record(TIME, 3, "app", "192.168.1.150:36364", "192.168.1.215:1774", Kind.READ, "request", 0x0310, 0x1D)
TOOK = Record(TIME, 0, "machine", "a:1774", "b:2", Kind.WRITE, "response", 0, 1, ok=True, elapsed=0.25)
REFUSED = TOOK._replace(ok=False)
GAP = Record(TIME, 0, "app", "b:2", "a:1774", problems=("gap: 3 bytes are not in the capture",))
STATUS = REPORT._replace(
    address=0x4000,
    length=0x23,
    fields={
        "power": True,
        "heating_state": ["pump_on", "heating_on"],
        "prebrew_flag": "off",
        "mon_on_time": "06:30",
        "firmware_ver": "1.20",
        "key_active": 3,
    },
)
IDLE = STATUS._replace(fields={"heating_state": [], "power": False})


@pytest.mark.parametrize(
    ("text", "fitting", "others"),
    [
        ("kind=read", [REPORT, REQUEST], [TOOK, GAP]),
        ("kind == READ", [REPORT], [TOOK]),
        ("kind=read,write", [REPORT, TOOK], [GAP]),
        ("kind!=read", [TOOK, GAP], [REPORT]),
        ("role=report", [REPORT], [REQUEST, GAP]),
        ("sender=app", [REQUEST, GAP], [REPORT]),
        ("stream=0", [REPORT], [REQUEST]),
        ("stream>=3", [REQUEST], [REPORT]),
        ("stream=1..5", [REQUEST], [REPORT]),
        ("source=192.168.1.*", [REPORT, REQUEST], [TOOK]),
        ("source=192.168.1.215", [REPORT], [REQUEST]),
        ("source=192.168.1.215:1774", [REPORT], [REQUEST]),
        ("destination=[fe80::1]", [REPORT], [REQUEST]),
        ("address=0x401C", [REPORT, STATUS], [REQUEST, GAP]),
        ("address=16415", [REPORT], [REQUEST]),
        ("address=0x4020", [STATUS], [REPORT]),
        ("address=0x401F..0x5000", [REPORT, STATUS], [REQUEST]),
        ("address=0x4020..0x5000", [STATUS], [REPORT]),
        ("address=0x4020-0x5000", [STATUS], [REPORT]),
        ("address=0x4020+35", [STATUS], [REPORT]),
        ("address=0x0300,0x4020+0x1000", [STATUS], [REPORT]),
        ("address!=0x401C", [REQUEST, GAP], [REPORT]),
        ("length>4", [REQUEST], [REPORT, GAP]),
        ("name=coffee_temp", [REPORT, STATUS], [REQUEST, GAP]),
        ("name=mon_*", [REQUEST], [REPORT]),
        ("name=mon_on_time", [REQUEST], [REPORT]),
        ("name=mon_*,steam_temp", [REQUEST, REPORT], [TOOK]),
        ("name!=coffee_temp", [REQUEST, GAP], [REPORT]),
        ("problems", [GAP], [REPORT]),
        ("problems=no", [REPORT], [GAP]),
        ("problems!=no", [GAP], [REPORT]),
        ("ok=no", [REFUSED], [TOOK, REPORT]),
        ("ok", [TOOK], [REFUSED, REPORT]),
        ("elapsed>0.2", [TOOK], [REPORT]),
        ("elapsed<0.2", [], [TOOK, REPORT]),
        ("coffee_temp>95", [REPORT], [REQUEST, STATUS]),
        ("coffee_temp>95.6", [], [REPORT]),
        ("coffee_temp>=95.6", [REPORT], []),
        ("coffee_temp=95.6,90", [REPORT], [REQUEST]),
        ("coffee_temp=90..95", [], [REPORT]),
        ("coffee_temp!=95.6", [], [REPORT, REQUEST]),
        ("power=true", [STATUS], [IDLE, REPORT]),
        ("power", [STATUS], [IDLE, REPORT]),
        ("power!=yes", [IDLE], [STATUS, REPORT]),
        ("heating_state=pump_on", [STATUS], [IDLE, REPORT]),
        ("heating_state=none", [IDLE], [STATUS, REPORT]),
        ("heating_state!=pump_on", [IDLE], [STATUS, REPORT]),
        ("prebrew_flag=off,preinfusion", [STATUS], [REPORT]),
        ("prebrew_flag!=off", [], [STATUS, REPORT]),
        ("mon_on_time<7:00", [STATUS], [REPORT]),
        ("mon_on_time=06:*", [STATUS], [REPORT]),
        ("firmware_ver=1.2*", [STATUS], [REPORT]),
        ("key_active=3", [STATUS], [REPORT]),
        ("time=02:55", [REPORT], []),
        ("time=02:54", [], [REPORT]),
        ("time=02:50..02:55", [REPORT], []),
        ("time=02:50..02:54", [], [REPORT]),
        ("time=02:55:55", [REPORT], []),
        ("time=02:55:55.174", [REPORT], []),
        ("time=02:55:55.175..", [], [REPORT]),
        ("time=..02:55:55.0", [], [REPORT]),
        ("time=23:00..03:00", [REPORT], []),
        ("time=23:00..02:00", [], [REPORT]),
        ("time=2026-11-21", [REPORT], []),
        ("time=2026-11-22..", [], [REPORT]),
        ("time=2026-11-21T02:55Z..2026-11-21 02:56", [REPORT], []),
        ("time=2026-11-21T03:55+01:00", [REPORT], []),
        ("time=03:55+01:00", [REPORT], []),
        ("time!=02:55", [], [REPORT]),
        ("time=01:00,02:55", [REPORT], []),
    ],
)
def test_what_a_condition_lets_through(text, fitting, others):
    passes = parse(text)
    assert [record for record in fitting if not passes(record)] == []
    assert [record for record in others if passes(record)] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "examples are kind=write"),
        ("=3", "what is to be = 3?"),
        ("kind=", "nothing to compare with"),
        ("kind=wirte", "did you mean write?"),
        ("kind=,", "an alternative is empty"),
        ("role=asking", "it is one of request, response, report"),
        ("knid=read", "did you mean kind?"),
        ("cofee_temp>9", "did you mean coffee_temp?"),
        ("zzz=1", "`lmdecode registers` or one of kind, role"),
        ("coffee_temp", "in quotes"),
        ("coffee_temp=hot", "coffee_temp is a number"),
        ("coffee_temp=1e999", "coffee_temp is a number"),
        ("coffee_temp>hot", "'coffee_temp>hot': coffee_temp is a number"),
        ("kind>read", "kind takes = and != only"),
        ("address=401C", "write 0x4000, 0x4000-0x4022"),
        ("address=0x4022..0x4000", "ends before it begins"),
        ("address=99999", "beyond the last address"),
        ("name=cofee_temp", "did you mean coffee_temp?"),
        ("name=zzz*", "no field fits"),
        ("problems=gap", "yes or no"),
        ("power=maybe", "yes or no"),
        ("heating_state=pump", "did you mean pump_on?"),
        ("prebrew_flag>off", "has no order"),
        ("mon_on_time=dawn", "written 06:30"),
        ("time=25:00", "is written 02:55"),
        ("time=2026-02-30", "is not a date"),
        ("time=..", "on one side at least"),
        ("time=2026-11-21..02:57", "on both sides or on none"),
        ("time=2026-11-21..2026-11-20", "ends before it begins"),
    ],
)
def test_what_is_not_understood_is_explained_in_one_line(text, words):
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    st.text(max_size=30)
    | st.builds(
        "{}{}{}".format,
        st.sampled_from([*record_columns(), "name", *field_kinds()]),
        st.sampled_from(["=", "!=", ">", "<", ">=", "<=", ""]),
        st.text(max_size=20) | st.from_regex(r"[0-9T:.,xZ*+-]{0,24}", fullmatch=True),
    )
)
def test_any_text_is_a_filter_or_a_filter_error(text):
    try:
        passes = parse(text)
    except FilterError:
        return
    for record in (REPORT, REQUEST, GAP, STATUS, IDLE, TOOK):
        assert passes(record) in {True, False}


@given(st.sampled_from([*field_kinds()]), st.sampled_from([window for window in WINDOWS if window.length > 1]))
def test_a_name_is_one_for_any_window(name, window):
    record = REQUEST._replace(address=window.address, length=window.length)
    assert parse(f"name={name}")(record) is not parse(f"name!={name}")(record)


@pytest.mark.parametrize("text", ["machine_running_seconds>10", "name=machine_running_seconds"])
def test_a_name_of_earlier_versions_is_taken(text):
    usage = Record(0, 0, "machine", "a", "b", Kind.READ, "response", 0x0058, 4, fields={"machine_running_minutes": 11})
    assert parse(text)(usage)
    assert not parse(text)(usage._replace(address=0x0050, fields={}))


def test_several_conditions_must_all_be_fulfilled():
    both = parse_all(["kind=read", "sender=app"])
    assert both(REQUEST)
    assert not both(REPORT)
    assert parse_all([]) is None


def test_words_of_a_record_are_no_names_of_fields():
    assert not {*record_columns(), "name"} & set(field_kinds())


def test_a_generation_is_one_that_there_is():
    lion = REPORT._replace(generation="lion")
    found = [parse(text)(lion) for text in ("generation=LION", "generation=v*,lion", "generation!=lion")]
    assert found == [True, True, False]
    with pytest.raises(FilterError, match=r"generations are v1, .*lion"):
        parse("generation=lions")
