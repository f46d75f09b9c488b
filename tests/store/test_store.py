import json
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import event, func, select, text, update

from etude.errors import StoreError
from etude.records import Curve, Outcome
from etude.store import Store, StoredCheckpoint, run_key, schema, tables
from etude.store import store as store_module

SETTINGS = {"updates": 5, "batch_size": 32, "device": "cpu", "versions": {"torch": "2.13.0"}}
NAMES = [field.name for field in fields(Curve)]

WRITER = """
import sys
import numpy as np
from etude.records import Curve, Outcome, Run
from etude.store import Store

address, writer = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
with Store.open(address) as store:
    for number in range(50):
        curve = Curve(update=np.arange(100.0), loss=np.full(100, float(writer)))
        run = Run(f"{writer:04x}{number:08x}", "t", "s", number, Outcome.STALLED, 100, 100,
                  1.0, 1.0, 1.0, curve)
        store.add(run, key=run.id, settings={})
"""

KILLED = """
import os, sys
import numpy as np
from sqlalchemy import event
from etude.records import Curve, Outcome, Run
from etude.store import Store

store = Store.open(sys.argv[1])

@event.listens_for(store._engine, "before_cursor_execute")
def die(_connection, _cursor, statement, *_rest):
    if "INSERT INTO etude_curves" in statement:
        os._exit(9)

run = Run("a" * 12, "t", "s", 0, Outcome.STALLED, 1, 1, 1.0, 1.0, 1.0, Curve())
store.add(run, key="k", settings={})
"""


def bits(curve):
    return {name: getattr(curve, name).tobytes() for name in NAMES}


def facts(run):
    # repr, because nan is not equal to itself; + 0.0, because SQLite has no -0.0 outside a blob
    return repr(replace(run, curve=None, loss=run.loss + 0.0, metric=run.metric + 0.0))


def test_a_run_comes_back_as_it_was(store, make_run):
    run = make_run(11)
    store.add(run, key="k", settings=SETTINGS)
    stored = store.get(run.id)
    assert facts(stored.run) == facts(run)
    assert bits(stored.run.curve) == bits(run.curve)
    assert (stored.key, stored.settings) == ("k", SETTINGS)
    assert stored.run.outcome is Outcome.CONVERGED


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 5e-324, 1.7976931348623157e308])
def test_what_is_not_finite_or_extreme_comes_back(store, make_run, value):
    column = np.array([value, 1.0, value])
    run = make_run(1, loss=value, metric=value, curve=Curve(update=np.arange(3.0), loss=column))
    store.add(run, key="k", settings={})
    back = store.find(["k"])["k"]
    assert facts(back) == facts(run)
    assert bits(back.curve) == bits(run.curve)


@settings(max_examples=100, deadline=None)
@given(arrays(np.float64, st.integers(0, 30)), st.floats(), st.integers(-(2**63), 2**63 - 1))
def test_any_column_comes_back_bit_for_bit_and_any_loss_and_seed_by_value(
    make_run, column, loss, seed
):
    run = make_run(1, loss=loss, seed=seed, curve=Curve(update=column, val_loss=column))
    with Store.open("sqlite://") as store:
        store.add(run, key="k", settings={})
        back = store.get(run.id).run
    assert facts(back) == facts(run)
    assert bits(back.curve) == bits(run.curve)


def test_created_is_utc_in_iso_form(store, make_run):
    store.add(make_run(1), key="k", settings={})
    (stored,) = store.runs()
    assert stored.created.endswith("+00:00")
    assert stored.created[10] == "T"


def test_a_run_that_is_there_already_stays_as_it_is(store, make_run):
    store.add(make_run(1, loss=1.0), key="k", settings={"first": True})
    store.add(make_run(1, loss=2.0), key="k", settings={"first": False})
    (stored,) = store.runs()
    assert stored.run.loss == 1.0
    assert stored.settings == {"first": True}


def test_what_is_stored_is_there_when_the_store_is_opened_again(address, make_run):
    with Store.open(address) as store:
        store.add(make_run(1), key="k", settings={})
    with Store.open(address) as store:
        assert list(store.find(["k"])) == ["k"]


