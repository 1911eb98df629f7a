"""What lm_traffic does with its options and with faults, inside this interpreter's mitmproxy, without a connection."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.codec.v1.samples import KEY_TEXT, frame, seal, with_check

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at what mitmproxy imports
    pytest.importorskip("mitmproxy")
    from mitmproxy import contentviews, exceptions, tcp
    from mitmproxy.test import taddons, tflow

from lmdecode.mitm.traffic import TrafficAddon

ASK = frame(with_check("R401C0004"))
TEMPERATURES = frame(with_check("R401C000403BC04D8"))
SET = frame(with_check("W0007000203A7"))
SECRET = frame(with_check("R01110010" + "41" * 16))
OTHER_KEY = "abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture
def addon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrafficAddon]:
    """One that runs, with the sample key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    Path("config.json").write_text(json.dumps({"key": KEY_TEXT}))
    addon = TrafficAddon()
    with taddons.context(addon) as context:
        addon.configure(set(context.options.keys()))
        addon.running()
        addon.context = context
        yield addon
    addon.done()


def a_flow(*messages: tuple[str, bytes]) -> tcp.TCPFlow:
    flow = tflow.ttcpflow()
    flow.server_conn.address = ("machine", 1774)
    flow.messages = [tcp.TCPMessage(who == "app", data) for who, data in messages]
    return flow


def shown(flow: tcp.TCPFlow, index: int = -1, view: str = "auto") -> str:
    """What a screen shows of a message, in either version."""
    message = flow.messages[index]
    if hasattr(contentviews, "prettify_message"):
        return contentviews.prettify_message(message, flow, view).text
    _, lines, _ = contentviews.get_message_content_view(view, message, flow)
    return "\n".join("".join(text for _, text in line) for line in lines)


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"lm_config": "none.json"}, "lm_traffic: there is no file none.json"),
        ({"lm_log": "none/log"}, "lm_traffic: the lm_log none/log cannot be written: No such file or directory"),
    ],
)
def test_a_wrong_option_is_taken_back(addon: TrafficAddon, option: dict[str, str], why: str) -> None:
    with pytest.raises(exceptions.OptionsError, match=why):
        addon.context.configure(addon, **option)
    assert "coffee_temp" in shown(a_flow(("machine", TEMPERATURES)))


def test_options_work_at_once(addon: TrafficAddon) -> None:
    flow = a_flow(("machine", SECRET))
    assert "41" * 16 not in shown(flow)
    addon.context.configure(addon, lm_show_secrets=True)
    assert "41" * 16 in shown(flow)
    addon.context.configure(addon, lm_port=1775)
    assert shown(flow) == SECRET.decode()


def test_several_machines_each_with_its_key(addon: TrafficAddon) -> None:
    machines = [{"machine_name": "kitchen", "key": OTHER_KEY}, {"machine_name": "bar", "key": KEY_TEXT}]
    Path("all.json").write_text(json.dumps({"machines": machines}))
    addon.context.configure(addon, lm_config="all.json", lm_log="log.jsonl")
    other = b"@" + seal(with_check("R401C000403BC04D8"), OTHER_KEY.encode()) + b"%"
    flow, second = a_flow(("machine", TEMPERATURES)), a_flow(("machine", other))
    flow.live = second.live = False
    assert "coffee_temp: 95.6" in shown(flow)
    assert "coffee_temp: 95.6" in shown(second)
    addon.tcp_message(flow)
    addon.tcp_message(second)
    lines = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert [(line["stream"], line["machine"]) for line in lines] == [(0, "bar"), (1, "kitchen")]


