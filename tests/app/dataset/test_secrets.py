"""Nothing secret gets into a dataset: no key, no token, no password of a URL."""

import base64
import json
from dataclasses import replace

import fsspec
import pyarrow.parquet as pq
import pytest

import lmdecode
from lmdecode.app.asked import Asked
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.store import DataFile, open_dataset
from lmdecode.app.dataset.unit import File, Job, State, Unit
from lmdecode.app.export import ExportRequest
from lmdecode.app.query import query
from lmdecode.dask import read_captures
from tests.app.dataset.exporting import capture, export, job, unit, whole
from tests.capture.building import CAPTURES, KEY_TEXT

CONFIG = CAPTURES / "config.json"
SAMPLES = (
    "gs3av-settings.pcap",
    "v3-morning.pcap",
    "lion-morning.har",
    "bluetooth-morning.btsnoop",
    "homeassistant.log",
)


def spellings(secret):
    """How a secret may stand in a file."""
    plain = secret.encode()
    yield plain
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    yield base64.b64encode(plain).rstrip(b"=")
    yield json.dumps(secret)[1:-1].encode()


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All bytes of a dataset of the samples, with what is compressed in its files as text."""
    years = tmp_path_factory.mktemp("secrets") / "years"
    opened = Asked(config=CONFIG).opened()
    samples = [unit(CAPTURES / name) for name in SAMPLES]
    results = export(years, samples, keys=tuple(opened.keys), known=opened.known, origin=opened.origin)
    assert {each.state for each in results} == {State.ADDED}
    dataset = open_dataset(str(years))
    rows = [repr(pq.read_table(file.path).to_pylist()) for file in dataset.files()]
    files = whole(dataset.storage)
    return b"\n".join([*files.values(), *map(str.encode, (*files, *rows))])


@pytest.mark.parametrize("name", ["key", "ble_token"])
def test_what_the_configuration_holds_is_nowhere(everything, name):
    for spelling in spellings(json.loads(CONFIG.read_bytes())[name]):
        assert spelling not in everything


def test_what_show_secrets_would_show_is_nowhere(everything):
    shown, masked = (_words(show) for show in (True, False))
    secrets = {word for word in shown - masked if len(word) >= 8} - {"192.168.1.215"}  # stands in each packet too

    assert secrets  # the samples do have some
    assert [word for word in secrets if word.encode() in everything] == []


def _words(show):
    """All texts in the fields of the samples' messages."""
    from lmdecode.app.decode import Outcome, read

    opened = Asked(config=CONFIG, show_secrets=show).opened()
    found = set()
    for name in SAMPLES:
        for record in read(Outcome(CAPTURES / name), opened.speakers):
            found |= set(_texts([record.data, record.plaintext, dict(record.fields), dict(record.extra)]))
    return found


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def test_a_job_shows_no_key(tmp_path):
    shown = repr(job(tmp_path))

    assert "1234567890" not in shown
    assert "Key" not in shown


def test_the_password_of_a_url_is_nowhere(tmp_path):
    path = unit(capture(tmp_path / "a.pcap"))
    file = replace(path.files[0], url="sftp://me:hunter2hunter2@127.0.0.1:1/a.pcap", name="sftp://127.0.0.1:1/a.pcap")
    (result,) = export(tmp_path / "years", [Unit((file,))])

    assert result.state is State.FAILED
    found = b"\n".join(whole(open_dataset(str(tmp_path / "years")).storage).values())
    for text in (found, result.reason.encode()):
        assert b"hunter2" not in text
        assert b"sftp://127.0.0.1:1/a.pcap" in text


URL = "sftp://me:hunter2hunter2@127.0.0.1:1/years"


def test_the_text_of_what_holds_a_url_has_no_password():
    file = File(URL, "sftp://127.0.0.1:1/years", 1)
    shown = [file, Unit((file,)), Job(URL), DataFile(URL, 1, 1, None, None, None), ExportRequest([URL], URL)]

    assert [repr(each) for each in shown if "hunter2" in f"{each!r} {each}"] == []


def test_a_query_whose_file_cannot_be_opened_shows_no_password(tmp_path, monkeypatch):
    export(tmp_path / "years", [unit(capture(tmp_path / "a.pcap"))])

    def fail(_path):
        raise FileNotFoundError(f"{URL}?token=hunter2")

    monkeypatch.setattr("lmdecode.app.query._opened", fail)
    with pytest.raises(DatasetError, match=r"does not exist") as error:
        query(str(tmp_path / "years"), "select count(*), max(coffee_temp) from records")
    assert "hunter2" not in str(error.value)


def test_what_an_export_in_python_sums_up_has_no_password(tmp_path):
    place = "memory://me:hunter2hunter2@years/exact"
    done = lmdecode.export(capture(tmp_path / "a.pcap"), to=place, key=KEY_TEXT)

    assert done.added == 1
    assert "hunter2" not in f"{done} {done!r}"


def test_a_dataframe_of_nothing_shows_no_password():
    fsspec.filesystem("memory").makedirs("/me:hunter2@nothing", exist_ok=True)
    with pytest.warns(lmdecode.CaptureWarning) as warned, pytest.raises(lmdecode.CaptureError) as error:
        read_captures("memory://me:hunter2@nothing/", errors="warn", key=KEY_TEXT)
    assert "hunter2" not in f"{error.value} {[each.message for each in warned]}"
