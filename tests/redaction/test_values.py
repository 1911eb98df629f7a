"""Which values stay and which are replaced: by their names, their forms, and what was found elsewhere."""

from __future__ import annotations

import json

import pytest

from lmdecode.redaction.substitutions import Substitutions
from lmdecode.redaction.values import Values


def changed(text: str) -> str:
    return Values(Substitutions()).document(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"status":"Brewing","targetTemperature":93.0,"startTime":1795244400000,"lastCoffee":null}',
        '{"aNewWidget":{"mode":"QuiteNew","level":2,"available":["One","Other"]}}',
        '{"timeOn":"6:30","clock":"2026-11-21T06:30:04","fw_version":"v3.6-rc4","modelName":"LINEA MICRA"}',
        '[{"name":"MachineMode","value":"StandBy"}]',
        '{"name":"SettingBoilerTarget","parameter":{"identifier":"CoffeeBoiler1","value":94}}',
        '{"imageUrl":"https://lion.lamarzocco.io/img/thing-model/list/linea-micra.png","changeLog":"minor fixes"}',
        '"BrewingMode"',
    ],
)
def test_what_says_nothing_of_anybody_stays(text):
    assert changed(text) == text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('{"serialNumber":"MR654321"}', '{"serialNumber":"MR000001"}'),
        ('{"name":"Anna"}', '{"name":"name 1"}'),
        ('{"name":"MICRA_MR654321"}', '{"name":"MICRA_MR000001"}'),
        ('{"wifiSsid":"Annas WLAN"}', '{"wifiSsid":"Wi-Fi 1"}'),
        ('{"timezone":"Europe/Rome"}', '{"timezone":"Etc/UTC"}'),
        ('{"address":"A4:CF:12:05:99:01"}', '{"address":"02:00:00:00:00:01"}'),
        ('{"address":"10.0.0.7","port":16412}', '{"address":"192.168.0.1","port":16412}'),
        ('{"MR654321":{"status":"Off"}}', '{"MR000001":{"status":"Off"}}'),
        ('{"anything":"10.0.0.7"}', '{"anything":"192.168.0.1"}'),
        ('{"mode":"MR654321"}', '{"mode":"MR000001"}'),
        (
            '{"SystemInfo":"{\\"mac\\":\\"a4:cf:12:05:99:01\\"}"}',
            '{"SystemInfo":"{\\"mac\\":\\"02:00:00:00:00:01\\"}"}',
        ),
    ],
)
def test_what_identifies_is_replaced_wherever_it_stands(text, made):
    assert changed(text) == made


@pytest.mark.parametrize(
    "member",
    [
        '"ownerName":"Anna Holle"',
        '"firstName":"Anna"',
        '"postcode":"SW1A 1AA"',
        '"latitude":45.464203',
        '"latitude":"45.464203"',
        '"zipCode":"20121"',
        '"birthDate":"1980-05-17"',
        '"phone":"+39 02 1234567"',
        '"phone":39021234567',
        '"note":"Geheimnis"',
        '"pin":"4711 0815"',
        '"anything":"anna@home.example"',
        '"url":"https://anna.example/secret-path"',
        '"url":"https://lion.lamarzocco.io/users/1234567"',
        '"number":4917012345678',
        '"unknown":["Anna","Holle"]',
    ],
)
def test_what_nobody_knows_is_replaced(member):
    name, value = next(iter(json.loads(f"{{{member}}}").items()))
    found = json.loads(changed(f"{{{member}}}"))[name]
    if isinstance(value, list):
        assert not set(found) & set(value)
    else:
        assert found != value
        assert type(found) is type(value)


def test_a_secret_is_replaced_where_it_stands_without_its_name():
    table = Substitutions()
    values = Values(table)
    values.document('{"password":"Espresso4711","wifiSsid":"HolleNetz"}')
    values.close_net()
    assert values.document('{"mode":"HolleNetz","code":"XEspresso4711X"}').count("Holle") == 0
    assert "Espresso4711" not in values.document('{"code":"XEspresso4711X"}')


def test_texts_within_texts_have_a_bottom():
    text = '"x"'
    for _ in range(12):
        text = json.dumps(f"[{text}]")
    assert changed(text)
