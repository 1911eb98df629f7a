"""The report of the newer generations: what their Records become on the page, and how it is drawn in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lmdecode.codec.record import Record
from lmdecode.render.report.data import ReportBuilder
from tests.analysis import newer
from tests.render.report.browser import CHROMIUM, Page
from tests.render.report.conftest import DRAWN
from tests.render.report.test_in_browser import written

in_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")


def report(records: list[Record]) -> dict[str, Any]:
    """The data of the page."""
    builder = ReportBuilder()
    for record in records:
        builder.add(record)
    return builder.as_data("A report", ["a.pcap"], [], empty=False)


def only(records: list[Record]) -> dict[str, Any]:
    """The one machine of the page."""
    (machine,) = report(records)["machines"]
    return machine  # type: ignore[no-any-return]


def both() -> list[Record]:
    return sorted(newer.radio_morning() + newer.cloud_morning(), key=lambda record: record.time_ns)


def test_a_target_is_never_a_measured_temperature():
    machine = only(newer.cloud_morning())
    assert machine["series"]["coffee_temp"]["values"] == []
    assert machine["summary"]["coffee"] is None
    assert [value for _, value in machine["set_points"]["coffee_set_temp"]] == [93.0, 94.0]


def test_the_words_of_the_cloud_are_bands():
    machine = only(newer.cloud_morning())
    bands = {band["label"]: band for band in machine["bands"]}
    assert bands["machine"]["words"] == [
        "StandBy",
        "PoweredOn",
        "Brewing",
        "PoweredOn",
        "Brewing",
        "PoweredOn",
        "StandBy",
    ]
    assert bands["coffee boiler"]["words"] == ["StandBy", "HeatingUp", "Ready", "NoWater", "Ready", "StandBy"]
    assert bands["coffee boiler"]["colors"][3] == "bad"
    assert bands["steam level"]["words"] == ["level 2"]
    ((start, end),) = bands["reservoir empty"]["intervals"]
    assert end - start == 18_000
    assert machine["summary"]["ready"] == 190_000
    assert "only those that are set" in machine["bands_note"]


def test_what_is_on_stays_on_while_nothing_is_said_on_a_connection():
    machine = only([newer.pushed(0, "lion", {"power": True}), newer.pushed(7200, "lion", {"coffee_set_temp": 93.0})])
    assert machine["summary"]["on"] == [[machine["first"], machine["last"], False]]
    again = newer.pushed(7200, "lion", {"coffee_set_temp": 93.0}, stream=1)
    machine = only([newer.pushed(0, "lion", {"power": True}), again])
    assert machine["summary"]["on"] == [[machine["first"], machine["first"], False]]


def test_an_open_valve_that_nobody_closes_is_no_band():
    assert "group valve" not in {band["label"] for band in only(newer.radio_morning())["bands"]}


def test_shots_of_before_are_shown_and_not_counted():
    machine = only(newer.cloud_morning())
    assert (machine["summary"]["coffees"], machine["summary"]["past"], machine["summary"]["ml"]) == (2, 4, None)
    assert [shot.get("past", False) for shot in machine["shots"]] == [True] * 4 + [False] * 2


def test_water_that_nothing_measures_is_no_0_ml():
    assert only([newer.pushed(0, "lion", {"power": True})])["summary"]["ml"] is None
    assert only(newer.local_morning())["summary"]["ml"] == 120


def test_a_command_that_is_queued_has_no_end_yet():
    writes = only(newer.cloud_morning())["writes"]
    assert [(write["text"], write["ok"], write.get("queued", False)) for write in writes] == [
        ("power yes", True, False),
        ("coffee_set_temp 94.0 °C", True, False),
        ("CoffeeMachineBackFlushStartCleaning", None, True),
    ]
    assert writes[0]["stream"] == "cloud 0"


def test_names_without_a_field():
    names = only(both())["unnamed"]
    assert [(each["via"], each["path"]) for each in names][:2] == [
        ("Bluetooth", "boilers[].new"),
        ("cloud", "CMCupWarmer"),
    ]
    assert [each["last"] for each in names][:2] == ["1", '{"warmth":3}']


def test_one_machine_by_bluetooth_and_through_the_cloud_is_one():
    machine = only(both())
    assert machine["name"] == newer.MACHINE
    assert "heard by Bluetooth and through the cloud" in " ".join(
        only([*both(), newer.cloud_morning()[3]._replace(stream=9)])["facts"]
    )
    assert [shot["what"] for shot in machine["shots"]].count("coffee") == 6  # four of before, and two


def test_messages_about_the_account_are_no_machine_unless_something_is_wrong():
    signin = newer.cloud_morning()[0]
    assert [machine["name"] for machine in report([signin])["machines"]] == ["lion.lamarzocco.io:443"]
    refused = signin._replace(problems=("refused with status 403",))
    names = [machine["name"] for machine in report([refused, *newer.cloud_morning()])["machines"]]
    assert names == [newer.MACHINE, "lion.lamarzocco.io:443"]


def test_a_time_before_the_one_that_is_asked_for_is_known():
    records = newer.cloud_morning()
    builder = ReportBuilder()
    for record in records:
        builder.add(record, shown=record.time_ns > newer.START_NS + 300 * 10**9)
    (machine,) = builder.as_data("A report", ["a.pcap"], [], empty=False)["machines"]  # type: ignore[misc]
    words = {band["label"]: band.get("words") for band in machine["bands"]}
    assert words["coffee boiler"] == ["Ready", "NoWater", "Ready", "StandBy"]
    assert words["switched on"] is None


def test_the_list_of_messages_has_whole_subjects():
    messages = report(newer.cloud_morning())["messages"]
    assert ["cloud 0", 0, "MESSAGE …/dashboard", "MESSAGE /ws/sn/MR012345/dashboard"] in [
        [*head] for head in messages["heads"]
    ]


@in_browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_each_generation_is_drawn(page: Page, tmp_path: Path, width: int, scheme: str) -> None:
    page.size(width, 900, mobile=width < 500)
    page.prefer(scheme)
    stories = {"v3": newer.local_morning(), "bluetooth": newer.radio_morning(), "lion": newer.cloud_morning()}
    for name, records in {**stories, "both": both()}.items():
        page.open(written(tmp_path / f"{name}.html", records))
        assert page.do(f"({DRAWN})('bands')")[0] >= 5, name  # type: ignore[index]
        assert page.do("document.documentElement.scrollWidth") == width, name
        assert page.do("$('deviations').hidden") == (name == "lion")
        legend = page.text("#temperatures .u-legend")
        assert ("coffee boiler" in legend) == (name != "lion")
        assert "coffee set to" in legend
        assert page.complaints == []


@in_browser
def test_the_page_of_the_cloud(page: Page, tmp_path: Path) -> None:
    page.size(1280, 900)
    page.open(written(tmp_path / "lion.html", newer.cloud_morning()))
    cards = page.text("#cards")
    assert "coffees\n2\n4 more in the cloud\u2019s list" in cards
    assert "coffee boiler set to\n94.0 °C\nbefore: 93.0" in cards
    assert "water, about" not in cards
    assert "1 of which the end is not known" in cards
    table = page.text("#shot-table")
    assert "coffee (history)\t29.0" in table
    assert "pulses" not in table
    assert "Tue 17 Nov" in table
    assert "queued it" in page.text("#write-table")
    assert "CMCupWarmer" in page.text("#name-table")
    assert page.do("document.querySelectorAll('#shot-table tr.pick').length") == 2
