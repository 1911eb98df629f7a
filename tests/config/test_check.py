"""What is wrong with a configuration, by line and entry."""

from __future__ import annotations

import json

import pytest

from lmdecode.config import SAMPLE_KEY
from lmdecode.config.check import problems
from lmdecode.config.file import load_config
from lmdecode.config.machines import TargetError

ONE, TWO = "1" * 32, "2" * 32
KITCHEN = {"machine_name": "kitchen", "host": "10.0.0.1", "key": ONE}
OFFICE = {"machine_name": "office", "host": "10.0.0.2", "key": TWO}


@pytest.fixture
def check(tmp_path):
    def check(entries, machine=None):
        path = tmp_path / "config.json"
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries, indent=1))
        path.chmod(0o600)
        found = problems(load_config(path), machine)
        assert not any(secret in str(each) for each in found for secret in (ONE, TWO, "hush"))
        return [(each.line, each.entry, each.text) for each in found if not each.note]

    return check


def test_nothing_is_wrong(check):
    entries = KITCHEN | {"port": 1774, "model_name": "GS3 AV", "client_id": "hush", "token_expires": "x", "name": "k"}
    assert check(entries) == []
    assert check({"machine": "office", "machines": [KITCHEN, OFFICE], "mqtt": {"host": "broker", "tls": True}}) == []
    old = {"machine_name": "kitchen (old key)", "key": TWO}
    assert check(KITCHEN | {"machines": [old]}) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"hots": "h", **KITCHEN}, (2, "hots", '"hots" is not an entry that lmdecode knows: did you mean "host"?')),
        (
            {"machines": [KITCHEN, OFFICE | {"Hots": "h"}]},
            (12, "machines[1].Hots", '"Hots" of machine 2 is not an entry that lmdecode knows: did you mean "host"?'),
        ),
        (
            KITCHEN | {"mqtt": {"host": "b", "prefiks": "x"}},
            (7, "mqtt.prefiks", '"prefiks" of "mqtt" is not an entry that lmdecode knows: did you mean "prefix"?'),
        ),
        (KITCHEN | {"mqtt": {"tls": 1}}, (6, "mqtt.tls", '"tls" of "mqtt" is neither true nor false')),
        (KITCHEN | {"mqtt": {"port": "x"}}, (6, "mqtt.port", '"port" of "mqtt" is not a port: it should be 1883')),
        (KITCHEN | {"mqtt": {"host": "ftp://hush@b"}}, (6, "mqtt.host", '"host" of "mqtt" is not a broker')),
        (KITCHEN | {"host": "http://10.0.0.1"}, (3, "host", '"host" is not an address: give the name or the number')),
        (KITCHEN | {"host": 10}, (3, "host", '"host" is not text: put it in double quotes')),
        (KITCHEN | {"port": True}, (5, "port", '"port" is not a port: it should be 1774')),
        (KITCHEN | {"model_name": "GS4"}, (5, "model_name", '"model_name" is not a known model: GS3 AV')),
        (KITCHEN | {"key": "hush"}, (4, "key", '"key": the key has 4 bytes')),
        (KITCHEN | {"key": 5}, (4, "key", '"key" is not text')),
        ({"machines": 7}, (2, "machines", '"machines" is not a list of objects')),
        ({"machines": [KITCHEN, 7]}, (2, "machines", '"machines" has an element 2 that is not an object')),
        ({"host": "h"}, (None, "", 'there is no "key": lmdecode harvest finds it, or lmdecode config set key')),
        (
            {"bluetooth": "MICRA_MR012345"},
            (None, "", 'there is no "ble_token": lmdecode credentials FILE finds it, or lmdecode config set ble_t'),
        ),
        (
            {"machines": [KITCHEN, {"generation": "bluetooth", "serial_number": "MR012345"}]},
            (None, "machines[1].ble_token", 'MR012345 has no "ble_token": lmdecode config set ble_token --machine MR0'),
        ),
        ({"key": ONE}, (None, "host", 'the machine has no "host": lmdecode discover finds the address; ')),
        (
            {"machines": [KITCHEN, {"machine_name": "the office", "key": TWO}]},
            (None, "machines[1].host", 'the office has no "host": lmdecode discover finds the address; '),
        ),
        ({"machines": [KITCHEN, {"host": "h"}]}, (None, "machines[1].key", 'h has no "key": lmdecode config set key')),
        (
            {"machines": [KITCHEN, OFFICE | {"machine_name": "Kitchen"}]},
            (9, "machines[1].machine_name", '"machine_name" of machine 2 is also the name of another machine (line 4)'),
        ),
        (
            {"machine": "attic", "machines": [KITCHEN, OFFICE]},
            (2, "machine", '"machine" names none of the machines, or several; there are: kitchen, office'),
        ),
        (
            {"host": "10.0.0.9", "machines": [KITCHEN, OFFICE]},
            (2, "host", '"host" belongs to none of the machines'),
        ),
        (
            {"key": SAMPLE_KEY, "host": "10.0.0.9", "machines": [KITCHEN]},
            (2, "key", '"key" is the published key of the sample captures'),
        ),
        (
            {"machines": [KITCHEN, {"host": "h", "key": "hex:" + SAMPLE_KEY.encode().hex()}]},
            (10, "machines[1].key", '"key" of machine 2 is the published key of the sample captures'),
        ),
        (
            {"key": SAMPLE_KEY, "host": "h", "username": "hush"},
            (2, "key", '"key" is the published key of the sample captures'),
        ),
        (
            '{"host": "h",\n\n"host": "i", "key": "' + ONE + '"}',
            (3, "host", '"host" is there twice; lmdecode uses this one, not the one in line 1: remove one'),
        ),
    ],
)  # fmt: skip
def test_each_problem_has_its_line_and_its_entry(check, entries, expected):
    found = check(entries)
    line, entry, words = expected
    assert [(each[0], each[1]) for each in found if each[2].startswith(words)] == [(line, entry)], found
    assert all(each[2].startswith(words) for each in found) or isinstance(entries, str), found


