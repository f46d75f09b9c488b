"""Logs that are cut, empty, huge, binary or made to harm: one sentence, and nothing runs."""

import io
import json
import os
import pickle
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.errors import EtudeError, LogError
from etude.readers import FORMS, read
from etude.readers import text as texts
from etude.readers.tensorboard import _masked_crc

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path for path in GOLDEN.rglob("*") if path.is_file() and path.name != "meta.yaml")


def put(folder, content, name="log.csv"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"step,loss\n", "must have columns of numbers"),
        (b"a,b\n1,2\n", "must have a column of losses, but .* has a, b; name one with --loss"),
        (b"1,2\n3,4\n", "must begin with the names of its columns"),
        (b"step,loss\n0,caf\xe9\n", "byte 15 is neither"),
        (b"\x7fELF\0\0\0", "zero bytes"),
        (b"{]", "no line of it is a JSON object"),
        (b"[" * 100_000, "nested less deeply|no line of it"),
        (b"step,loss\n0," + b"9" * 200_000 + b"\n", "field larger than field limit"),
        (b":W&B\xe1\xbe\0", "must have a history"),
        (b"SQLite format 3\0" + b"x" * 100, "the store .* cannot be read"),
    ],
)
def test_one_sentence_says_what_is_wrong(tmp_path, content, said):
    with pytest.raises(EtudeError, match=said) as caught:
        read(put(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_a_missing_path_and_a_folder_without_logs_are_told_apart(tmp_path):
    with pytest.raises(LogError, match="is not"):
        read(tmp_path / "nothing")
    put(tmp_path, b"print()", "train.py")
    with pytest.raises(LogError, match="must have a log of losses in it"):
        read(tmp_path)


def test_what_is_no_regular_file_and_what_may_not_be_looked_into_is_no_crash(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(LogError, match="file or folder that is there"):
        read(tmp_path / "pipe.csv")
    put(tmp_path, b"step,loss\n0,1\n1,2\n")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    assert len(read(tmp_path).logs) == 1


def test_a_folder_is_read_but_for_what_cannot_be(tmp_path):
    put(tmp_path, b"step,loss\n0,1\n1,2\n", "good.csv")
    put(tmp_path, b"\xff\xfe\x00", "bad.csv")
    found = read(tmp_path)
    assert len(found.logs) == 1
    assert len(found.unread) == 1


def test_free_text_is_told_what_a_log_must_be(tmp_path):
    place = put(tmp_path, b"epoch 1 loss 2.3\nepoch 2 loss 2.2\n", "train.log")
    with pytest.raises(LogError, match=r"must have columns of numbers \(CSV.*has none"):
        read(place)


def test_utf16_as_some_consoles_write_it_is_read(tmp_path):
    found = read(put(tmp_path, "step,loss\n0,1\n1,2\n".encode("utf-16")))
    assert found.logs[0].curve.loss.tolist() == [1, 2]


def test_a_length_without_end_is_not_believed(tmp_path):
    length = struct.pack("<Q", 2**62)
    content = length + struct.pack("<I", _masked_crc(length)) + b"few bytes"
    with pytest.raises(LogError, match="cut off"):
        read(put(tmp_path, content, "events.out.tfevents.1"))


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "LARGEST", 10)
    with pytest.raises(LogError, match="at most 0 MB"):
        read(put(tmp_path, b"step,loss\n0,1\n"))


def test_a_pickle_is_not_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    for name in ("log.csv", "events.out.tfevents.1", "log.json"):
        with pytest.raises(EtudeError):
            read(put(tmp_path, pickle.dumps(Evil()), name))
    assert not (tmp_path / "harm").exists()


def test_a_link_to_itself_is_not_followed(tmp_path):
    (tmp_path / "around").symlink_to(tmp_path)
    put(tmp_path, b"step,loss\n0,1\n1,2\n")
    assert len(read(tmp_path).logs) == 1


def test_numbers_beyond_any_float_are_infinite(tmp_path):
    content = json.dumps([{"step": t, "loss": 10**400} for t in range(3)]).encode()
    assert (
        read(put(tmp_path, content, "log.json")).logs[0].curve.loss.tolist() == [float("inf")] * 3
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GOLDEN)))
@given(data=st.data())
def test_a_golden_log_cut_or_changed_anywhere_ends_in_a_run_or_a_sentence(
    tmp_path_factory, path, data
):
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place]
    else:
        content = content[:place] + bytes([data.draw(st.integers(0, 255))]) + content[place + 1 :]
    changed = put(tmp_path_factory.mktemp("changed"), content, path.name)
    survives(changed)


@given(content=st.binary(max_size=300), form=st.sampled_from([None, *FORMS]))
def test_any_bytes_end_in_a_run_or_a_sentence(tmp_path_factory, content, form):
    survives(put(tmp_path_factory.mktemp("bytes"), content), form=form)


@given(
    rows=st.lists(
        st.dictionaries(
            st.sampled_from(["step", "epoch", "loss", "val_loss", "lr", "iter", "mode", "x"]),
            st.none() | st.floats() | st.integers() | st.text(max_size=3) | st.lists(st.integers()),
        ),
        max_size=8,
    )
)
def test_any_rows_end_in_a_run_or_a_sentence(tmp_path_factory, rows):
    out = io.StringIO()
    for row in rows:
        out.write(json.dumps(row) + "\n")
    folder = tmp_path_factory.mktemp("rows")
    survives(put(folder, out.getvalue().encode(), "log.jsonl"))
    survives(put(folder, json.dumps({"log_history": rows}).encode(), "state.json"))


def survives(path, **options):
    try:
        logs = read(path, **options).logs
    except EtudeError as error:
        said = str(error)
        assert "\n" not in said
        return
    for log in logs:
        assert log.curve.update.size == log.curve.loss.size == log.curve.lr.size
        assert (log.curve.update[1:] > log.curve.update[:-1]).all()
