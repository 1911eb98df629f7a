"""The report under a finger, on small screens, and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.render.report.browser import CHROMIUM, Page
from tests.render.report.conftest import DRAWN

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")

PHONES = [(360, 740), (390, 844)]
SHOWN = """(selector) => [...document.querySelectorAll(selector)].filter((each) => each.getClientRects().length)
    .map((each) => each.innerText)"""


def phone(page: Page, day: Path, width: int = 390, height: int = 844) -> None:
    page.size(width, height, mobile=True)
    page("Emulation.setTouchEmulationEnabled", enabled=True)
    page.open(day)


@pytest.mark.parametrize("size", PHONES)
def test_nothing_is_wider_than_the_screen(page: Page, day: Path, size: tuple[int, int]) -> None:
    phone(page, day, *size)
    assert page.do("[innerWidth, document.documentElement.scrollWidth]") == [size[0], size[0]]
    for selector in ("table", ".scroll", ".rows", ".uplot", "#heat"):
        wider = f"[...document.querySelectorAll('{selector}')].filter((each) => each.scrollWidth > each.clientWidth)"
        assert page.do(f"{wider}.map((each) => each.id)") == [], selector
        right = f"[...document.querySelectorAll('{selector}')].map((each) => each.getBoundingClientRect().right)"
        assert page.do(f"Math.max(...{right}) <= {size[0]}"), selector
    assert page.do(f"({DRAWN})('temperatures')") >= [5]


def test_a_row_without_room_for_columns_says_what_its_numbers_are(page: Page, day: Path) -> None:
    phone(page, day, *PHONES[0])
    cell = "[...document.querySelectorAll('#shot-table tbody tr')[1].cells].map((each) => "
    words = "['::before', '::after'].map((end) => getComputedStyle(each, end).content.replaceAll('\"', ''))"
    named = page.do(f"{cell} {words}.join(each.innerText))")
    assert isinstance(named, list)
    assert named[2:] == ["24.9 s", "120 pulses", "dose 120", "60 ml", "96.0–96.1 °C", "set 96.2 °C"]
    top = f"{cell} Math.round(each.getBoundingClientRect().top))"
    assert page.do(f"(([time, what, seconds]) => time === what && what < seconds)({top})")
    written = "document.querySelectorAll('#write-table tbody tr')[1].innerText"
    assert str(page.do(written)).split("\n")[-1] != "", "an empty row"
    page.size(1280, 900)
    page.wait("getComputedStyle(document.querySelector('#shot-table thead')).display !== 'none'")
    assert "none" in str(page.do("getComputedStyle(document.querySelector('td.number'), '::after').content"))


def test_words_are_those_of_the_pointer(page: Page, day: Path) -> None:
    page.open(day)
    hints = " ".join(page.do(f"({SHOWN})('.hint')"))  # type: ignore[arg-type]
    assert "Drag to look closer, double-click for all of it" in hints
    assert "Click a shot" in hints
    assert "Point at a byte" in hints
    assert "Tap" not in hints
    phone(page, day)
    hints = " ".join(page.do(f"({SHOWN})('.hint')"))  # type: ignore[arg-type]
    assert "drag across to look closer" in hints
    assert "Tap a shot" in hints
    assert "Tap a byte" in hints
    assert not any(word in hints.lower() for word in ("click", "point at"))


@pytest.mark.parametrize("chart", ["temperatures", "deviations", "bands"])
def test_a_finger_across_a_chart_looks_closer(page: Page, day: Path, chart: str) -> None:
    phone(page, day)
    page.do(f"$('{chart}').scrollIntoView({{block: 'center'}})")
    left, top = page.do(f"(({{left, top}}) => [left, top])({chart}.over.getBoundingClientRect())")  # type: ignore[misc]
    begin, end = page.do(f"[{chart}.posToVal(50, 'x'), {chart}.posToVal(120, 'x')]")  # type: ignore[misc]
    page("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": left + 50, "y": top + 30}])
    for x in (55, 70, 100, 120):
        page("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": left + x, "y": top + 30}])
    page("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.wait(f"Math.abs(temperatures.scales.x.min - {begin}) < 300000")
    page.wait(f"Math.abs(temperatures.scales.x.max - {end}) < 300000")
    page.do("$('whole').click()")
    page.wait("temperatures.scales.x.min <= machine().first && temperatures.scales.x.max >= machine().last")


def test_a_finger_up_and_down_scrolls(page: Page, day: Path) -> None:
    phone(page, day)
    page.do("$('temperatures').scrollIntoView({block: 'start'})")
    before = page.do("[scrollY, temperatures.scales.x.min, temperatures.scales.x.max]")
    left, top = page.do("(({left, top}) => [left, top])(temperatures.over.getBoundingClientRect())")  # type: ignore[misc]
    page("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": left + 90, "y": top + 200}])
    for y in (180, 140, 90, 40):
        page("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": left + 92, "y": top + y}])
    page("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.wait(f"scrollY > {before[0]} + 50")  # type: ignore[index]
    assert page.do("[temperatures.scales.x.min, temperatures.scales.x.max]") == before[1:]  # type: ignore[index]


def test_messages_take_two_lines_each_and_none_is_skipped(page: Page, day: Path) -> None:
    phone(page, day)
    heights = page.do("[...document.querySelectorAll('.row')].slice(0, 5).map((each) => each.offsetHeight)")
    assert heights == [46] * 5
    page.do("$('rows').scrollTop = 1e9; $('rows').dispatchEvent(new Event('scroll'))")
    page.wait("$('rows-shown').lastElementChild.innerText.startsWith('19:10:00')")
    last = "$('rows-shown').lastElementChild.getBoundingClientRect().bottom"
    assert page.do(f"Math.abs({last} - $('rows').getBoundingClientRect().bottom) < 3")


def test_values_that_have_no_room_are_a_range_and_its_mean(page: Page, day: Path) -> None:
    page.open(day)
    piece = "rangePieces(deviations, deviations.data[1]).flat()"
    assert page.do(f"{piece}.length < deviations.data[0].length / 10")
    assert page.do(f"{piece}.every(([x, mean, least, most]) => least <= mean + 1e-9 && mean <= most + 1e-9)")
    assert page.do(f"{piece}.some(([x, mean, least, most]) => most - least > 0.4)")
    page.do("look(machine().first + 3600000, machine().first + 3660000)")
    page.wait("deviations.scales.x.max - deviations.scales.x.min < 70000")
    assert page.do(f"{piece}.every(([x, mean, least, most]) => most === least)")
    assert page.do(f"{piece}.length") == page.do(
        "deviations.data[1].filter((value, i) => value !== undefined && value !== null "
        "&& deviations.data[0][i + 1] >= view.from && deviations.data[0][i - 1] <= view.to).length"
    )


def test_paper_is_white_and_all_is_on_it(page: Page, day: Path) -> None:
    page.prefer("dark")
    page.open(day)
    page.do("dispatchEvent(new Event('beforeprint'))")
    page("Emulation.setEmulatedMedia", media="print")
    page.size(720, 1000)
    assert page.do("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.do("document.documentElement.scrollWidth <= 720")
    assert page.do(f"({SHOWN})('.controls, #messages, .hint button, .hint .fine')") == []
    assert page.do("$('shot-table').parentElement.scrollHeight <= $('shot-table').parentElement.clientHeight + 1")
    page("Emulation.setEmulatedMedia", media="")
    page.do("dispatchEvent(new Event('afterprint'))")
    assert page.do("document.documentElement.dataset.theme ?? ''") == ""
