# make demo   a virtual environment, étude in it, and the main job on a real data set
# make test   installs what the tests need and runs them
# make check  the tests, then the linter, the types and the architecture
PYTHON ?= python3
V ?= .venv
PIP = $(V)/bin/python -m pip --disable-pip-version-check
FLAGS ?=

.PHONY: demo test check clean
demo: $(V)/.base
	$(V)/bin/etude compare digits --html report.html

test: $(V)/.dev
	$(V)/bin/python -m pytest -n 2 $(FLAGS)

check: test
	$(V)/bin/ruff check .
	$(V)/bin/ruff format --check .
	$(V)/bin/pyright --pythonpath $(V)/bin/python
	$(V)/bin/lint-imports

$(V)/bin/python:
	$(PYTHON) -m venv $(V)

$(V)/.base: pyproject.toml constraints.txt | $(V)/bin/python
	$(PIP) install -q -c constraints.txt "torch==2.13.0" -e .
	touch $@

$(V)/.dev: pyproject.toml constraints.txt | $(V)/bin/python
	$(PIP) install -q -c constraints.txt "torch==2.13.0" -e ".[dev]"
	touch $@

clean:
	rm -rf $(V) report.html
