"""The command line as a whole: start-up and help."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from etude.cli import main


@pytest.mark.parametrize(
    "code",
    [
        "import etude",
        "import etude; etude.strategy('adamw lr=1e-3 warmup 5% -> cosine').bind(100)",
        "from etude.cli import main; main(['--help'], standalone_mode=False)",
        "from etude.cli import main; main(['compare', '--help'], standalone_mode=False)",
        "from etude.cli import main; main(['find', '--help'], standalone_mode=False)",
        "from etude.cli import main; main(['runs', '--help'], standalone_mode=False)",
        "from etude.cli import main; main(['curriculum', '--help'], standalone_mode=False)",
        "from etude.curriculum import load; load()",
        "from etude.cli import main; main(['schedule', 'hf: cosine'], standalone_mode=False)",
        "import etude; etude.scale_lr(0.1, 64, 256)",
        "import etude; etude.lint('import torch; torch.optim.SGD(p, rate=1)')",
        "from etude.cli import main; main(['lint', '--help'], standalone_mode=False)",
        "from etude.cli import main; main(['lint', 'src/etude/errors.py'], standalone_mode=False)",
        "from etude.cli import main; main(['explain', 'LR104'], standalone_mode=False)",
    ],
)
def test_torch_is_not_imported_before_it_is_needed(code):
    check = f"{code}\nimport sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True, stdout=subprocess.DEVNULL)


def test_linting_loads_neither_pages_nor_statistics():
    code = (
        "import sys; from etude.cli import main;"
        "main(['lint', 'src/etude/errors.py'], standalone_mode=False);"
        "assert not {'scipy', 'jinja2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "command", ["compare", "schedule", "lint", "explain", "tasks", "runs", "curriculum"]
)
def test_every_command_has_help_and_is_listed(command):
    assert command in CliRunner().invoke(main, ["--help"]).output
    assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_tasks_lists_what_is_ready(tmp_path):
    from etude.tasks import READY

    result = CliRunner().invoke(main, ["tasks"], catch_exceptions=False)
    assert result.exit_code == 0
    for name in READY:
        assert name in result.output.split()
    assert not [line for line in result.output.splitlines() if line.endswith(" ")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows closes pipes in its own way")
@pytest.mark.parametrize("words", [["tasks"], ["runs"], ["runs", "--json"], ["runs", "export"]])
def test_nobody_need_read_the_end(tmp_path, words):
    from etude.records import Curve, Outcome, Run
    from etude.store import Store

    with Store.open(str(tmp_path / "runs.db")) as store:
        run = Run("a" * 12, "t", "s", 0, Outcome.STALLED, 1, 1, 1.0, 1.0, 1.0, Curve())
        store.add(run, key="k", settings={})
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [sys.executable, "-m", "etude", *words],
        stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "ETUDE_HOME": str(tmp_path)},
    )  # fmt: skip
    os.close(writer)
    assert (run.returncode, run.stderr) == (0, "")


def test_gpus_that_are_not_asked_for_are_hidden_so_that_workers_can_be_forked(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    CliRunner().invoke(main, ["compare", "nothing", "--device", "cuda"])
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    CliRunner().invoke(main, ["compare", "nothing"])
    assert not os.environ["CUDA_VISIBLE_DEVICES"]
