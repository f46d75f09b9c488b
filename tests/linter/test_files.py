"""Files, folders, notebooks and what cannot be read: one sentence each, the rest linted."""

import json
import os
import re

import pytest

from etude.errors import EtudeError, SourceError
from etude.linter.files import lint_files, walk
from etude.linter.sources import LARGEST, decoded, read

WRONG = "from torch.optim import SGD\nSGD(p, rate=1)\n"


def linted(*paths, **options):
    return {each.path: each for each in lint_files([str(path) for path in paths], **options)}


def notebook(*cells):
    return json.dumps(
        {"cells": [{"cell_type": kind, "source": text} for kind, text in cells], "nbformat": 4}
    )


@pytest.mark.parametrize(
    "data",
    [
        WRONG.encode(),
        b"\xef\xbb\xbf" + WRONG.encode(),
        ("# -*- coding: latin-1 -*-\n# \xe4\n" + WRONG).encode("latin-1"),
        WRONG.replace("\n", "\r\n").encode(),
        WRONG.replace("\n", "\r").encode(),
    ],
)
def test_encodings_and_line_ends_are_read(tmp_path, data):
    path = tmp_path / "train.py"
    path.write_bytes(data)
    [found] = linted(path).values()
    assert [each.code for each in found.remarks] == ["LR101"]
    assert found.lines == ("SGD(p, rate=1)",)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"optim \0 x", "null bytes"),
        (b"\x89PNG\r\n\x1a\n\x00", "null bytes"),
        (b"# optim \xff\xfe\n", "no text|encoding"),
        (b"x = 1\n\n\n# optim \xff\xfe\n", "not text"),
        (b"# -*- coding: nonsense -*-\n", "encoding"),
        (b"# -*- coding: hex -*-\n6f", "no text|encoding"),
        ("optim".encode("utf-16"), "null bytes|no text"),
        (b"x = 'optim'\n" * (LARGEST // 10), "at most 4 MB"),
        (b"optim = (\n", "not Python code"),
    ],
)
def test_what_is_no_text_is_one_sentence(tmp_path, data, why):
    (tmp_path / "bad.py").write_bytes(data)
    (tmp_path / "good.py").write_text(WRONG)
    found = linted(tmp_path)
    bad, good = found[str(tmp_path / "bad.py")], found[str(tmp_path / "good.py")]
    assert re.search(why, bad.failure), bad.failure
    assert "\n" not in bad.failure
    assert [each.code for each in good.remarks] == ["LR101"]


def test_missing_files_and_folders_named_like_files_are_said(tmp_path):
    (tmp_path / "folder.py").mkdir()
    missing = tmp_path / "missing.py"
    found = linted(missing, tmp_path)
    assert "No such file" in found[str(missing)].failure
    assert len(found) == 1
    assert "cannot be read" in linted("null\0byte.py")["null\0byte.py"].failure