def test_find_gives_the_runs_that_are_there_and_no_others(store, make_run):
    store.add(make_run(1), key="one", settings={})
    store.add(make_run(2), key="two", settings={})
    found = store.find(["two", "three", "two"])
    assert {key: run.id for key, run in found.items()} == {"two": make_run(2).id}
    assert bits(found["two"].curve) == bits(make_run(2).curve)
    assert store.find([]) == {}


def test_find_gives_the_last_stored_of_runs_with_one_key(store, make_run):
    for number in (2, 3, 1):
        store.add(make_run(number), key="same", settings={})
    assert store.find(["same"])["same"].id == make_run(1).id


def test_find_takes_three_thousand_keys_in_statements_that_every_sqlite_takes(store, make_run):
    for number in range(30):
        store.add(make_run(number), key=f"key {number * 100}", settings={})
    counts = []
    event.listen(
        store._engine,
        "before_cursor_execute",
        lambda _connection, _cursor, _statement, given, *_: counts.append(len(given)),
    )
    found = store.find([f"key {number}" for number in range(3000)])
    assert {key: run.id for key, run in found.items()} == {
        f"key {number * 100}": make_run(number).id for number in range(30)
    }
    assert sum(counts) == 3000
    assert max(counts) <= 999  # the least SQLITE_MAX_VARIABLE_NUMBER that is in use


def test_runs_are_listed_the_last_stored_first_without_curves(store, make_run):
    for number in (2, 3, 1):
        store.add(make_run(number), key="k", settings=SETTINGS)
    listed = store.runs()
    assert [stored.run.id for stored in listed] == [make_run(n).id for n in (1, 3, 2)]
    assert all(getattr(stored.run.curve, name).size == 0 for stored in listed for name in NAMES)
    assert listed[0].settings == SETTINGS


def test_lists_are_narrowed_by_task_strategy_outcome_and_limit(store, make_run):
    store.add(make_run(1, task="bowl"), key="k", settings={})
    store.add(make_run(2, strategy="sgd lr=0.1 100%_"), key="k", settings={})
    store.add(make_run(3, outcome=Outcome.IMPROVING), key="k", settings={})

    def numbers(**narrowed):
        return [int(stored.run.id, 16) for stored in store.runs(**narrowed)]

    assert numbers(task="bowl") == [1]
    assert numbers(task="bow") == []
    assert numbers(strategy="SGD LR") == [2]
    assert numbers(strategy="0%_") == [2]  # % and _ are text, not wildcards
    assert numbers(strategy="%") == [3, 2, 1]  # "warmup 5%" too
    assert numbers(outcome="still improving") == [3]
    assert numbers(limit=2) == [3, 2]
    assert numbers(task="digits", strategy="cosine", limit=5) == [3]


def test_the_start_of_an_id_is_enough(store, make_run):
    store.add(make_run(1, id="abc000000001"), key="k", settings={})
    store.add(make_run(2, id="abd000000001"), key="k", settings={})
    assert store.get("abc").run.id == "abc000000001"
    assert store.get("ABD0").run.id == "abd000000001"


def test_a_whole_id_is_found_though_another_starts_with_it(store, make_run):
    store.add(make_run(1, id="abc1"), key="k", settings={})
    store.add(make_run(2, id="abc"), key="k", settings={})
    assert store.get("abc").run.id == "abc"


@pytest.mark.parametrize("start", ["zz", "%", "_"])
def test_an_id_that_no_run_has_is_named(store, make_run, start):
    store.add(make_run(1), key="k", settings={})
    with pytest.raises(StoreError, match=f"got '{start}', which no run in .* has"):
        store.get(start)


def test_an_ambiguous_id_is_answered_with_those_that_it_fits(store, make_run):
    for number in range(7):
        store.add(make_run(number, id=f"ab{number}"), key="k", settings={})
    with pytest.raises(StoreError, match="'ab' fits ab0, ab1, ab2, ab3, ab4, …; give more of it"):
        store.get("ab")


