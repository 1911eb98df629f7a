"""mitm_addons/lm_credentials.py in a real mitmdump, between a real client and a cloud with TLS."""

from __future__ import annotations

import base64
import json
import time

import httpx
import pytest

from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY
from lmdecode.config.file import load_config
from tests.cloud.fake_cloud import COMPRESSORS, CUSTOMER, GATEWAY, STRANGER, TOKEN, fleet, machine, tokens
from tests.cloud.leaks import leaks
from tests.cloud.mitmdump import ADDON, mitmdump

KEY = "hush-key-\xe4\xff+/=%&" + "k" * 16
OTHER_KEY = "hush-other-key-" + "o" * 17
ID, SECRET = "7_hush-id-0123456789abcdef", "hush+secret/=%25&\xe9"
USER, PASSWORD = "hush.user+lm@example.com", 'hush p\xe4ss"w%rd+&'
ACCESS, REFRESH = "hush-access-token-0123456789", "hush-refresh-token-0123456789"
SECRETS = [KEY, OTHER_KEY, ID, SECRET, USER, PASSWORD, ACCESS, REFRESH]

CLIENT = {"client_id": ID, "client_secret": SECRET}
ACCOUNT = {"username": USER, "password": PASSWORD, "grant_type": "password"}
LOGIN = CLIENT | ACCOUNT


def basic(login_id=ID, secret=SECRET):
    return {"authorization": "Basic " + base64.b64encode(f"{login_id}:{secret}".encode()).decode()}


def form_body(data):
    return httpx.Request("POST", TOKEN, data=data).read()


FORM = {"content-type": "application/x-www-form-urlencoded"}
HEADERS = {b"client_id": ID.encode(), b"client_secret": SECRET.encode()}
WAYS = {
    "form": {"data": LOGIN},
    "json": {"json": LOGIN},
    "json in camel case": {"json": {"clientId": ID, "clientSecret": SECRET} | ACCOUNT},
    "multipart": {"files": {name: (None, value.encode()) for name, value in LOGIN.items()}},
    "basic and form": {"headers": basic(), "data": ACCOUNT},
    "basic and json": {"headers": basic(), "json": ACCOUNT},
    "headers and form": {"headers": HEADERS, "data": ACCOUNT},
    "headers and json": {"headers": HEADERS, "json": ACCOUNT},
    **{
        f"form in {coding}": {
            "headers": FORM | {"content-encoding": coding},
            "content": compress(form_body(LOGIN)),
        }
        for coding, compress in COMPRESSORS.items()
    },
}
WHOLE = {
    **CLIENT,
    "username": USER,
    "password": PASSWORD,
    "key": KEY,
    "serial_number": "GS012345",
    "machine_name": "kitchen",
    "model_name": "GS3 AV",
}


@pytest.fixture(autouse=True)
def owner(cloud):
    """The owner of one machine."""
    cloud.fleet, cloud.tokens = fleet(machine(KEY)), tokens(ACCESS, REFRESH)


def written(proxy):
    """What the addon wrote, for its owner only; and none of it anywhere else."""
    assert proxy.config.stat().st_mode & 0o777 == 0o600
    configs = list((proxy.folder / "configs").rglob("config.json"))
    assert leaks(proxy.folder, SECRETS, allowed=configs) == []
    assert not [path for path in proxy.config.parent.iterdir() if path != proxy.config]
    return json.loads(proxy.config.read_text())


def log_in(proxy, way, answer="", **options):
    with proxy.client(**options) as client:
        login = client.post(TOKEN, **way | {"headers": dict(way.get("headers", {})) | {"x-answer": answer}})
        if login.is_success:
            client.get(CUSTOMER, headers={"authorization": f"Bearer {ACCESS}", "x-answer": answer})
        return login


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_logging_in(proxy, way, http2):
    login = log_in(proxy, WAYS[way], http2=http2)
    assert login.json()["access_token"] == ACCESS
    assert login.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    proxy.news("the app logs in", "found client id: **", "found password: **", "still missing: key")
    proxy.news("found key of kitchen (GS3 AV, GS012345): **", "nothing is missing")
    assert written(proxy) == WHOLE
    assert load_config(proxy.config).key() == Key(KEY.encode("latin-1"))


def test_the_password_is_kept_only_if_asked_for(proxy):
    proxy.set(lm_save_password="false", lm_save_tokens="true")
    try:
        log_in(proxy, WAYS[next(iter(WAYS))])
        news = proxy.news("nothing is missing; next: lmdecode discover")
        assert news.count("the password was not saved; to save it, set lm_save_password=true") == 1
        entries = written(proxy)
    finally:
        proxy.set(lm_save_tokens="false")
    assert "password" not in entries
    assert entries["access_token"] == ACCESS


