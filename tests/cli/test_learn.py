"""`etude learn`: what it says before there is a page."""

import importlib.util
import socket

import pytest
from click.testing import CliRunner

from etude.cli import main


def test_without_its_packages_it_says_in_a_sentence_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    said = CliRunner().invoke(main, ["learn"])
    assert said.exit_code == 2
    assert 'pip install "etude[learn]"' in said.output
    assert "Traceback" not in said.output


def test_a_port_that_is_taken_is_a_mistake_to_mend(tmp_path):
    pytest.importorskip("fastapi", reason="needs the extra learn")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = ["learn", "--no-browser", "--port", port, "--store", str(tmp_path / "runs.db")]
        said = CliRunner().invoke(main, arguments)
    assert said.exit_code == 2
    assert f"port {port} must be free" in said.output
