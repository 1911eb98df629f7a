import io

from rich.console import Console

from lmdecode.analysis.generations import Generations
from lmdecode.analysis.identification import IdentificationResult
from lmdecode.codec.record import Kind, Record
from lmdecode.render.identification import as_dict, as_tables

START = 1_795_229_755_174_158_000
PUSH = Record(
    START,
    0,
    "machine",
    "lion.lamarzocco.io:443",
    "192.168.1.5:5000",
    Kind.STREAM,
    "report",
    fields={"coffee_set_temp": 94.0, "model": "LINEAMICRA"},
    machine="MR012345",
    generation="lion",
    subject="MESSAGE /ws/sn/MR012345/dashboard",
    extra={"CMNew": 1},
)
NOTHING = IdentificationResult((), (), bounded=False)


def found(*records):
    generations = Generations()
    for record in records:
        generations.add(record)
    return generations.connections()


def test_a_connection_has_its_generation_and_what_is_said_of_the_machine():
    later = PUSH._replace(time_ns=START + 5, fields={"firmware_ver": "1.40"}, problems=("cut",))
    (connection,) = found(PUSH, later)
    assert (connection.generation, connection.app, connection.machine) == (
        "lion",
        "192.168.1.5:5000",
        "lion.lamarzocco.io:443",
    )
    assert connection.facts == {"machine_ser_num": "MR012345", "model": "LINEAMICRA", "firmware_ver": "1.40"}
    assert (connection.first_ns, connection.last_ns, connection.problems) == (START, START + 5, 1)
    assert connection.subjects == {"MESSAGE /ws/sn/MR012345/dashboard": 2}
    assert connection.unknown == {"CMNew": 2}


def test_what_an_app_asks_for_is_no_fact():
    (connection,) = found(PUSH._replace(sender="app", fields={"firmware_ver": "9"}, machine=None))
    assert connection.facts == {}


def test_generations_on_one_connection_are_told_apart():
    pair = found(PUSH, PUSH._replace(generation="bluetooth"))
    assert [each.generation for each in pair] == ["lion", "bluetooth"]
    assert [each.title for each in pair] != [each.generation for each in pair]


def test_subjects_are_bounded():
    (connection,) = found(*(PUSH._replace(subject=f"GET /{number}") for number in range(2000)))
    assert len(connection.subjects) == 1000
    assert connection.messages.total() == 2000


def test_the_table_and_the_json_say_the_same():
    spoken = found(PUSH)
    console = Console(width=80, record=True, file=io.StringIO())
    for part in as_tables(NOTHING, spoken):
        console.print(part)
    text = console.export_text()
    (entry,) = as_dict(NOTHING, spoken)["generations"]
    assert entry["generation"] == "lion"
    assert entry["messages"] == {"app": 0, "machine": 1}
    for word in ("lion", "MR012345", "LINEAMICRA", "CMNew", "MESSAGE /ws/sn/MR012345/dashboard"):
        assert word in text
