"""Findings into a file: nothing in it is lost, and nobody else can read it."""

from __future__ import annotations

import json
import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.cloud.collection import Collection, Keeper, merged, save
from lmdecode.cloud.findings import Account, Client, FleetMachine, Secret, Tokens
from lmdecode.config.file import ConfigError, change, check_writable, load_config

KEY, OTHER = "k" * 32, "o" * 32
KITCHEN = FleetMachine(Secret(KEY), "SN1", "kitchen", "GS3 AV")
OFFICE = FleetMachine(Secret(OTHER), "SN2", "office", "Linea Mini")


def found(*machines, **parts):
    return Collection(machines=list(machines), **parts)


def stored(path):
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return json.loads(path.read_text())


def test_a_new_file(tmp_path):
    path = tmp_path / "config.json"
    saved = save(path, found(KITCHEN, client=Client(Secret("i"), Secret("s")), account=Account(Secret("u"), None)))
    assert list(stored(path)) == [
        "client_id", "client_secret", "username", "key", "serial_number", "machine_name", "model_name",
    ]  # fmt: skip
    assert str(saved).endswith("has client id, client secret, user name, kitchen (GS3 AV, SN1)")
    assert save(path, found(KITCHEN)).changes == ()


def test_what_is_there_stays_in_its_order(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{\n\t"zz": {"a": [1]},\n\t"host": "h",\n\t"key": "",\n\t"aa": null\n}')
    path.chmod(0o644)
    saved = save(path, found(KITCHEN))
    assert saved.was_open
    entries = stored(path)
    assert list(entries)[:4] == ["zz", "host", "key", "aa"]
    assert entries["key"] == KEY
    assert path.read_text().startswith('{\n\t"zz"')


def test_a_second_machine_makes_a_list_and_the_first_stays_on_top(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"host": "h", "key": KEY, "serial_number": "SN1"}))
    save(path, found(OFFICE, KITCHEN))
    entries = stored(path)
    assert (entries["key"], entries["host"]) == (KEY, "h")
    assert [(each["serial_number"], each["key"]) for each in entries["machines"]] == [("SN1", KEY), ("SN2", OTHER)]
    assert {machine.key.secret.decode() for machine in load_config(path).machines()} == {KEY, OTHER}


def test_an_old_key_is_kept_for_old_captures(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"key": OTHER, "serial_number": "SN1", "machine_name": "mine"}))
    save(path, found(KITCHEN))
    entries = stored(path)
    assert (entries["key"], entries["machine_name"]) == (KEY, "mine")
    assert entries["machines"] == [{"machine_name": "mine (old key)", "key": OTHER}]


def test_tokens_only_if_asked_for(tmp_path):
    path = tmp_path / "config.json"
    some = found(KITCHEN, tokens=Tokens(Secret("at"), Secret("rt")))
    save(path, some)
    assert "access_token" not in stored(path)
    save(path, some, tokens=True)
    assert (stored(path)["access_token"], stored(path)["refresh_token"]) == ("at", "rt")


@pytest.mark.parametrize(
    "content", ["[]", "not JSON", '{"key": 1', '{"a": 1, "a": 2}', '{"machines": 7}', "[" * 100_000]
)
def test_a_file_that_is_no_config_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        save(path, found(KITCHEN, OFFICE))
    assert len(str(caught.value).splitlines()) == 1
    assert KEY not in str(caught.value)
    assert path.read_text() == content


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="there is no folder"):
        check_writable(tmp_path / "nowhere" / "config.json")


def test_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "config.json")
    save(tmp_path / "link.json", found(KITCHEN))
    assert (tmp_path / "link.json").is_symlink()
    assert stored(tmp_path / "real" / "config.json")["key"] == KEY


def put(entries, name, value):
    entries[name] = value


def test_two_at_once_do_not_undo_each_other(tmp_path):
    path = tmp_path / "config.json"
    threads = [
        threading.Thread(target=change, args=(path, partial(put, name=f"n{number}", value=number)))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(path) == {f"n{number}": number for number in range(12)}


def test_a_change_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"a": 1}')
    path.chmod(0o600)
    with pytest.raises(ZeroDivisionError):
        change(path, lambda _: 1 / 0)
    assert stored(path) == {"a": 1}


texts = st.one_of(st.none(), st.just(""), st.sampled_from(["a", "b"]))
keys = st.one_of(texts, st.sampled_from([KEY, OTHER, "n" * 32]))
secrets = texts.map(lambda text: Secret(text) if text else None)
machines = st.fixed_dictionaries({"key": keys, "serial_number": texts, "machine_name": texts})
files = st.fixed_dictionaries(
    dict.fromkeys(("client_id", "client_secret", "username", "password"), texts)
    | {"key": keys, "serial_number": texts, "machines": st.lists(machines, max_size=2)}
)
findings = st.builds(
    Collection,
    client=st.builds(Client, secrets, secrets),
    account=st.builds(Account, secrets, secrets),
    machines=st.lists(
        st.builds(
            FleetMachine, keys.map(lambda key: Secret(key) if key and len(key) == 32 else None), st.sampled_from("ab")
        ),
        max_size=2,
    ),
)


@given(entries=files, found=findings, later=findings)
def test_what_is_there_is_never_replaced_unasked(entries, found, later):
    before, keeper = json.loads(json.dumps(entries)), Keeper()
    for each in (found, later):
        merged(entries, each, tokens=False, where="", keeper=keeper)
    login = ("client_id", "client_secret", "username", "password")
    assert {name: entries[name] for name in login if before[name]} == {
        name: before[name] for name in login if before[name]
    }
    for old, new in zip([before, *before["machines"]], [entries, *entries.get("machines", [])], strict=False):
        if len(old["key"] or "") == 32:
            assert new["key"] == old["key"]


def test_a_password_that_was_there_stays_whoever_was_found():
    entries, keeper = {"password": "mine"}, Keeper()
    for user in ("first", "second"):
        merged(entries, found(KITCHEN, account=Account(Secret(user), None)), tokens=False, where="", keeper=keeper)
    assert (entries["username"], entries["password"]) == ("first", "mine")
    assert keeper.kept == ["user name"]


def test_one_search_may_correct_itself():
    entries, keeper = {"key": OTHER, "serial_number": "SN1"}, Keeper()
    for secret in ("first", "second"):
        client = Client(Secret("id"), Secret(secret))
        merged(entries, found(KITCHEN, client=client), tokens=False, where="", keeper=keeper)
    assert (entries["client_secret"], entries["key"]) == ("second", OTHER)
    assert keeper.kept == ["key of kitchen (GS3 AV, SN1)"]


def test_an_id_and_its_secret_stay_together(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"client_id": "mine", "username": "me", "password": ["a list"]}))
    path.chmod(0o600)
    client, account = Client(Secret("other"), Secret("s")), Account(Secret("me"), Secret("p"))
    tokens = Tokens(Secret("at"))
    saved = save(path, found(KITCHEN, client=client, account=account, tokens=tokens), tokens=True, keeper=Keeper())
    assert stored(path) == {
        "client_id": "mine", "username": "me", "password": ["a list"],
        "key": KEY, "serial_number": "SN1", "machine_name": "kitchen", "model_name": "GS3 AV",
    }  # fmt: skip
    assert saved.kept == ("client id", "password")
    assert str(saved).endswith("keeps its own client id and password, not what was found")
