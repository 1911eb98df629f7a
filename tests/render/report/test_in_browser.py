"""The report in a real browser: it draws itself, reaches no network, and shows what was said.

With LMDECODE_SCREENSHOTS=docs in the environment, the pictures in the documentation are made anew.
"""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path

import pytest

from lmdecode.analysis.times import in_zone
from lmdecode.codec.record import Record
from lmdecode.render.report.data import ReportBuilder
from lmdecode.render.report.page import render
from tests.analysis.tape import Tape
from tests.render.report.browser import CHROMIUM, Page
from tests.render.report.conftest import DRAWN

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")

HOSTILE = "</script><script>window.hacked=1</script><img src=http://192.0.2.1/x onerror=window.hacked=1>"


def written(path: Path, records: list[Record], title: str = "A report") -> Path:
    analysis = ReportBuilder()
    for record in records:
        analysis.add(record)
    path.write_text(render(analysis.as_data(title, ["a.pcap"], [], empty=False), title), encoding="utf-8")
    return path


def test_the_day_is_drawn_without_an_error_and_without_the_network(page: Page, day: Path) -> None:
    page.open(day)
    for name, colours in {"temperatures": 5, "deviations": 4, "bands": 6, "flow": 6, "heat": 5}.items():
        assert page.do(f"({DRAWN})('{name}')") >= [colours], name
    cards = page.text("#cards")
    assert "06:30–19:00" in cards
    assert "coffees\n14\n2 of them known by counters only" in cards
    assert "712 ml" in cards
    assert "93.2–96.1 °C" in cards
    assert "11\n1 refused" in cards
    assert page.do("document.querySelectorAll('#shot-table tbody tr').length") == 18
    assert "dose_k1 1200 pulses\trefused it" in page.text("#write-table")
    assert "gap: 90 bytes are not in the capture" in page.text("#problem-table")
    assert page.requests == [day.as_uri()]


def test_the_page_is_a_small_file(day: Path) -> None:
    assert day.stat().st_size < 2_500_000


def test_the_network_is_forbidden_even_to_a_script(page: Page, day: Path) -> None:
    page.open(day)
    assert page.do("fetch('https://192.0.2.1/').then(() => 'came', () => 'refused')") == "refused"
    assert "Content Security Policy" in page.complaints[0]
    page.complaints.clear()
    assert page.requests == [day.as_uri()]


def test_the_search_finds_a_register(page: Page, day: Path) -> None:
    page.open(day)
    assert page.text("#found") == "30,933 of 30,933 lines"
    assert page.do("document.querySelectorAll('.row').length < 80")  # of tens of thousands
    search = "$('search').value = {!r}; $('search').dispatchEvent(new Event('input'))"
    page.do(search.format("refused DOSE_K1"))
    page.wait("$('found').textContent.startsWith('1 of')")
    assert "W00140002NO" in page.text("#rows-shown")
    page.do(search.format('"flow_key 4,"'))
    page.wait("/^\\d\\d of/.test($('found').textContent)")
    assert page.text("#rows-shown").startswith("09:10:12")
    page.do(search.format("no such words"))
    page.wait("$('found').textContent.startsWith('0 of')")
    page.do(search.format("steam_boiler_off"))
    page.wait("$('found').textContent.startsWith('1 of')")
    page.do("document.querySelector('.row').click()")
    assert "command steam_boiler_off" in page.text("#detail")
    page.do(search.format(""))
    page.wait("$('found').textContent.startsWith('30,933')")
    page.do("$('rows').scrollTop = 1e9; $('rows').dispatchEvent(new Event('scroll'))")
    page.wait("$('rows-shown').lastElementChild.innerText.startsWith('19:10:00')")
    page.do("$('no-reports').click()")
    page.wait("!/^30,933|^0 /.test($('found').textContent)")
    assert " report " not in page.text("#rows-shown")


def test_light_and_dark(page: Page, day: Path) -> None:
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    page.open(day)
    assert page.do(brightness) > 200
    page.prefer("dark")
    page.wait(f"{brightness} < 60")
    assert page.do(f"({DRAWN})('temperatures')") >= [5]
    choose = "$('theme').value = {!r}; $('theme').dispatchEvent(new Event('change'))"
    page.do(choose.format("light"))  # whatever the system prefers
    assert page.do(brightness) > 200
    page.do(choose.format("dark"))
    assert page.do(brightness) < 60
    if folder := os.environ.get("LMDECODE_SCREENSHOTS"):
        for scheme in ("light", "dark"):
            page.prefer(scheme)
            page.size(1280, 1420)
            page.open(day)
            page.screenshot(Path(folder).resolve() / f"report-{scheme}.png")


