from pathlib import Path

import pytest

from etude.schedules.conventions import LIBRARIES, read, table

PAGE = Path(__file__).parents[3] / "docs" / "schedules.md"
CLOSED_LOOP = {"greedy", "plateau", "reduce_lr_on_plateau"}


def test_the_page_holds_the_table_as_the_code_gives_it():
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(table.BEGIN) == page.count(table.END) == 1
    assert table.inserted(page) == page, "python -m etude.schedules.conventions docs/schedules.md"


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_table_has_every_name(library):
    shown = {call.partition("(")[0].split()[0] for call in table.EXAMPLES[library]}
    assert shown == set(LIBRARIES[library].readers) - CLOSED_LOOP


def test_what_the_table_says_is_otherwise_is_known_of_the_libraries():
    # evidence: 12 implementations of the same words, 9 curves; which of them idle, miss or climb
    found = {text: read(text, 10).differences(10) for text in table.SAME_WORDS}

    def said(part):
        return {text.partition(" ")[0] for text, many in found.items() if part in " ".join(many)}

    assert said("first update has rate 0") == {"hf:", "timm:", "optax:", "keras:", "megatron:"}
    assert said("first 2 updates have rate 0") == {"deepspeed:"}
    assert said("never reaches the peak") == {"timm:", "deepspeed:"}
    assert said("rises again") == {"torch:", "hf:"}
    assert found["warmup 3 -> cosine"] == ()
    assert "9 curves" in table.markdown()
