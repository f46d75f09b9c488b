"""`etude curriculum` as a teacher uses it."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from etude.cli import main


@pytest.fixture
def run(tmp_path):
    def call(*words):
        return CliRunner().invoke(main, ["curriculum", *words, "--content", str(tmp_path)])

    return call


@pytest.fixture
def course(run):
    """An experiment and a myth that stands on it, from the templates."""
    run("new", "experiment", "experiment")
    run("new", "myth", "my-myth")


def test_new_check_prove_and_preview(run, course):
    checked = run("check")
    assert (checked.exit_code, checked.output) == (
        0,
        "1 item, 0 cards and 1 experiment: nothing wrong\n",
    )
    proved = run("prove", "my-myth", "--record")
    assert proved.exit_code == 0
    assert "every key and check holds" in proved.output
    shown = run("preview", "my-myth", "--keys")
    assert "claim: experiment/claim-that-holds" in shown.output
    assert "claim:" not in run("preview", "my-myth").output


def test_a_spoilt_key_exits_with_1(run, course, tmp_path):
    path = tmp_path / "myths" / "my-myth.md"
    text = path.read_text()
    path.write_text(text.replace("[x]", "[-]").replace("[ ]", "[x]").replace("[-]", "[ ]"))
    proved = run("prove")
    assert proved.exit_code == 1
    assert "myths/my-myth.md" in proved.output
    path.write_text(text.replace("## Belief", "## Believe"))
    checked = run("check")
    assert checked.exit_code == 1
    assert "myths/my-myth.md:17: unknown heading of a myth 'Believe'" in checked.output


def test_answers_as_json(run, course):
    proved = run("prove", "--json", "-")
    answers = json.loads(proved.stdout)["answers"]
    assert answers["experiment/check"]["holds"] is True
    assert answers["experiment/claim-that-fails"]["holds"] is False


@pytest.mark.parametrize(
    "words",
    [["preview", "nothing"], ["prove", "nothing"], ["new", "mith", "x"], ["new", "myth", "X"]],
)
def test_a_mistake_is_one_sentence_and_exit_2(run, words):
    answer = run(*words)
    assert answer.exit_code == 2
    assert answer.output.startswith("Error: ")
    assert "Traceback" not in answer.output


def test_without_the_extra_one_sentence_says_how_to_install_it():
    code = (
        "import sys; sys.modules['pydantic'] = None\n"
        "from etude.cli import main\n"
        "main(['curriculum', 'check'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'etude[learn]'" in done.stderr
    assert "Traceback" not in done.stderr
