"""The bridge with a real broker, mosquitto, and a simulated machine."""

from __future__ import annotations

import json
import signal
import socket
import time

import pytest
import trustme

from tests.cli.broker import PASSWORD, USER, bridging, listening, mosquitto
from tests.cli.live import running
from tests.cli.simulator_process import free_port, wait_until

ID = "GS000000"
SET = f"lmdecode/{ID}/set"


@pytest.fixture
def broker(tmp_path):
    with mosquitto(tmp_path) as found:
        yield found


@pytest.fixture
def listener(broker):
    with listening(broker) as found:
        yield found


@pytest.fixture
def machine():
    with running() as found:
        yield found


def of_machine(listener, end):
    return listener.latest.get(f"lmdecode/{ID}/{end}", "")


def test_a_machine_is_published_and_nothing_of_it_changes(command, broker, listener, machine):
    with bridging(command, broker, *machine.options, "--every", "2s") as bridge:
        wait_until(lambda: of_machine(listener, "availability") == "online", what=lambda: bridge.log)
        state = listener.json("/state")
        assert state["coffee_set_temp"] == machine.value("coffee_set_temp")
        assert state["power"] is True
        assert "clock" not in state
        found = listener.json("/config")
        assert found["device"] | {"model": "GS3 AV", "serial_number": ID} == found["device"]
        assert found["components"]["sensor_coffee_temp"]["device_class"] == "temperature"
        listener.publish(f"{SET}/power", "off")
        (result,) = wait_until(listener.results)
        assert result["state"] == "refused"
        assert "--allow-writes" in result["complaint"]
        listener.forget()
        listener.publish("homeassistant/status", "online")
        wait_until(lambda: listener.json("/config") and listener.json("/state"))  # Home Assistant has started anew
        assert bridge.end() == 0
        wait_until(lambda: of_machine(listener, "availability") == "offline")
        assert listener.latest[listener.topic("/bridge/" + found["availability"][0]["topic"].rpartition("/")[2])] == (
            "offline"
        )
    assert machine.writes == []


REFUSED = {
    "coffee_set_temp": ("193.5", "must be 87 to 100 °C"),
    "coffee_temp": ("90", "only be read"),
    "cofee_set_temp": ("90", "did you mean coffee_set_temp?"),
    "prebrew_flag": ("both", "none of off"),
    "dose_k1": ("1.5", "not a whole number"),
    "mon_on_time": ("26:00", "00:00 to 23:59"),
    "global_auto": ("maybe", "neither on nor off"),
    "power": (b"\xff\xfe\x00", "no value of it"),
    "steam_set_temp": (b"1" * 5000, "more than 100 bytes"),
    "command": ("start_backflush", "no such setting"),
    "backflush": ("", "no such setting"),
    "clock": ("now", "no such setting"),
}
DONE = {
    "coffee_set_temp": ("93.5", 93.5),
    "dose_k1": ("121.0", 121),
    "power": ("off", False),
    "steam_boiler_enable": ("off", False),
    "prebrew_flag": ("preinfusion", "preinfusion"),
    "mon_on_hour": (None, 6),
    "mon_on_time": ("06:45", None),
}


def test_commands_are_carried_out_once_or_refused_and_an_old_one_never_is(command, broker, listener, machine):
    with bridging(command, broker, *machine.options, "--every", "1h", "--allow-writes") as bridge:
        wait_until(lambda: of_machine(listener, "availability") == "online", what=lambda: bridge.log)
        assert listener.json("/config")["components"]["number_dose_k1"]["max"] == 1000
        for name, (payload, why) in REFUSED.items():
            listener.publish(f"{SET}/{name}", payload)
            results = wait_until(lambda: [each for each in listener.results() if each["name"] == name])  # noqa: B023
            assert results[-1]["state"] == "refused"
            assert why in results[-1]["complaint"]
        assert machine.writes == []
        assert machine.value("power") is True
        for name, (payload, _) in DONE.items():
            if payload is not None:
                listener.publish(f"{SET}/{name}", payload)
        wanted = [name for name, (payload, _) in DONE.items() if payload is not None]
        wait_until(lambda: [each["name"] for each in listener.results() if each["state"] == "done"] == wanted)
        for name, (_, value) in DONE.items():
            if value is not None:
                assert machine.value(name) == value
        assert len(machine.writes) == len(wanted) + 1  # hour and minute lie apart
        wait_until(lambda: listener.json("/state")["coffee_set_temp"] == 93.5)  # read back, without a wait for --every
        listener.publish(f"{SET}/sun_off_time", "05:00")
        wait_until(lambda: listener.results()[-1]["name"] == "sun_off_time")
        assert listener.results()[-1]["state"] == "done"
        assert "after it is switched off" in listener.results()[-1]["complaint"]
        before = len(machine.writes)
        listener.publish(f"{SET}/coffee_set_temp", "93.5")
        wait_until(lambda: listener.results()[-1]["state"] == "unchanged")
        bridge.process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        listener.publish(f"{SET}/power", "on")
        bridge.process.send_signal(signal.SIGCONT)
        assert "was suspended" in wait_until(lambda: listener.results()[-1].get("complaint"))
        assert len(machine.writes) == before
        assert machine.value("power") is False


