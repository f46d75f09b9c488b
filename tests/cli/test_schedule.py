"""`etude schedule` as a person uses it."""

import json

import pytest
from click.testing import CliRunner

from etude.cli import main
from etude.schedules import from_json, parse


def run(*words, code=0, **env):
    result = CliRunner().invoke(main, ["schedule", *words], env={"COLUMNS": "80"} | env)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def test_a_schedule_is_drawn_with_its_numbers():
    output = run("warmup 5% -> cosine to 0.1")
    assert "in étude's words: warmup 5 -> cosine 95 end=0.1" in output
    assert "multiplier of 100 updates" in output
    assert "first 0.2 · last 0.1002 · highest 1 at update 4 · area 55.7 of 100" in output
    assert "⚠" not in output
    assert max(map(len, output.splitlines())) <= 80


def test_warnings_are_said():
    output = run("timm: cosine warmup=3 total=10", "--updates", "8")
    assert "⚠ the first update has rate 0: it trains nothing" in output
    assert "⚠ never reaches the peak: 0.794 of it at most, at update 3" in output
    assert "⚠ longer than the run: it ends at update 10, the run at 8" in output
    output = run("torch: CosineAnnealingLR(10)", "--updates", "20")
    assert "⚠ rises again after its end at update 10" in output


def test_the_issue_s_comparison():
    texts = ["torch: OneCycleLR(max_lr=1, total_steps=10)", "hf: cosine warmup=3"]
    output = run("compare", *texts, "warmup 3 -> cosine", "--updates", "12")
    for letter, text in zip("abc", [*texts, "warmup 3 -> cosine"], strict=True):
        assert f"{letter}  {text}" in output
    assert "differs from a at 12 updates, most at update 7, by 0.399" in output
    table = output[output.index("update        a        b        c") :].splitlines()
    assert table[1].split() == ["0", "0.04", "0", "0.3333"]
    assert len(table) == 13


@pytest.mark.parametrize("columns", ["30", "60"])
def test_a_narrow_terminal_is_not_overrun(columns):
    output = run("compare", "cosine", "hf: cosine warmup=9", COLUMNS=columns)
    assert max(map(len, output.splitlines())) <= int(columns)


def test_a_terminal_without_unicode_gets_ascii():
    result = CliRunner(charset="ascii").invoke(main, ["schedule", "hf: linear warmup=3"])
    assert result.exit_code == 0, result.output
    assert result.output.isascii()
    assert "! the first update" in result.output


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("warmup 10 -> cosine 30", 40),
        ("hf: cosine warmup=3 total=25", 25),
        ("cosine", 100),
        ("step 30", 100),
        ("hf: linear", 100),
    ],
)
def test_the_run_is_as_long_as_the_schedule_says(text, length):
    assert f"multiplier of {length} updates" in run(text)


def test_units_are_those_of_the_run():
    output = run("warmup 2ep -> cosine", "--updates", "50", "--epoch", "10")
    assert "warmup 20 -> cosine 30" in output
    assert "2ep needs to know the updates per epoch" in run("warmup 2ep -> cosine", code=2)


def test_rates_are_shown_with_a_peak():
    assert "first 0.003 · last" in run("linear 4", "--peak-lr", "0.003")
    output = run("optax: cosine_decay_schedule(3e-4, 20)")
    assert "lr of 20 updates" in output
    assert "first 0.0003" in output


def test_values_and_json_are_for_programs():
    rows = run("linear 4", "--values").splitlines()
    assert rows == ["update\tlinear 4", "0\t1.0", "1\t0.75", "2\t0.5", "3\t0.25"]
    (found,) = json.loads(run("hf: linear warmup=2 total=6", "--json"))
    assert from_json(found["spec"]) == parse(found["schedule"])
    assert found["values"] == pytest.approx([0, 0.5, 1, 0.75, 0.5, 0.25])
    assert found["summary"]["area"] == pytest.approx(3.0)
    assert found["warnings"] == ["the first update has rate 0: it trains nothing"]


def test_code_can_be_run(capsys):
    source = run("warmup 3 -> cosine 7", "--code", "python")
    names = {}
    exec(source, names)
    assert names["multiplier"](2) == 1.0
    source = run("warmup 3 -> cosine 7", "--code", "torch")
    assert "lr_scheduler.SequentialLR(optimizer" in source
    assert source.startswith("# after the schedule's end torch climbs back")
    assert "lr_scheduler_type='linear'" in run("hf: linear warmup=3", "--code", "hf")
    assert "code takes one schedule, got 2" in run("cosine", "linear", "--code", "hf", code=2)


def test_files_are_written_and_the_dash_is_standard_output(tmp_path):
    run("cosine", "--svg", str(tmp_path / "a.svg"), "--html", str(tmp_path / "a.html"))
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    assert "<!doctype html>" in (tmp_path / "a.html").read_text()
    assert run("cosine", "--svg", "-").startswith("<svg")
    assert run("cosine", "--html", "-").startswith("<!doctype html>")
    assert "cannot write" in run("cosine", "--svg", str(tmp_path / "none" / "a.svg"), code=2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cosin"], "unknown schedule 'cosin'; did you mean 'cosine'"),
        (["tocrh: StepLR(3)"], "unknown library 'tocrh'"),
        (["hf: cosine warmup=x)"], "expected a Python value"),
        (["compare", "cosine"], "compare takes at least two schedules"),
        ([], "Missing argument"),
        (["cosine", "--updates", "0"], "0 is not in the range"),
        (["cosine", "--peak-lr", "-1"], "--peak-lr must be a rate above 0"),
        (["warmup 50 -> cosine", "--updates", "20"], "needs at least 51 updates"),
        (["function nothing:there"], "expected an importable"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(words, message):
    assert message in run(*words, code=2)