def test_times_are_the_viewers_or_utc(page: Page, day: Path) -> None:
    page("Emulation.setTimezoneOverride", timezoneId="America/New_York")
    page.open(day)
    assert "01:30–14:00" in page.text("#cards")
    assert "times in America/New_York (GMT-5)" in page.text("#subtitle")
    assert page.do("$('zone').selectedOptions[0].text") == "local"
    page.do("$('zone').value = 'utc'; $('zone').dispatchEvent(new Event('change'))")
    assert "06:30–19:00" in page.text("#cards")
    assert "times in UTC" in page.text("#subtitle")
    assert page.text("#rows-shown").startswith("06:25:00.")


def test_a_page_that_was_made_with_utc_begins_in_utc(page: Page, tmp_path: Path) -> None:
    page("Emulation.setTimezoneOverride", timezoneId="America/New_York")
    tape = Tape()
    tape.wait(10)
    with in_zone(UTC):
        page.open(written(tmp_path / "utc.html", tape.records))
    assert page.do("$('zone').selectedOptions[0].text") == "UTC"
    assert "times in UTC" in page.text("#subtitle")
    page.do("$('zone').value = 'local'; $('zone').dispatchEvent(new Event('change'))")
    assert "times in America/New_York" in page.text("#subtitle")


def test_a_shot_that_is_clicked_is_looked_at(page: Page, day: Path) -> None:
    page.open(day)
    whole = page.do("temperatures.scales.x.max - temperatures.scales.x.min")
    page.do("document.querySelectorAll('#shot-table tbody tr')[1].click()")
    page.wait("temperatures.scales.x.max - temperatures.scales.x.min < 150000")
    page.wait("bands.scales.x.min === temperatures.scales.x.min && deviations.scales.x.min === bands.scales.x.min")
    page.do("$('in-view').click()")
    page.wait("/^2\\d\\d of/.test($('found').textContent)")
    assert page.text("#rows-shown").startswith("06:47:30.")
    page.do("$('whole').click()")
    page.wait(f"temperatures.scales.x.max - temperatures.scales.x.min === {whole}")


@pytest.mark.parametrize("chart", ["temperatures", "deviations", "bands"])
def test_what_is_dragged_over_is_looked_at(page: Page, day: Path, chart: str) -> None:
    page.open(day)
    page.do(f"$('{chart}').scrollIntoView({{block: 'center'}})")
    left, top = page.do(f"(({{left, top}}) => [left, top])({chart}.over.getBoundingClientRect())")  # type: ignore[misc]
    begin = page.do(f"{chart}.posToVal(100, 'x')")
    for kind, x in (("mouseMoved", 100), ("mousePressed", 100), ("mouseMoved", 200), ("mouseReleased", 200)):
        page("Input.dispatchMouseEvent", type=kind, x=left + x, y=top + 30, button="left", clickCount=1)
    page.wait(f"Math.abs(temperatures.scales.x.min - {begin}) < 120000")
    page.wait("temperatures.scales.x.max - temperatures.scales.x.min < 6e6")
    page.wait("bands.scales.x.max === temperatures.scales.x.max && deviations.scales.x.max === bands.scales.x.max")
    for clicks in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            page("Input.dispatchMouseEvent", type=kind, x=left + 150, y=top + 30, button="left", clickCount=clicks)
    page.wait("temperatures.scales.x.min <= machine().first && temperatures.scales.x.max >= machine().last")
    page.wait("bands.scales.x.max === temperatures.scales.x.max && deviations.scales.x.max === bands.scales.x.max")


def test_more_than_a_day_names_its_days(page: Page, tmp_path: Path) -> None:
    tape = Tape()
    tape.machine.physics.pull_shot(1)
    tape.wait(40)
    later = [record._replace(stream=1, time_ns=record.time_ns + 2 * 86_400 * 10**9) for record in tape.records]
    page.open(written(tmp_path / "days.html", [*tape.records, *later]))
    days = {name: page.text(f"#{name}").replace(",", "") for name in ("subtitle", "rows-shown", "shot-table")}
    assert "Sat 21 Nov 2026 02:55 to Mon 23 Nov 2026 02:56" in days["subtitle"]  # some versions put commas
    assert days["rows-shown"].startswith("Sat 21 Nov 02:55:5")
    assert "Mon 23 Nov 02:55:55" in days["shot-table"]


