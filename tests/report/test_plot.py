import pytest

from etude.report.plot import plot


def test_a_line_is_drawn_in_dots_with_its_axes():
    # a rise from 0 to 1 over 8 columns of 2 dots and 3 rows of 4: one dot for each dot's column
    rows = plot([[t / 15 for t in range(16)]], width=20, height=3)
    assert rows[0].startswith("  1 ┤")
    assert rows[1].startswith("0.5 ┤")
    assert rows[2].startswith("  0 ┤")
    assert rows[3].startswith("    └─")
    assert rows[4].strip().startswith("0")
    assert rows[4].endswith("update 15")
    drawn = "".join(row[5:] for row in rows[:3])
    assert all(0x2800 < ord(char) <= 0x28FF for char in drawn.replace(" ", ""))
    assert all(len(row) <= 20 for row in rows)


def test_several_lines_are_letters_and_meet_in_one_sign():
    rows = plot([[0, 1, 1], [1, 1, 0]], width=21, height=2)
    top, bottom = rows[0][5:], rows[1][5:]
    assert set(top) == {"b", "=", "a"}
    assert set(bottom.strip()) == {"a", " ", "b"}


@pytest.mark.parametrize("width", [5, 20, 40, 200])
@pytest.mark.parametrize("count", [1, 2])
def test_it_fits_the_width_and_is_never_narrower_than_readable(width, count):
    rows = plot([[0.001 * t for t in range(50)]] * count, width=width)
    assert max(map(len, rows)) <= max(width, 20)


def test_ascii_is_all_that_a_plain_terminal_gets():
    for count in (1, 2):
        rows = plot([[0, 1, 2, 1]] * count, width=40, ascii_only=True)
        assert all(row.isascii() for row in rows)


def test_short_long_and_flat_lines_are_drawn():
    assert plot([[1.0]], width=40)
    assert plot([[0.0] * 7], width=40)[0].startswith("  1 ")
    assert plot([[1.0] * 100_000], width=40)


def test_a_jump_leaves_no_gap():
    rows = plot([[1.0] * 20 + [0.0] * 20], width=40, height=5)
    column = next(i for i, char in enumerate(rows[2]) if i > 5 and char != " ")
    assert all(row[column] != " " for row in rows[1:4])
