import pytest

from etude.report import write_text_atomically


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