def test_settings_that_json_cannot_hold_are_refused(store, make_run):
    with pytest.raises(StoreError, match="settings must be ready for JSON"):
        store.add(make_run(1), key="k", settings={"chance": float("nan")})
    with pytest.raises(StoreError, match="settings must be ready for JSON"):
        store.add(make_run(1), key="k", settings={"device": object()})
    assert store.runs() == []


def test_a_run_without_its_curve_is_never_kept(store, make_run):
    bad = replace(make_run(1).curve, lr=np.array([object()]))
    with pytest.raises((TypeError, StoreError)):
        store.add(make_run(1, curve=bad), key="k", settings={})
    assert store.runs() == []


def test_a_process_that_dies_while_it_writes_leaves_no_half_run(address):
    died = subprocess.run([sys.executable, "-c", KILLED, address], check=False)
    assert died.returncode == 9
    with Store.open(address) as store:
        assert store.runs() == []
        assert store.find(["k"]) == {}


def test_four_processes_create_one_store_and_write_at_once(address):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, address, str(writer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for writer in range(4)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate()
        assert (writer.returncode, errors) == (0, "")
    with Store.open(address) as store:
        listed = store.runs()
        assert len({stored.run.id for stored in listed}) == len(listed) == 200
        found = store.find([stored.key for stored in listed])
    assert {key: run.curve.loss.tolist() for key, run in found.items()} == {
        stored.key: [float(int(stored.run.id[:4], 16))] * 100 for stored in listed
    }


@pytest.mark.parametrize("reading", [False, True])
def test_a_newer_store_is_refused(address, reading):
    with Store.open(address) as store, store._engine.begin() as connection:
        connection.execute(update(tables.meta).values(value=tables.SCHEMA + 1))
    with pytest.raises(StoreError, match=rf"a newer étude wrote it \(schema {tables.SCHEMA + 1}\)"):
        Store.open(address, reading=reading)


@pytest.mark.parametrize("reading", [False, True])
def test_the_runs_of_a_store_whose_curves_had_fewer_columns_are_kept(address, make_run, reading):
    new = ("gain_update", "gain_ratio", "zero_share")
    with Store.open(address) as store:
        store.add(make_run(1), key="k", settings={})
        with store._engine.begin() as connection:
            for name in new:
                connection.execute(text(f"ALTER TABLE etude_curves DROP COLUMN {name}"))
            connection.execute(update(tables.meta).values(value=3))
    with Store.open(address, reading=reading) as store:
        curve = store.find(["k"])["k"].curve
    assert curve.loss.tolist() == make_run(1).curve.loss.tolist()
    assert [getattr(curve, name).size for name in new] == [0, 0, 0]


def test_a_store_that_another_process_made_in_the_meantime_is_taken_as_it_is(store, make_run):
    store.add(make_run(1), key="k", settings={})
    assert schema.create(store._engine) == tables.SCHEMA
    assert list(store.find(["k"])) == ["k"]


def test_a_store_whose_making_was_cut_short_is_made_whole(address, make_run):
    with Store.open(address) as store, store._engine.begin() as connection:
        connection.execute(tables.meta.delete())
        connection.execute(text("DROP TABLE etude_curves"))
    with Store.open(address) as store:
        store.add(make_run(1), key="k", settings={})
        assert list(store.find(["k"])) == ["k"]
        with store._engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(tables.meta)) == 1


def one_sentence(caught):
    return "\n" not in str(caught.value) and str(caught.value).endswith("--store or ETUDE_HOME")


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"must be a file, but .* is a folder") as caught:
        Store.open(str(tmp_path))
    assert one_sentence(caught)


def test_a_file_of_another_kind_is_no_store_and_stays_as_it_is(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("these are not the bytes of a database\n" * 100)
    before = other.read_bytes()
    with pytest.raises(StoreError, match="file is not a database") as caught:
        Store.open(str(other))
    assert one_sentence(caught)
    assert other.read_bytes() == before


@pytest.mark.parametrize("below", ["runs.db", "deep/down/runs.db"])
def test_a_place_below_a_file_is_no_store(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be created, .*file is a file\)") as caught:
        Store.open(str(tmp_path / "file" / below))
    assert one_sentence(caught)


def test_a_store_that_can_only_be_read_is_refused_when_it_is_opened(tmp_path):
    file = tmp_path / "runs.db"
    Store.open(str(file)).close()
    with pytest.raises(StoreError, match=r"cannot be opened for writing: .*readonly") as caught:
        Store.open(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert one_sentence(caught)


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"must be there to be read, .* no .*runs\.db") as caught:
        Store.open(str(tmp_path / "deep" / "runs.db"), reading=True)
    assert one_sentence(caught)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("reading", [False, True])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, reading):
    with pytest.raises(StoreError, match=r"cannot be .*name too long") as caught:
        Store.open(str(tmp_path / ("x" * 300)), reading=reading)
    assert one_sentence(caught)