def test_a_config_that_is_named_comes_before_the_environment(
    addon: TrafficAddon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMDECODE_KEY", OTHER_KEY)
    addon.context.configure(addon, lm_config="config.json")
    assert "coffee_temp: 95.6" in shown(a_flow(("machine", TEMPERATURES)))
    addon.context.configure(addon, lm_config="")
    assert "is not decoded" in shown(a_flow(("machine", TEMPERATURES)))


def test_a_key_that_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    addon = TrafficAddon()
    with taddons.context(addon) as context, caplog.at_level(logging.INFO, "lmdecode"):
        addon.configure(set(context.options.keys()))
        addon.running()
        flow = a_flow(("machine", TEMPERATURES))
        assert "coffee_temp" not in shown(flow)
        context.configure(addon, lm_show_secrets=True)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        Path("config.json").write_text(json.dumps({"key": KEY_TEXT}))
        context.configure(addon, lm_config="config.json")
        assert "coffee_temp: 95.6" in shown(flow)
    addon.done()


def test_a_home_of_nobody_is_a_folder_that_is_not_there(addon: TrafficAddon) -> None:
    with pytest.raises(exceptions.OptionsError, match="there is no file ~nobody-of-this-name"):
        addon.context.configure(addon, lm_config="~nobody-of-this-name/config.json")


@pytest.mark.usefixtures("addon")
def test_other_flows_are_not_for_the_view() -> None:
    flow = a_flow(("machine", TEMPERATURES))
    flow.server_conn.address = ("machine", 443)
    assert shown(flow) == TEMPERATURES.decode()
    assert "coffee_temp" not in shown(flow, view="lamarzocco")


@pytest.mark.usefixtures("addon")
def test_a_message_that_changed_is_read_anew() -> None:
    flow = a_flow(("app", ASK[:9]), ("app", ASK[9:]), ("machine", TEMPERATURES))
    assert "machine answer temperatures" in shown(flow)
    flow.messages[1].content = b"%"
    assert "is not decoded" in shown(flow, 1)
    assert "machine report temperatures" in shown(flow)


@pytest.mark.no_cover  # it measures time
@pytest.mark.usefixtures("addon")
def test_a_long_connection_takes_no_longer_a_message() -> None:
    flow = a_flow(*[("machine", TEMPERATURES)] * 20_000)
    start = time.process_time()
    for index in (*range(0, 20_000, 100), -1):
        assert "coffee_temp" in shown(flow, index)
    assert time.process_time() - start < 5


def test_a_fault_of_ours_is_one_line(addon: TrafficAddon, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        @property
        def type(self) -> Any:
            raise KeyError(KEY_TEXT)

    addon.context.configure(addon, lm_log="log.jsonl")
    with caplog.at_level(logging.INFO):
        addon.tcp_start(Broken())
        addon.tcp_message(Broken())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("lm_traffic: KeyError in tcp_start (test_addon.py, line ")
    assert KEY_TEXT not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_message_is_logged_when_it_is_let_go(addon: TrafficAddon) -> None:
    async def hold_and_let_go() -> None:
        flow = a_flow(("app", SET))
        addon.tcp_message(flow)
        flow.intercept()  # by another addon, or the user, after ours had it
        await asyncio.sleep(0.01)
        assert not written()
        flow.messages[0].content = ASK
        flow.resume()
        await asyncio.sleep(0.01)

    written = Path("log.jsonl").read_text
    addon.context.configure(addon, lm_log="log.jsonl")
    asyncio.run(hold_and_let_go())
    (line,) = written().splitlines()
    assert json.loads(line)["plaintext"] == with_check("R401C0004").decode()


def test_a_message_that_is_never_let_go_is_not_logged(addon: TrafficAddon) -> None:
    async def hold() -> None:
        flow = a_flow(("app", ASK))
        addon.tcp_message(flow)
        await asyncio.sleep(0.01)
        flow.messages.append(tcp.TCPMessage(from_client=True, content=SET))
        addon.tcp_message(flow)
        flow.intercept()
        await asyncio.sleep(0.01)
        addon.done()

    addon.context.configure(addon, lm_log="log.jsonl")
    asyncio.run(hold())
    (line,) = Path("log.jsonl").read_text().splitlines()
    assert json.loads(line)["kind"] == "read"
