"""What is found in traffic with lion: account, tokens, Bluetooth tokens, and what an installation signs with."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.credentials import search
from lmdecode.capture.http.exchange import Exchange, Request, Response
from lmdecode.cloud.collection import Collection, Keeper, save
from lmdecode.cloud.findings import Installation, Problem
from lmdecode.cloud.installation_key import parse_installation_key

LION = "lion.lamarzocco.io"
TOKEN = "0123456789abcdef" * 4
ID = "0e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
HEAD = {"serialNumber": "MR012345", "name": "kitchen", "type": "CoffeeMachine", "bleAuthToken": TOKEN}
ACCOUNT = {"username": "hush@example.com", "password": "hush pw"}


def exchange(method, path, sent=None, answer=None, *, status=200, host=LION):
    headers = [("X-App-Installation-Id", ID), ("Authorization", "Bearer hush-at")]
    body = json.dumps(sent).encode() if sent else b""
    request = Request(method, host, f"/api/customer-app{path}", headers, body)
    return Exchange(request, Response(status, [], json.dumps(answer).encode()))


SIGN_IN = exchange("POST", "/auth/signin", ACCOUNT, {"accessToken": "hush-at", "refreshToken": "hush-rt"})
THINGS = exchange("GET", "/things", answer=[HEAD])


def collect(*exchanges):
    found = Collection()
    return found, [each for one in exchanges for each in found.add(one) if isinstance(each, Problem)]


def secrets(found):
    parts = [found.account, found.tokens, found.installation, *found.machines]
    return {name: secret.reveal() for part in parts if part for name, secret in part.secrets().items() if secret}


def test_all_of_it():
    found, problems = collect(SIGN_IN, THINGS)
    assert not problems
    assert secrets(found) == {
        "user name": "hush@example.com",
        "password": "hush pw",
        "access token": "hush-at",
        "refresh token": "hush-rt",
        "installation id": ID,
        "Bluetooth token of kitchen (MR012345)": TOKEN,
    }
    assert found.complete
    assert "hush" not in repr(found)
    assert TOKEN not in repr(found)


def test_what_is_missing_is_of_today():
    assert [each.what for each in collect(SIGN_IN)[0].missing()] == ["Bluetooth token of the machine"]
    assert [each.what for each in collect(THINGS)[0].missing()] == ["user name and password"]


@pytest.mark.parametrize(
    "answer",
    [
        {**HEAD, "bleAuthToken": None, "coffeeStation": {"coffeeMachine": HEAD}},
        {**HEAD, "widgets": []},
        [{"coffeeStation": {"coffeeMachine": HEAD, "grinders": []}}],
    ],
)
def test_the_token_is_found_wherever_it_stands(answer):
    found, _ = collect(exchange("GET", "/things/MR012345/dashboard", answer=answer))
    assert [machine.ble_token.reveal() for machine in found.useful] == [TOKEN]


def test_two_machines_have_a_token_each():
    other = {**HEAD, "serialNumber": "GS000001", "bleAuthToken": "f" * 64}
    found, _ = collect(exchange("GET", "/things", answer=[HEAD, other]))
    assert {machine.serial_number: machine.ble_token.reveal() for machine in found.useful} == {
        "MR012345": TOKEN,
        "GS000001": "f" * 64,
    }


def test_only_what_the_cloud_accepted_counts():
    refused = exchange("POST", "/auth/signin", ACCOUNT, {"message": "no"}, status=401)
    found, problems = collect(refused, exchange("GET", "/things", answer=[HEAD], status=403))
    assert not found.anything
    assert len(problems) == 2


@pytest.mark.parametrize("host", ["lion.lamarzocco.io.example.com", "www.example.com", "gw.lamarzocco.io"])
def test_no_other_host_is_believed(host):
    found, _ = collect(exchange("GET", "/things", answer=[HEAD], host=host))
    assert not found.machines


def test_a_renewal_has_new_tokens_and_the_user():
    renewal = exchange(
        "POST", "/auth/refreshtoken", {"username": "hush@example.com", "refreshToken": "hush-rt"},
        {"accessToken": "hush-later", "refreshToken": "hush-next"},
    )  # fmt: skip
    found, problems = collect(SIGN_IN, renewal)
    assert not problems
    assert (found.tokens.access_token.reveal(), found.account.password.reveal()) == ("hush-later", "hush pw")


def test_it_is_kept_in_a_file_that_only_the_owner_reads(tmp_path):
    path = tmp_path / "config.json"
    save(path, collect(SIGN_IN, THINGS)[0], tokens=True)
    entries = json.loads(path.read_text())
    assert entries == {
        "username": "hush@example.com",
        "installation_id": ID,
        "ble_token": TOKEN,
        "serial_number": "MR012345",
        "machine_name": "kitchen",
        "access_token": "hush-at",
        "refresh_token": "hush-rt",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_of_the_owners_is_replaced_only_if_he_says_so(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"serial_number": "MR012345", "ble_token": "e" * 64, "key": "k" * 32}))
    found, _ = collect(THINGS)
    saved = save(path, found, keeper=Keeper())
    assert saved.kept == ("Bluetooth token of kitchen (MR012345)",)
    assert json.loads(path.read_text())["ble_token"] == "e" * 64
    save(path, found, keeper=Keeper(replace=True))
    entries = json.loads(path.read_text())
    assert (entries["ble_token"], entries["key"]) == (TOKEN, "k" * 32)


KEY_FILE = {"secret": "hush-secret", "private_key": "hush-private", "installation_id": ID}


def test_the_key_file_of_pylamarzocco(tmp_path):
    path = tmp_path / "installation_key.json"
    path.write_text(json.dumps(KEY_FILE))
    result = search([path], lambda _: iter(()))
    assert not result.complaints
    assert secrets(result.found) == {
        "installation id": ID,
        "installation secret": "hush-secret",
        "installation private key": "hush-private",
    }
    result.found.add(THINGS)  # the same id in traffic takes nothing away
    assert result.found.installation.private_key.reveal() == "hush-private"


@given(st.binary(max_size=40), st.integers(0, 200))
def test_whatever_a_key_file_holds(noise, at):
    text = json.dumps(KEY_FILE).encode()
    found = parse_installation_key(text[: at % len(text)] + noise)
    assert found is None or isinstance(found, Installation)


_NESTED = st.recursive(
    st.none() | st.text(max_size=4) | st.just(HEAD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["bleAuthToken", "a"]), inner),
    max_leaves=10,
)


@given(_NESTED)
def test_whatever_the_cloud_answers(answer):
    found, _ = collect(exchange("GET", "/things", answer=answer))
    assert all(machine.ble_token for machine in found.machines)


def test_the_samples_have_all_of_it():
    sample = Path(__file__).parents[2] / "captures" / "lion-morning.har"
    result = search([sample], lambda _: iter(()))
    assert result.found.complete
    assert not result.complaints