def test_a_file_without_runs_is_no_store_to_read(tmp_path):
    (tmp_path / "runs.db").touch()
    with pytest.raises(StoreError, match=r"must be one that étude made, but .* has no runs"):
        Store.open(str(tmp_path / "runs.db"), reading=True)
    assert not (tmp_path / "runs.db").stat().st_size


def test_what_can_only_be_read_is_read_and_nothing_is_put_beside_it(
    tmp_path, make_run, monkeypatch
):
    folder = tmp_path / "a? b%20"
    with Store.open(str(folder / "runs.db")) as store:
        store.add(make_run(1), key="k", settings={})
    (folder / "runs.db").chmod(0o444)
    folder.chmod(0o555)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write all the same
    try:
        with Store.open(str(folder / "runs.db"), reading=True) as store:
            assert store.find(["k"])["k"].id == make_run(1).id
            with pytest.raises(StoreError, match=r"cannot be written: .*readonly"):
                store.add(make_run(2), key="k", settings={})
            assert [file.name for file in folder.iterdir()] == ["runs.db"]
    finally:
        folder.chmod(0o755)


def test_a_url_that_asks_to_read_only_is_read(tmp_path):
    Store.open(str(tmp_path / "runs.db")).close()
    with Store.open(f"sqlite:///file:{tmp_path}/runs.db?mode=ro&uri=true", reading=True) as store:
        assert store.runs() == []


def test_a_reader_sees_what_a_writer_adds(address, make_run):
    with Store.open(address) as writer, Store.open(address, reading=True) as reader:
        writer.add(make_run(1), key="k", settings={})
        assert [stored.run.id for stored in reader.runs()] == [make_run(1).id]


def test_a_store_that_breaks_while_it_is_open_says_so(store, make_run):
    with store._engine.begin() as connection:
        connection.execute(text("DROP TABLE etude_curves"))
    with pytest.raises(StoreError, match=r"cannot be written: .*etude_curves"):
        store.add(make_run(1), key="k", settings={})
    with pytest.raises(StoreError, match=r"cannot be read: .*etude_curves"):
        store.find(["k"])
    assert store.runs() == []


KEY = {
    "fingerprint": "f",
    "strategy": "sgd lr=0.1",
    "seed": 0,
    "updates": 100,
    "horizon": None,
    "batch_size": 32,
    "device": "cpu",
    "engine": "ordinary",
    "versions": {"torch": "2.13.0", "etude": "0.1.0"},
}


def test_the_order_of_versions_does_not_change_a_key():
    turned = dict(reversed(KEY["versions"].items()))
    assert run_key(**(KEY | {"versions": turned})) == run_key(**KEY)


def test_a_key_is_the_sha256_of_the_canonical_json():
    # By hand: printf '%s' with these two lines joined, piped to sha256sum.
    # '{"batch_size":32,"device":"cpu","engine":"ordinary","fingerprint":"f","horizon":null,
    # "seed":0,"strategy":"sgd lr=0.1","updates":100,"versions":{"etude":"0.1.0","torch":"2.13.0"}}'
    assert run_key(**KEY) == "6216b64dad035735796871ed58fd4a722ec90123072e3607575ea4e430a35ef5"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("fingerprint", "g"),
        ("strategy", "sgd lr=0.2"),
        ("seed", 1),
        ("updates", 101),
        ("horizon", 1000),
        ("batch_size", 33),
        ("device", "cuda"),
        ("engine", "fast 16"),
        ("versions", {"torch": "2.13.1", "etude": "0.1.0"}),
    ],
)
def test_every_part_changes_the_key(name, other):
    assert run_key(**(KEY | {name: other})) != run_key(**KEY)