def test_what_was_published_while_there_was_no_bridge_is_not_carried_out(command, broker, listener, machine):
    options = [*machine.options, "--allow-writes", "--every", "2s", "--client-id", "same"]
    with bridging(command, broker, *options) as bridge:
        wait_until(lambda: of_machine(listener, "availability") == "online", what=lambda: bridge.log)
        assert bridge.end(signal.SIGINT) == 0
    listener.publish(f"{SET}/power", "off", retain=True)
    listener.publish(f"{SET}/dose_k1", "100")  # the broker must not keep it for the bridge
    listener.forget()
    with bridging(command, broker, *options) as bridge:
        (result,) = wait_until(listener.results, what=lambda: bridge.log)
        assert result["state"] == "refused"
        assert "retained" in result["complaint"]
        records = len(machine.records)
        wait_until(lambda: len(machine.records) > records + 4)
    assert machine.writes == []


def test_a_broker_that_comes_late_restarts_and_loses_all_gets_all_again(command, tmp_path, machine):
    with (
        mosquitto(tmp_path, start=False) as broker,
        bridging(command, broker, *machine.options, "--every", "2s") as bridge,
    ):
        bridge.wait_for("refuses the connection")
        time.sleep(2.5)  # two more attempts
        assert bridge.log.count("trying again") == 1
        assert machine.records == []  # nobody listens, so the machine is left alone
        broker.start()
        bridge.wait_for("connected: GS3 AV GS000000")
        for _ in range(2):
            with listening(broker) as listener:
                wait_until(lambda: of_machine(listener, "state") and listener.json("/config"), what=lambda: bridge.log)
            broker.stop()
            time.sleep(1)
            broker.start()
        with listening(broker) as listener:
            wait_until(lambda: of_machine(listener, "state") and listener.json("/config"), what=lambda: bridge.log)
        assert bridge.log.count("trying again") <= 5
        broker.stop()
        assert bridge.end() == 0  # also without a broker, and at once


def test_a_killed_bridge_is_offline(command, broker, listener, machine):
    with bridging(command, broker, *machine.options, "--client-id", "mine") as bridge:
        wait_until(lambda: listener.latest.get("lmdecode/bridge/mine") == "online", what=lambda: bridge.log)
        bridge.end(signal.SIGKILL)
        wait_until(lambda: listener.latest["lmdecode/bridge/mine"] == "offline")


def test_a_machine_with_a_client_is_busy_not_offline_and_one_that_is_gone_comes_back(command, broker, listener):
    port = free_port()
    with (
        bridging(command, broker, "--host", "127.0.0.1", "--port", port, "--key", "1" * 32, "--every", "2s") as bridge,
        socket.create_server(("127.0.0.1", port)) as silent,
    ):
        bridge.wait_for("busy")
        assert "offline" not in bridge.log
        silent.close()
    with running() as machine, bridging(command, broker, *machine.options, "--every", "2s") as bridge:
        wait_until(lambda: listener.json("/connection").get("state") == "connected", what=lambda: bridge.log)
        with socket.create_connection(("127.0.0.1", machine.port)) as app:
            wait_until(lambda: listener.json("/connection")["state"] == "busy", what=lambda: bridge.log)
            assert of_machine(listener, "availability") == "online"  # what was read last still holds
            app.close()
        wait_until(lambda: listener.json("/connection")["state"] == "connected", what=lambda: bridge.log)
        assert "connected again" in bridge.log


def test_two_bridges_of_one_name_do_not_throw_each_other_out_all_the_time(command, tmp_path, broker, machine):
    other = type(command)(tmp_path / "other")
    other.folder.mkdir()
    options = [*machine.options, "--client-id", "same"]
    with bridging(command, broker, *options) as one, bridging(other, broker, *options) as two:
        one.wait_for("trying again")
        two.wait_for("trying again")
        time.sleep(5)
        assert one.log.count("trying again") + two.log.count("trying again") <= 6


