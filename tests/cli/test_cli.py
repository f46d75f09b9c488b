"""The command line as a whole: start-up and help."""

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
        "import etude; etude.scale_lr(0.1, 64, 256)",
    ],
)
def test_torch_is_not_imported_before_it_is_needed(code):
    check = f"{code}\nimport sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("command", ["compare", "tasks", "runs"])
def test_every_command_has_help_and_is_listed(command):
    assert command in CliRunner().invoke(main, ["--help"]).output
    assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_tasks_lists_what_is_ready(tmp_path):
    from etude.tasks import READY

    result = CliRunner().invoke(main, ["tasks"], catch_exceptions=False)
    assert result.exit_code == 0
    for name in READY:
        assert name in result.output.split()