def test_a_second_comparison_finds_what_the_first_one_trained(address, make_run):
    with Store.open(address) as store:
        store.add(make_run(1), key=run_key(**KEY), settings=json.loads(json.dumps(SETTINGS)))
    with Store.open(address) as store:
        other = KEY | {"seed": 1}
        found = store.find([run_key(**KEY), run_key(**other)])
    assert list(found) == [run_key(**KEY)]


def test_a_choice_is_made_once(address):
    asked = []

    def choose():
        asked.append(1)
        return {"engine": "stacked", "lanes": len(asked)}

    for _ in range(2):
        with Store.open(address) as store:
            assert store.settled("k", choose) == {"engine": "stacked", "lanes": 1}
            assert store.settled("other", dict) == {}
    assert len(asked) == 1


def test_a_store_of_an_older_schema_gets_what_it_lacks(address):
    with Store.open(address) as store, store._engine.begin() as connection:
        connection.execute(text("DROP TABLE etude_choices"))
        connection.execute(text("UPDATE etude_meta SET value = 1"))
    with Store.open(address) as store:
        assert store.settled("k", lambda: {"lanes": 3}) == {"lanes": 3}
        assert schema.version_of(store._engine) == tables.SCHEMA


def checkpoint(key, first="r", content=b"\x00\xff"):
    return StoredCheckpoint(key, first, "[]", content)


def test_a_checkpoint_is_found_by_its_first_run_until_it_is_dropped(store):
    for each in (checkpoint("a"), checkpoint("b", first="other"), checkpoint("c")):
        assert store.keep_checkpoint(each)
    assert {each.key for each in store.checkpoints(["r", "nobody"])} == {"a", "c"}
    assert store.checkpoints(["other"]) == [checkpoint("b", first="other")]
    store.drop_checkpoint("a")
    store.drop_checkpoint("a")
    assert store.checkpoints(["r"]) == [checkpoint("c")]
    assert store.checkpoints([]) == []


def test_a_checkpoint_takes_the_place_of_the_last_one(store):
    for content in (b"1", b"2"):
        store.keep_checkpoint(checkpoint("a", content=content))
    assert store.checkpoints(["r"]) == [checkpoint("a", content=b"2")]


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(store):
    store.keep_checkpoint(checkpoint("a", content=b"1"))

    def die(_connection, _cursor, statement, *_rest):
        if "INSERT" in statement:
            raise RuntimeError

    event.listen(store._engine, "before_cursor_execute", die)
    with pytest.raises(RuntimeError):
        store.keep_checkpoint(checkpoint("a", content=b"2"))
    event.remove(store._engine, "before_cursor_execute", die)
    assert store.checkpoints(["r"]) == [checkpoint("a", content=b"1")]


def test_a_checkpoint_that_is_too_large_is_not_kept(store, monkeypatch):
    monkeypatch.setattr(store_module, "LARGEST_CHECKPOINT", 2)
    assert store.keep_checkpoint(checkpoint("a", content=b"12"))
    assert not store.keep_checkpoint(checkpoint("a", content=b"123"))
    assert store.checkpoints(["r"]) == [checkpoint("a", content=b"12")]


def test_a_checkpoint_that_nobody_went_on_from_goes(store):
    store.keep_checkpoint(checkpoint("a"))
    with store._engine.begin() as connection:
        connection.execute(update(tables.checkpoints).values(kept="2020-01-01T00:00:00+00:00"))
    store.keep_checkpoint(checkpoint("b"))
    assert store.checkpoints(["r"]) == [checkpoint("b")]


def test_a_store_without_checkpoints_gets_room_for_them(address):
    with Store.open(address) as store, store._engine.begin() as connection:
        connection.execute(text("DROP TABLE etude_checkpoints"))
        connection.execute(text("UPDATE etude_meta SET value = 2"))
    with Store.open(address) as store:
        assert store.keep_checkpoint(checkpoint("a"))
        assert schema.version_of(store._engine) == tables.SCHEMA
