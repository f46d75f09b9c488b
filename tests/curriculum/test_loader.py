"""Files to items; mistakes as file:line with what is allowed."""

import pytest

from etude.curriculum import load
from etude.curriculum.loader import load_all
from etude.errors import ContentError


def test_a_small_course_is_read(folder):
    course = load(folder)
    myth = course.item("slow-is-sure")
    assert myth.choice.key == "B"
    assert myth.difficulty == "easy"
    assert [section.heading for section in myth.sections] == ["Belief", "Reality", "Why it matters"]
    assert str(myth.section("Reality").evidence.proofs[0]) == "line/high-falls"
    assert str(myth.choice.options[0].claim) == "line/low-lower"
    assert [card.back.markdown for card in course.cards] == ["Late."]
    assert str(course.places["line/high-falls"]) == "experiments/line.yaml:10"


def test_a_card_keeps_its_name_when_it_moves(spoil, folder):
    before = load(folder).cards[0].id
    course = load(spoil("myths/slow-is-sure.md", "- Slow? ::", "- New? :: One.\n- Slow? ::"))
    assert before in [card.id for card in course.cards]


MYTH, LINE = "myths/slow-is-sure.md", "experiments/line.yaml"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (MYTH, "## Reality", "## Realty", ":19: unknown heading of a myth 'Realty'; did you mean"),
        (MYTH, "## Why it matters\nTime.\n", "", ":1: the heading '## Why it matters' is missing"),
        (MYTH, "kind: myth", "kind: mith", ":2: unknown kind 'mith'; did you mean 'myth'?"),
        (MYTH, "source: new", "source: book", ":4: source: a source is 'new' or such as"),
        (MYTH, "concept: step-size", "concept: step-size\nlevel: dire", ":6: level: unknown level"),
        (
            MYTH,
            "- [x] No",
            "- [ ] No",
            ":7: expected two options or more, one of them [x]; got 2 and 0",
        ),
        (
            MYTH,
            "- [ ] Yes",
            "- Yes",
            ":7: expected two options or more, one of them [x]; got 1 and 1",
        ),
        (MYTH, "- [x] No", "- No", ":12: an option begins with - [ ]"),
        (MYTH, "claim: line/low-lower", "claim: low-lower", ":9: a proof is written experiment/"),
        (
            MYTH,
            "  - claim: line/low",
            "  - clame: line/low",
            ":9: unknown detail of an option 'clame'",
        ),
        (MYTH, "Time.", "Time.\n\n## Belief\nMore.", ":26: the heading '## Belief' is there twice"),
        (MYTH, "- Slow? :: Late.", "- Slow? :: Late.\nproof: a/b", ":28: no proof is read under"),
        (MYTH, "- Slow? :: Late.", "- Slow? Late.", ":27: a card is 'front :: back'"),
        (LINE, "id: line", "id: lime", ":1: id must be the file's name, 'line', got 'lime'"),
        (MYTH, "a share", "{{line/high-falls}}", ":20: nothing was recorded for line/high-falls"),
    ],
)
def test_a_mistake_is_told_by_file_and_line(spoil, name, old, new, said):
    with pytest.raises(ContentError) as error:
        load(spoil(name, old, new))
    assert name + said in str(error.value)


def test_all_mistakes_are_told_at_once_and_the_rest_is_read(spoil):
    spoil(MYTH, "## Reality", "## Realty")
    course, problems = load_all(spoil(LINE, "below: 0.5", "belov: 0.5"))
    assert {problem.place.file for problem in problems} == {MYTH, LINE}
    assert not course.items


def test_unknown_names_are_told_with_what_is_near(folder):
    course = load(folder)
    with pytest.raises(ContentError, match="did you mean 'slow-is-sure'"):
        course.item("slow-is-shure")
    with pytest.raises(ContentError, match="must be a folder of content"):
        load(folder / "nowhere")


def test_files_that_cannot_be_read_are_told(folder):
    (folder / "myths" / "latin.md").write_bytes(b"---\nkind: myth\ntitle: \xe9tude\n---\n")
    _, problems = load_all(folder)
    assert str(problems[0]).startswith("myths/latin.md:1: must be a UTF-8 text, but UnicodeDecode")
    (folder / "recorded.json").write_text('{"values": 3}', encoding="utf-8")
    with pytest.raises(ContentError, match="remove it and record again"):
        load(folder)
