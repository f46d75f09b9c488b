"""What `new` writes is a valid beginning."""

import pytest

from etude.curriculum.loader import load, load_all
from etude.curriculum.scaffold import KINDS, start
from etude.errors import ContentError


@pytest.mark.parametrize("kind", KINDS)
def test_every_template_can_be_read(tmp_path, kind):
    path = start(kind, "my-first", tmp_path)
    assert path.is_file()
    course, problems = load_all(tmp_path)
    assert problems == []
    assert "my-first" in {**course.items, **course.experiments}


def test_the_experiments_template_is_true(tmp_path):
    from etude.curriculum.prove import prove

    start("experiment", "experiment", tmp_path)
    proved = prove(load(tmp_path))
    assert proved.problems == ()
    holds = {name.partition("/")[2]: answer.holds for name, answer in proved.answers.items()}
    assert holds == {"check": True, "claim-that-holds": True, "claim-that-fails": False}


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("mith", "x", "unknown kind 'mith'; did you mean 'myth'"),
        ("myth", "My Myth", "small letters, digits and hyphens"),
    ],
)
def test_bad_names_are_told(tmp_path, kind, name, said):
    with pytest.raises(ContentError, match=said):
        start(kind, name, tmp_path)


def test_nothing_is_written_over(tmp_path):
    start("myth", "x", tmp_path)
    with pytest.raises(ContentError, match="is there already"):
        start("myth", "x", tmp_path)
    with pytest.raises(ContentError, match="must be a folder"):
        start("myth", "x", tmp_path / "nowhere")