def test_a_file_with_the_published_key_takes_nothing(proxy):
    sample = {"host": "h", "key": SAMPLE_KEY}
    proxy.config.write_text(json.dumps(sample))
    proxy.config.chmod(0o600)
    log_in(proxy, WAYS[next(iter(WAYS))])
    proxy.news("has the published key of the samples", "name another file")
    assert written(proxy) == sample


@pytest.mark.parametrize("answer", [*COMPRESSORS, "falsely gzip"])
def test_compressed_answers(proxy, answer):
    with proxy.client() as client:  # httpx asks for, and reads, all but what is not what it says
        for url, way in ((TOKEN, {"method": "POST", "data": LOGIN}), (CUSTOMER, {"method": "GET"})):
            request = client.build_request(url=url, headers={"x-answer": answer}, **way)
            client.send(request, stream=True).close()
    news = proxy.news("nothing is missing")
    assert ("claims to be gzip, but is not; it is read as it is" in news) == (answer == "falsely gzip")
    assert written(proxy) == WHOLE


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("401", "the cloud rejected the login (401)"),
        ("400", "the cloud rejected the login (400)"),
        ("429", "the cloud wants fewer requests"),
        ("503", "the cloud has a problem of its own (503"),
        ("html", "the answer to the login is a web page instead of JSON"),
        ("malformed", "the answer to the login is not JSON, or cut short"),
    ],
)
def test_a_login_that_failed_changes_nothing(proxy, answer, line):
    log_in(proxy, {"data": LOGIN})
    proxy.news("nothing is missing")
    login = log_in(proxy, {"data": LOGIN | {"password": "hush mistyped"}}, answer)
    assert login.status_code == (int(answer) if answer.isdigit() else 200)
    proxy.news(line)
    assert written(proxy) == WHOLE
    assert leaks(proxy.folder, ["hush mistyped"]) == []


def test_a_failed_login_alone_writes_nothing(proxy):
    log_in(proxy, {"data": LOGIN}, "401")
    proxy.news("the cloud rejected the login", "still missing: client id, client secret, user name and password")
    assert not proxy.config.exists()


def test_the_same_login_with_a_new_secret(proxy):
    proxy.config.write_text(json.dumps({"host": "192.168.1.215", "port": "1774", "mine": [1, 2]}, indent=4))
    proxy.config.chmod(0o644)
    log_in(proxy, {"data": LOGIN | {"client_secret": "hush-old-secret"}})
    proxy.news("others could read the file, now only you can", "nothing is missing")
    log_in(proxy, {"data": LOGIN})
    proxy.news("the client secret differs from what was found before; the newer counts", "has client secret")
    assert written(proxy) == {"host": "192.168.1.215", "port": "1774", "mine": [1, 2]} | WHOLE
    assert proxy.config.read_text().startswith('{\n    "host": "192.168.1.215",\n    "port": "1774",\n    "mine": [')


def test_several_machines(proxy, cloud):
    cloud.fleet = fleet(machine(KEY), machine(OTHER_KEY, "LM54321", "office", "Linea Mini"))
    log_in(proxy, {"data": LOGIN})
    proxy.news("found key of office (Linea Mini, LM54321): **", "nothing is missing")
    entries = written(proxy)
    machines = entries.pop("machines")
    assert entries == WHOLE
    assert [each["serial_number"] for each in machines] == ["GS012345", "LM54321"]
    assert [each.name for each in load_config(proxy.config).machines()] == ["kitchen", "office"]


@pytest.mark.parametrize(
    ("machines", "line"),
    [
        ([], "this account has no machines"),
        ([machine("hush-too-short")], "no usable key for kitchen (GS3 AV, GS012345): the key has 14 bytes"),
        ([machine(None)], "there is no communicationKey"),
        (["nonsense"], "machine 1 of the cloud's list is not an object"),
    ],
)
def test_a_fleet_without_keys(proxy, cloud, machines, line):
    cloud.fleet = fleet(*machines)
    log_in(proxy, {"data": LOGIN})
    proxy.news(line)
    assert "key" not in written(proxy)
    assert leaks(proxy.folder, ["hush-too-short"]) == []


def test_a_renewed_login(proxy):
    log_in(proxy, {"data": CLIENT | {"grant_type": "refresh_token", "refresh_token": REFRESH}})
    proxy.news(
        "the renewal of a login has no user name and password; to have them too, log out and in again in the app"
    )
    proxy.news("still missing: user name and password: log out and in again in the app")
    assert written(proxy) == {name: value for name, value in WHOLE.items() if name not in {"username", "password"}}