def test_the_command_that_helps_can_be_pasted(check, tmp_path):
    ((_, _, text),) = check({"machines": [KITCHEN, {"machine_name": "the office", "key": TWO}]})
    command = f"lmdecode config set host ADDRESS --machine 'the office' --config {tmp_path / 'config.json'}"
    assert text.endswith(f"; {command}")


def test_what_others_can_read_is_said(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(KITCHEN))
    path.chmod(0o640)
    assert [str(each) for each in problems(load_config(path))] == [
        f"{path}: others on this computer can read it (mode 640): chmod 600 {path}"
    ]


@pytest.mark.parametrize("entries", [KITCHEN | {"version": 2}, KITCHEN | {"scripts": {"hots": 1}}])
def test_what_other_programs_have_there_is_only_noted(check, tmp_path, entries):
    assert check(entries) == []
    notes = problems(load_config(tmp_path / "config.json"))
    assert [(each.line, each.note) for each in notes] == [(5, True)]


def test_the_published_key_alone_is_only_noted(check, tmp_path):
    assert check({"host": "127.0.0.1", "key": SAMPLE_KEY}) == []
    assert "published key" in str(problems(load_config(tmp_path / "config.json"))[0])


def test_one_machine_alone(check):
    entries = {"machines": [KITCHEN | {"hots": "x"}, {"machine_name": "office", "key": TWO}]}
    assert [each[1] for each in check(entries, "kitchen")] == ["machines[0].hots"]
    ((_, entry, text),) = check(entries, "OFFICE")
    assert (entry, "--machine office" in text) == ("machines[1].host", True)
    with pytest.raises(TargetError, match=r"--machine offise: .* did you mean office\?"):
        check(entries, "offise")


def test_a_key_in_the_wrong_place_is_not_shown(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({TWO: "key", **KITCHEN}))
    said = " ".join(map(str, problems(load_config(path))))
    assert '"22222222…" is not an entry that lmdecode knows' in said
    assert TWO not in said


def test_a_key_in_the_place_of_a_name_is_not_shown(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({ONE: "hush", "machines": [{TWO: "hush", "key": ONE}]}))
    found = problems(load_config(path))
    assert not any(secret in each.text + each.entry for each in found for secret in (ONE, TWO))
    assert {"11111111…", "machines[0].22222222…"} <= {each.entry for each in found}