def test_an_unreadable_file_is_said(tmp_path, monkeypatch):
    path = tmp_path / "locked.py"
    path.write_text(WRONG)

    def refuse(self, *_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    assert "Permission denied" in linted(path)[str(path)].failure


def test_links_that_go_round_end(tmp_path):
    (tmp_path / "train.py").write_text(WRONG)
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    found = linted(tmp_path)
    assert [each.code for each in found[str(tmp_path / "train.py")].remarks] == ["LR101"]
    assert "cannot be read" in found[str(tmp_path / "self.py")].failure
    assert len(found) == 2


def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    [found] = linted(tmp_path).values()
    assert found.failure == "it cannot be read (it is not a file)"


def test_environments_caches_and_hidden_folders_are_left_out(tmp_path):
    for folder in (".git", "__pycache__", "node_modules", "site-packages", "env", "src"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text(WRONG)
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    (tmp_path / "notes.txt").write_text(WRONG)
    assert list(walk(str(tmp_path))) == [str(tmp_path / "src" / "a.py")]


def test_a_file_that_is_named_twice_is_linted_once(tmp_path):
    (tmp_path / "a.py").write_text(WRONG)
    assert len(linted(tmp_path, tmp_path / "a.py", tmp_path)) == 1


def test_processes_give_the_same_in_the_same_order(tmp_path):
    for number in range(40):
        (tmp_path / f"{number:02}.py").write_text(WRONG * (number % 3))
    one = list(lint_files([str(tmp_path)], jobs=1))
    assert list(lint_files([str(tmp_path)], jobs=2)) == one


def test_a_notebook_is_linted_by_cell(tmp_path):
    text = notebook(
        ("markdown", "# SGD"),
        ("code", ["%matplotlib inline\n", "!pip install torch\n", "from torch.optim import SGD"]),
        ("code", "%%bash\nls"),
        ("code", "if True:\n    %timeit f()\noptim?\nopt = SGD(p, rate=1)"),
    )
    path = tmp_path / "train.ipynb"
    path.write_text(text)
    [found] = linted(path).values()
    [remark] = found.remarks
    assert (remark.cell, remark.place.line, remark.fix) == (4, 4, None)
    assert found.lines == ("opt = SGD(p, rate=1)",)


def test_a_form_feed_moves_no_line(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(f"x = 'a'\n\x0c\n{WRONG}")
    [found] = linted(path).values()
    assert [line in WRONG for line in found.lines] == [True]
    path = tmp_path / "train.ipynb"
    path.write_text(notebook(("code", f"text = 'a\u2028b'\n{WRONG}")))
    [found] = linted(path).values()
    assert [line in WRONG for line in found.lines] == [True]


@pytest.mark.parametrize(
    "text", ["{}", "[]", "null", "{", '{"cells": 3}', '{"cells": [3]}', "[" * 100_000]
)
def test_what_is_no_notebook_is_said(text):
    with pytest.raises(SourceError, match="not a notebook"):
        decoded(text.encode(), notebook=True)


def test_reading_gives_lines_as_python_counts_them(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"a = 1\r\nb = 'x\x0cy'\rc = 3\n")
    assert read(str(path)).text == "a = 1\nb = 'x\x0cy'\nc = 3\n"


class TestSettings:
    @pytest.fixture
    def project(self, tmp_path):
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "a.py").write_text(WRONG + "SGD(p, lr=-1)\n")
        return tmp_path

    def codes(self, project, **options):
        [found] = linted(project, **options).values()
        return [each.code for each in found.remarks]

    def write(self, project, text):
        from etude.linter import settings

        settings._in_folder.cache_clear()
        (project / "pyproject.toml").write_text(f"[tool.etude.lint]\n{text}\n")

    def test_select_ignore_and_per_file(self, project):
        self.write(project, 'select = ["LR101"]')
        assert self.codes(project) == ["LR101"]
        self.write(project, 'ignore = ["LR10"]')
        assert self.codes(project) == ["LR128"]
        self.write(project, 'per-file = { "src/*" = ["LR128"], "tests/*" = ["LR"] }')
        assert self.codes(project) == ["LR101"]

    def test_the_command_line_selects_instead_and_ignores_besides(self, project):
        self.write(project, 'select = ["LR101"]\nignore = ["LR122"]')
        assert self.codes(project, select=["LR128"]) == ["LR128"]
        assert self.codes(project, ignore=["LR101"]) == []

    def test_a_pyproject_without_the_table_lets_the_outer_one_hold(self, project):
        self.write(project, 'ignore = ["LR101"]')
        (project / "src" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
        assert self.codes(project) == ["LR128"]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ('select = "LR101"', "lists"),
            ('select = ["XX1"]', "code such as LR104"),
            ("select = [1]", "code such as LR104"),
            ("chosen = []", "got 'chosen'"),
            ("per-file = []", "table of patterns"),
            ("select = [", "TOML"),
        ],
    )
    def test_what_is_no_setting_is_refused(self, project, text, why):
        self.write(project, text)
        with pytest.raises(EtudeError, match=why):
            self.codes(project)