def test_a_file_that_cannot_be_written_to(proxy):
    proxy.config.write_text("not JSON")
    log_in(proxy, {"data": LOGIN})
    proxy.news("config.json is not JSON", "it was not changed")
    assert proxy.config.read_text() == "not JSON"


def test_a_phone_that_does_not_trust_the_proxy(proxy):
    for _ in range(2):
        with proxy.client(trusting=False) as client, pytest.raises(httpx.ConnectError):
            client.get(f"https://{GATEWAY}/")
    log_in(proxy, {"data": LOGIN})
    news = proxy.news("nothing is missing")
    assert news.count(f"the app does not trust this proxy's certificate for {GATEWAY}: on the phone, open") == 1


def test_other_hosts_are_not_even_decrypted(proxy):
    with proxy.client(trusting=False) as client:  # it would not take a certificate of mitmproxy's
        assert client.post(f"https://{STRANGER}/oauth/v2/token", data=LOGIN).json()["access_token"] == ACCESS
    assert not proxy.config.exists()
    assert leaks(proxy.folder, SECRETS, allowed=list((proxy.folder / "configs").rglob("config.json"))) == []


def test_other_hosts_are_decrypted_if_mitmproxy_is_to(proxy):
    proxy.set(lm_only="false")
    try:
        with proxy.client() as client:
            assert client.post(f"https://{STRANGER}/oauth/v2/token", data=LOGIN).json()["access_token"] == ACCESS
    finally:
        proxy.set(lm_only="true")
    assert not proxy.config.exists()


def test_it_quits_when_complete_and_shows_secrets_if_asked_to(python, cloud, tmp_path):
    options = ["--set", "lm_quit=true", "--set", "lm_show_secrets=true", "--set", "lm_tokens=true"]
    with mitmdump(python, tmp_path, cloud, *options) as proxy:
        assert log_in(proxy, {"data": LOGIN}).is_success
        assert proxy.process.wait(20) == 0
        assert "Traceback" not in proxy.output
        assert f"found password: {PASSWORD}" in proxy.output
    entries = json.loads((tmp_path / "lmdecode" / "config.json").read_text())
    assert (entries["access_token"], entries["refresh_token"]) == (ACCESS, REFRESH)
    assert entries["token_expires"].endswith("+00:00")


def test_both_addons_at_once_load_without_a_warning(python, cloud, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"key": OTHER_KEY}))  # lm_traffic does not start without any
    both = ["-s", ADDON.with_name("lm_traffic.py"), "--set", "termlog_verbosity=info"]
    with mitmdump(python, tmp_path, cloud, *both) as proxy:
        log_in(proxy, {"data": LOGIN})
        proxy.news("nothing is missing")
        proxy.interrupt()
        assert "verriding" not in proxy.output
        assert "ver-riding" not in proxy.output
        assert "Traceback" not in proxy.output


def test_ctrl_c_keeps_what_was_found(python, cloud, tmp_path):
    with mitmdump(python, tmp_path, cloud) as proxy:
        with proxy.client() as client:
            client.post(TOKEN, data=LOGIN)
        proxy.news("config.json has client id, client secret, user name", "the password was not saved")
        started = time.monotonic()
        assert proxy.interrupt() == 0
        assert time.monotonic() - started < 10
        assert "still missing: key of the machine: open the machine's page in the app" in proxy.output
        assert "Traceback" not in proxy.output
    config = tmp_path / "lmdecode" / "config.json"
    assert json.loads(config.read_text()) == CLIENT | {"username": USER}
    assert leaks(tmp_path, SECRETS, allowed=[config]) == []


def test_a_file_that_is_no_config_stops_it_at_once(python, cloud, tmp_path):
    (tmp_path / "config.json").write_text("[]")
    with mitmdump(python, tmp_path, cloud) as proxy:
        assert proxy.process.wait(20) == 1
        assert "lm_credentials: lm_config: " in proxy.output
        assert "config.json is not a configuration file" in proxy.output
        assert "Traceback" not in proxy.output


def test_another_file_that_is_no_config_is_not_taken(proxy):
    other = proxy.config.with_name("other.json")
    other.write_text("[]")
    with pytest.raises(httpx.HTTPError):
        proxy.set(lm_config=other)
    log_in(proxy, {"data": LOGIN})
    proxy.news("nothing is missing")
    assert other.read_text() == "[]"
    other.unlink()
    assert written(proxy) == WHOLE