def test_staying_means_reports_as_they_come_and_writes_over_the_same_connection(command, broker, listener, machine):
    with bridging(command, broker, *machine.options, "--stay", "--allow-writes") as bridge:
        wait_until(lambda: of_machine(listener, "availability") == "online", what=lambda: bridge.log)
        listener.publish(f"{SET}/coffee_set_temp", "90")
        wait_until(lambda: machine.value("coffee_set_temp") == 90)
        wait_until(lambda: listener.json("/state")["coffee_set_temp"] == 90)
        listener.forget()
        wait_until(lambda: len([each for each, _ in listener.heard if each.endswith("/state")]) >= 2, seconds=30)
        assert len({record.stream for record in machine.records}) == 1


def test_once_is_for_cron(command, broker, listener, machine):
    options = ["--mqtt", broker.address, "--username", USER, "--once"]
    secret = {"LMDECODE_MQTT_PASSWORD": PASSWORD}
    ran = command("bridge", *options, *machine.options, **secret)
    assert ran.returncode == 0, ran.stderr
    wait_until(lambda: listener.json("/state") and listener.json("/config"))
    assert of_machine(listener, "availability") == "online"
    nowhere = ["--host", "127.0.0.1", "--port", free_port(), "--key", "1" * 32]
    assert "refuses the connection" in command.fails("bridge", *options, *nowhere, code=3, **secret)
    options[1] = f"127.0.0.1:{free_port()}"
    assert "broker" in command.fails("bridge", *options, *machine.options, code=3, **secret)


def test_a_wrong_password_ends_it_and_none_is_asked_for(command, broker, machine):
    options = ["bridge", "--mqtt", broker.address, *machine.options]
    said = command.fails(*options, "--username", USER, code=1, LMDECODE_MQTT_PASSWORD="guessed")
    assert said.count("\n") == 1
    assert "refuses this client" in said
    assert "LMDECODE_MQTT_PASSWORD" in command.fails(*options, code=1)
    options[2] = f"mqtt://{USER}:guessed@{broker.address}"
    said = command.fails(*options, code=1)
    assert "other programs can see the password" in said
    assert "guessed" not in said


def test_a_wrong_key_ends_it(command, broker, machine):
    options = ["--mqtt", broker.address, "--username", USER, *machine.options[:-1], "0" * 32]
    assert "nothing decrypts" in command.fails("bridge", *options, code=1, LMDECODE_MQTT_PASSWORD=PASSWORD)


def test_two_machines_of_the_config_share_a_bridge_and_its_broker(command, broker, listener, machine):
    kitchen = {"machine_name": "kitchen", "host": "127.0.0.1", "port": str(machine.port), "key": machine.options[-1]}
    away = {"machine_name": "office", "host": "127.0.0.1", "port": str(free_port()), "key": "9" * 32}
    section = {"host": broker.address, "username": USER, "password": PASSWORD, "prefix": "house/lm", "client_id": "b"}
    (command.folder / "config.json").write_text(json.dumps({"machines": [kitchen, away], "mqtt": section}))
    (command.folder / "config.json").chmod(0o600)
    with bridging(command, broker, user=False) as bridge:
        wait_until(lambda: listener.json("/state"), what=lambda: bridge.log)
        assert listener.topic("/state") == f"house/lm/{ID}/state"
        assert listener.json("/config")["state_topic"] == f"house/lm/{ID}/state"
        bridge.wait_for("office: ")
        assert "kitchen: connected" in bridge.log
        assert bridge.end(signal.SIGINT) == 0


def test_tls_with_an_authority_of_ones_own(command, tmp_path, machine):
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with mosquitto(tmp_path, f"certfile {tmp_path / 'cert.pem'}", f"keyfile {tmp_path / 'key.pem'}") as broker:
        options = ["bridge", "--mqtt", f"mqtts://{broker.address}", "--username", USER, "--once", *machine.options]
        secret = {"LMDECODE_MQTT_PASSWORD": PASSWORD}
        assert "--ca-file" in command.fails(*options, code=1, **secret)
        ran = command(*options, "--ca-file", tmp_path / "ca.pem", **secret)
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([], "no MQTT broker"),
        (["--mqtt", "http://x"], "is not a broker"),
        (["--mqtt", "x:99999"], "not a port"),
        (["--mqtt", "x", "--prefix", "a/#"], "does not begin a topic"),
        (["--mqtt", "x", "--ca-file", "nowhere.pem"], "no CA file"),
        (["--mqtt", "x", "--client-id", "a b"], "client id"),
        (["--mqtt", "x", "--machine", "a", "--machine", "b"], "for one machine"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(command, options, why):
    machine = ["--host", "127.0.0.1", "--key", "1" * 32]
    assert why in command.fails("bridge", *options, *machine, code=2)
