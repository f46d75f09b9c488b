"""What every page is made of: its template, and our own scripts, styles and data put inline."""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from etude._version import __version__


def render(template: str, *, scripts: Sequence[str], data: Any, **names: Any) -> str:
    """Fill in a template with its scripts, the JSON that they read, and what else it names."""
    return (
        _templates()
        .get_template(template)
        .render(
            data=None if data is None else inline_json(data),
            script=module(*scripts),
            static=static,
            version=__version__,
            **names,
        )
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("etude.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    environment.filters["ticked"] = ticked
    return environment


def _unbroken(strategy: str) -> Markup:
    """Keep the arrow of a strategy's text in one piece where its line breaks."""
    return escape(strategy).replace("-&gt;", Markup('<span class="whole">-&gt;</span>'))


def ticked(text: str) -> Markup:
    """Write what stands between backticks as code."""
    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def static(name: str) -> Markup:
    """Give one of our own files, to be written into the page as it is."""
    return Markup(files("etude.report").joinpath("static", name).read_text("utf-8"))  # noqa: S704 - a file of this package, not a user's text


def module(*names: str) -> Markup:
    """Join ES modules into one: a page without network cannot import, so those lines go."""
    joined = "\n".join(static(name) for name in names)
    joined = re.sub(r"^import .*\n", "", joined, flags=re.MULTILINE)
    return Markup(re.sub(r"^export ", "", joined, flags=re.MULTILINE))  # noqa: S704 - files of this package, not a user's text


def inline_json(value: Any) -> Markup:
    """Write JSON that no text in it can end the script element around it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - "<" was the only way out of the element