def test_what_is_pointed_at_is_told(page: Page, day: Path) -> None:
    page.open(day)
    moved = """(element, x, y) => { const box = element.getBoundingClientRect(); element.dispatchEvent(new MouseEvent(
        'mousemove', { clientX: box.left + x, clientY: box.top + y, bubbles: true })); return $('tip').innerText; }"""
    band = page.do(f"({moved})(bands.over, bands.valToPos(Date.UTC(2026, 10, 20, 7), 'x'), 27 + 18)")
    assert str(band).startswith("switched on\n06:30:")
    byte = str(page.do(f"({moved})($('heat'), 58 + 5, 5)"))
    assert byte.startswith("0x0000: 0x00 at the end\npower: no\nseen ")
    legend = "[...document.querySelectorAll('#temperatures .u-value')].map((each) => each.innerText)"
    page.do(f"({moved})(temperatures.over, temperatures.valToPos(Date.UTC(2026, 10, 20, 7), 'x'), 50)")
    page.wait(f"{legend}[1].endsWith('°C')")
    time, coffee, _, set_to, _ = page.do(legend)  # type: ignore[misc]
    assert str(time).startswith("0")
    assert 95 < float(coffee.split()[0]) < 97
    assert set_to == "96.2 °C"


def test_hostile_texts_are_only_text(page: Page, tmp_path: Path) -> None:
    tape = Tape()
    tape.machine.registers.put("machine_name", "<img src=//x.yz>")
    tape.machine.registers.put("front_panel_display", "</script><b>x</b"[:16])
    tape.read("front panel")
    tape.read("configuration")
    tape.hear("machine", b"<script>window.hacked=1</script>@<!--<script>%")
    records = [*tape.records, tape.records[-1]._replace(machine=HOSTILE, problems=(HOSTILE, "\x1b[31m\u2028"))]
    page.open(written(tmp_path / "hostile.html", records, HOSTILE))
    assert page.text("#title") == HOSTILE
    assert page.do("document.title") == HOSTILE
    assert page.do("window.hacked === undefined && !document.querySelector('img, b')")
    page.do("$('search').value = '</script><b>x</b'; $('search').dispatchEvent(new Event('input'))")
    page.wait("$('found').textContent.startsWith('1 of')")
    page.do("$('machine').value = '1'; $('machine').dispatchEvent(new Event('change'))")
    assert HOSTILE in page.text("#problem-table")
    assert HOSTILE in page.text("#subtitle")
    assert page.do("window.hacked === undefined && !document.querySelector('img, b')")


def test_two_machines(page: Page, tmp_path: Path) -> None:
    tape, other = Tape(), Tape()
    tape.machine.physics.pull_shot(1)
    tape.wait(40)
    other.wait(10)
    office = [record._replace(stream=1, machine="office") for record in other.records]
    both = sorted([*tape.records, *office], key=lambda record: record.time_ns)
    page.open(written(tmp_path / "two.html", both))
    assert "coffees\n1" in page.text("#cards")
    page.do("$('machine').value = '1'; $('machine').dispatchEvent(new Event('change'))")
    assert "coffees\n0" in page.text("#cards")
    assert page.text("#subtitle").startswith("office")


def test_an_empty_report_says_so(page: Page, tmp_path: Path) -> None:
    data = ReportBuilder().as_data("Nothing", ["empty.pcap"], ["empty.pcap: no TCP traffic at all"], empty=True)
    (tmp_path / "empty.html").write_text(render(data, "Nothing"), encoding="utf-8")
    page.open(tmp_path / "empty.html")
    assert "There is nothing to show" in page.text("#notices")
    assert "empty.pcap: no TCP traffic at all" in page.text("#notices")
    assert page.do("[...document.querySelectorAll('main > section')].every((each) => each.hidden)")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_report_of_hardly_anything(page: Page, tmp_path: Path, count: int) -> None:
    tape = Tape()
    tape.wait(3)
    page.open(written(tmp_path / "little.html", tape.records[:count]))
    assert page.text("#found") == f"{count} of {count} line{'s' if count > 1 else ''}"


def test_times_that_cannot_be(page: Page, tmp_path: Path) -> None:
    tape = Tape()
    tape.wait(5)
    odd = [
        record._replace(time_ns=time) for record, time in zip(tape.records, (-(10**18), 0, 10**18, 2**62), strict=False)
    ]
    page.open(written(tmp_path / "odd.html", odd))
    assert page.text("#found").endswith("lines")
