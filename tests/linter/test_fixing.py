"""Fixes: idempotent, true to comments and layout, and clean afterwards."""

import difflib
import re
import sys

import pytest
from planted import cases

pytest.importorskip("libcst", reason="libcst is not installed (extra lint)")

from etude.errors import EtudeError
from etude.linter import RULES, lint
from etude.linter.fixing import fix_files, fixed

FIXABLE = [case for case in cases() if case.fixable]


def lined(source):
    """Put a comment behind every line that can bear one."""
    return "\n".join(
        line if not line.strip() or line.rstrip().endswith("[") else f"{line}   # é {number}"
        for number, line in enumerate(source.splitlines())
    )


@pytest.mark.parametrize("case", FIXABLE, ids=lambda case: f"{case.code}-{case.name}")
@pytest.mark.parametrize("change", [str, lined], ids=["plain", "commented"])
def test_a_fix_mends_is_idempotent_and_keeps_all_else(case, change):
    old = change(case.wrong)
    new, count = fixed(old.encode())
    assert count == 1
    assert lint(new.decode()) == ()
    assert fixed(new) == (new, 0)
    assert sorted(re.findall(r"# é \d+", new.decode())) == sorted(re.findall(r"# é \d+", old))
    changed = [
        line
        for line in difflib.ndiff(old.splitlines(), new.decode().splitlines())
        if line[0] in "+-"
    ]
    assert len(changed) <= 2


def test_all_that_is_said_to_be_fixable_is_fixed():
    for case in cases():
        promised = [remark for remark in lint(case.wrong) if remark.fix]
        assert bool(promised) == case.fixable
        assert fixed(case.wrong.encode())[1] == len(promised)


@pytest.mark.parametrize("code", [rule.code for rule in RULES.values() if "--fix`" in rule.page])
def test_pages_promise_what_is_tested(code):
    assert code in {case.code for case in FIXABLE}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "ReduceLROnPlateau(\n    o,  # it\n    patience=3,\n)",
            'ReduceLROnPlateau(\n    o,  # it\n    patience=3,\n    mode="max",\n)',
        ),
        ("ReduceLROnPlateau(o, mode='min')", "ReduceLROnPlateau(o, mode='max')"),
        ("ReduceLROnPlateau(o, 'min')", "ReduceLROnPlateau(o, 'max')"),
        ("ReduceLROnPlateau(o, MODE)", "ReduceLROnPlateau(o, MODE)"),
        ("ReduceLROnPlateau(\n    o,\n)", 'ReduceLROnPlateau(\n    o,\n    mode="max",\n)'),
        ("ReduceLROnPlateau( o )", 'ReduceLROnPlateau( o, mode="max" )'),
    ],
)  # fmt: skip
def test_a_keyword_joins_the_layout_that_is_there(old, new):
    head = "from torch.optim.lr_scheduler import ReduceLROnPlateau\ns = "
    tail = "\nfor epoch in e:\n    s.step(val_acc)\n"
    assert fixed((head + old + tail).encode())[0].decode() == head + new + tail


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_before_and_behind_stay(ends, mark):
    old = mark + f"from torch.optim import SGD{ends}a = 'ä'; SGD(p, rate=1)  # ü{ends}".encode()
    new, count = fixed(old)
    assert count == 1
    assert new == old.replace(b"rate=1", b"lr=1")


def test_an_encoding_stays():
    old = "# -*- coding: latin-1 -*-\nfrom torch.optim import SGD\nSGD(p, rate=1)  # ä\n"
    new, _ = fixed(old.encode("latin-1"))
    assert new == old.replace("rate", "lr").encode("latin-1")


def test_what_is_ignored_is_not_fixed():
    old = b"from torch.optim import SGD\nSGD(p, rate=1)  # etude: ignore\n"
    assert fixed(old) == (old, 0)
    other = b"from torch.optim import SGD\nSGD(p, rate=1)\n"
    assert fixed(other, ["LR102"]) == (other, 0)


def test_files_are_replaced_whole_and_keep_mode_and_links(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("from torch.optim import SGD\nSGD(p, rate=1)\n")
    path.chmod(0o750)
    (tmp_path / "bad.py").write_text("optim = (")
    (tmp_path / "good.py").write_text("optim = 1\n")
    link = tmp_path / "link.py"
    link.symlink_to(path)
    assert list(fix_files([str(link), str(tmp_path)])) == [(str(link), 1)]
    assert path.read_text().endswith("SGD(p, lr=1)\n")
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o750
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "bad.py",
        "good.py",
        "link.py",
        "train.py",
    ]


def test_without_libcst_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "libcst", None)
    with pytest.raises(EtudeError, match=r"pip install 'etude\[lint\]'"):
        list(fix_files([str(tmp_path)]))
