"""`etude lint` and `etude explain`: exit codes, formats, fixes, and what cannot be linted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from etude.cli import main
from etude.linter import RULES

WRONG = "from torch.optim import SGD\nopt = SGD(p, rate=1)\n"
HINTED = "from torch.optim import SGD\nopt = SGD(p, lr=5)\n"
ROOT = Path(__file__).parents[2]


def run(*words, **options):
    return CliRunner().invoke(main, ["lint", *map(str, words)], catch_exceptions=False, **options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(WRONG)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        ("x = 1\n", [], 0),
        (WRONG, [], 1),
        (HINTED, [], 0),
        (HINTED, ["--level", "hint"], 1),
        (WRONG, ["--level", "error"], 1),
        (WRONG, ["--ignore", "LR101"], 0),
        (WRONG, ["--ignore", "lr10,LR128"], 0),
        (WRONG, ["--select", "LR104", "--select", "LR105"], 0),
        ("optim = (", [], 2),
        (WRONG, ["--select", "XX"], 2),
        (WRONG, ["--format", "xml"], 2),
    ],
)
def test_exit_codes(folder, text, words, code):
    (folder / "train.py").write_text(text)
    result = run("train.py", *words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_no_paths_are_a_mistake_of_usage():
    assert run().exit_code == 2


def test_text_shows_place_consequence_line_caret_and_remedy(folder):
    output = run("train.py").output
    assert output.splitlines()[:6] == [
        "train.py:2:14 error LR101 wrong-keyword",
        "  SGD has no setting 'rate': this line raises TypeError",
        "     2 | opt = SGD(p, rate=1)",
        "       |              ^^^^^^",
        "  = write lr= (--fix does it)",
        "",
    ]
    assert output.splitlines()[-1] == "1 error in 1 file"


def test_hidden_hints_are_counted_and_the_rest_is_linted_after_a_failure(folder):
    (folder / "b.py").write_text(HINTED)
    (folder / "c.py").write_text("optim = (")
    result = run(".")
    assert result.exit_code == 2
    assert "c.py: line 1: it is not Python code ('(' was never closed)" in result.output
    assert result.output.splitlines()[-1] == (
        "1 error, 1 hint in 2 files; 1 file could not be linted; "
        "--level hint shows the one that is not shown"
    )


def test_nothing_found_is_said(folder):
    (folder / "train.py").write_text("")
    assert run("train.py").output == "nothing found in 1 file\n"


def test_a_folder_without_python_says_so(folder):
    (folder / "empty").mkdir()
    result = run("empty")
    assert (result.exit_code, result.output) == (
        0, "there is no Python file or notebook to lint\n"
    )  # fmt: skip


def test_standard_input(folder):
    result = run("-", input=WRONG)
    assert result.exit_code == 1
    assert result.output.startswith("<stdin>:2:14 error LR101")
    assert run("-", "--fix", input=WRONG).exit_code == 2


def test_json(folder):
    (folder / "bad.py").write_bytes(b"optim \0")
    found = json.loads(run(".", "--format", "json").stdout)
    assert found["failures"] == [
        {"path": "bad.py", "message": "it is not text: it holds null bytes"}
    ]
    assert found["remarks"] == [
        {
            "code": "LR101",
            "level": "error",
            "message": "SGD has no setting 'rate': this line raises TypeError",
            "remedy": "write lr=",
            "path": "train.py",
            "name": "wrong-keyword",
            "cell": 0,
            "fixable": True,
            "line": 2,
            "column": 14,
            "end_line": 2,
            "end_column": 20,
        }
    ]


def test_github_annotations_escape_what_would_end_them(folder):
    (folder / "a,b:c.py").write_text(WRONG)
    [line] = run("a,b:c.py", "--format", "github").output.splitlines()
    assert line == (
        "::error file=a%2Cb%3Ac.py,line=2,endLine=2,col=14,endColumn=20,"
        "title=LR101 wrong-keyword::SGD has no setting 'rate': this line raises TypeError; "
        "write lr="
    )
    (folder / "train.py").write_text("")
    assert run("train.py", "--format", "github").output == ""


def test_sarif_has_what_the_standard_asks_for(folder):
    (folder / "a b.py").write_text(HINTED)
    (folder / "bad.py").write_text("optim = (")
    found = json.loads(run(".", "--format", "sarif", "--level", "hint").stdout)
    assert found["version"] == "2.1.0"
    [sarif] = found["runs"]
    rules = sarif["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["LR101", "LR110"]
    assert [(each["ruleId"], each["level"]) for each in sarif["results"]] == [
        ("LR110", "note"),
        ("LR101", "error"),
    ]
    for each in sarif["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        [location] = each["locations"]
        region = location["physicalLocation"]["region"]
        assert region["startLine"] == 2
        assert region["endColumn"] > region["startColumn"] >= 1
    uri = sarif["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20b.py"
    [invocation] = sarif["invocations"]
    assert not invocation["executionSuccessful"]
    assert "never closed" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_fix_rewrites_says_so_and_what_is_left_is_shown(folder):
    pytest.importorskip("libcst", reason="libcst is not installed (extra lint)")
    (folder / "train.py").write_text(WRONG + "SGD(p, lr=-1)\n")
    result = run("train.py", "--fix")
    assert "train.py: 1 rewritten" in result.stderr
    assert "LR128" in result.stdout
    assert "LR101" not in result.stdout
    assert result.exit_code == 1


def test_odd_names_do_not_reach_the_terminal(folder):
    name = "a\x1b[31m\nb.py"
    (folder / name).write_text(WRONG)
    output = run(name).output
    assert "\x1b" not in output
    assert output.startswith("a?[31m?b.py:2:14")


def test_a_terminal_without_unicode_gets_question_marks(folder):
    (folder / "train.py").write_text(WRONG.replace("p,", "'é',"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "etude", "lint", "train.py"],
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "ascii", "PATH": "", "NO_COLOR": "1"},
    )
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stderr


def test_the_projects_own_code_is_clean():
    """Pages and corpora hold wrong code as text, which is not code of the project."""
    result = run(ROOT / "src", ROOT / "bench", ROOT / "tests", "--level", "warning")
    assert result.exit_code == 0, result.output


def test_explain_shows_pages_and_lists_rules():
    explain = CliRunner().invoke(main, ["explain", "lr104", "LR101"], catch_exceptions=False)
    assert explain.exit_code == 0
    for code in ("LR104", "LR101"):
        assert f"{code}: {RULES[code].title}\n\nWhat it sees. " in explain.output
    assert "Wrong:\n\n    import torch\n" in explain.output
    assert "Right:\n\n    import torch\n" in explain.output
    assert not {"```", "**What"} & set(explain.output.split())
    listed = CliRunner().invoke(main, ["explain"]).output
    codes = [line.split("  ")[0] for line in listed.splitlines()]
    assert [code for code in codes if code.startswith("LR")] == list(RULES)
    unknown = CliRunner().invoke(main, ["explain", "LR999"])
    assert unknown.exit_code == 2
    assert "LR999" in unknown.output


def test_pre_commit_knows_the_hook():
    import yaml

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["etude-lint"]
    assert hooks[0]["entry"] == "etude lint"
