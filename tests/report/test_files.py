import os
import threading

import pytest

from etude.report import open_atomically, write_text_atomically


def test_it_writes_utf8_and_leaves_nothing_else(tmp_path):
    write_text_atomically(tmp_path / "report.html", "étude\n")
    assert (tmp_path / "report.html").read_bytes() == "étude\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_keeps_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        write_text_atomically(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_text_atomically(tmp_path / "nowhere" / "report.html", "text")


def test_a_stream_that_fails_half_way_keeps_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("old", encoding="utf-8")

    def write():
        with open_atomically(path) as file:
            file.write("new")
            raise ValueError("the store went away")

    with pytest.raises(ValueError, match="went away"):
        write()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


# A pipe stands for all that is no regular file: a test on /dev/null itself could destroy it.
def test_a_pipe_gets_the_text_and_stays_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_text(encoding="utf-8")))
    reader.daemon = True
    reader.start()
    write_text_atomically(path, "étude")
    reader.join(timeout=10)
    assert got == ["étude"]
    assert path.is_fifo()


@pytest.mark.parametrize("before", ["old", None])
def test_a_symbolic_link_stays_one_and_its_target_is_written(tmp_path, before):
    target, link = tmp_path / "kept" / "report.html", tmp_path / "latest.html"
    target.parent.mkdir()
    if before:
        target.write_text(before, encoding="utf-8")
    link.symlink_to(target)
    write_text_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
