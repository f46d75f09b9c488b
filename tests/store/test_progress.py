"""`etude.store.progress`: what is kept, what is kept for ever, what is forgotten."""

import pytest

from etude.store import Store
from etude.store.progress import Progress


@pytest.fixture
def progress(tmp_path):
    with Store.open(str(tmp_path / "runs.db")) as store:
        yield Progress(store)


def test_what_is_kept_replaces_what_was_there(progress):
    progress.keep("card", "a", {"due": 1})
    progress.keep("card", "a", {"due": 2})
    assert progress.get("card", "a") == {"due": 2}
    assert progress.get("card", "b") is None


def test_what_is_committed_stays_as_it_first_was(progress):
    assert progress.commit("prediction", "a", {"choice": "A"}) == {"choice": "A"}
    assert progress.commit("prediction", "a", {"choice": "B"}) == {"choice": "A"}
    assert progress.get("prediction", "a") == {"choice": "A"}


def test_kinds_do_not_meet_and_entries_come_in_their_order(progress):
    progress.keep("b", "x", {"n": 1})
    progress.keep("a", "x", {"n": 2})
    assert [(each.kind, each.content["n"]) for each in progress.entries()] == [("b", 1), ("a", 2)]
    assert [each.key for each in progress.entries("a")] == ["x"]


def test_it_forgets_all_of_it(progress):
    progress.keep("a", "x", {})
    progress.commit("b", "y", {})
    assert progress.forget() == 2
    assert progress.entries() == []


def test_another_store_object_sees_it(progress, tmp_path):
    progress.keep("a", "x", {"n": 1})
    with Store.open(str(tmp_path / "runs.db")) as other:
        assert Progress(other).get("a", "x") == {"n": 1}
