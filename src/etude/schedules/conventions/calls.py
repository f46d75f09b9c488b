"""Reads another library's schedule from text: `torch: StepLR(30)`, `hf: cosine warmup=3`.

    text  := library ":" name (key=value)*  |  library ":" name "(" arguments ")"  |  étude's own
    value := a Python literal, a list, or a call of the same library: LinearLR(total_iters=3)

Nothing is evaluated: the text is parsed, and only literals and known names are taken from it. The
optimizer that pasted code has as its first argument is passed over. Every error shows the text
and points at the character.
"""

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from etude.errors import ScheduleError
from etude.schedules.conventions import deepspeed, hf, keras, megatron, optax, timm, torch
from etude.schedules.conventions.record import Imported
from etude.schedules.options import closest
from etude.schedules.text import parse


@dataclass(frozen=True, slots=True)
class Library:
    """A library's schedules by name, and how its settings may be shortened.

    Attributes:
        readers: Its importers, by the library's own names.
        short: Short names of settings.
        totals: Settings that the run's length fills in when they are left out.
    """

    readers: dict[str, Callable[..., Imported]]
    short: dict[str, str]
    totals: tuple[str, ...]


LIBRARIES: dict[str, Library] = {
    "torch": Library(torch.READERS, {"total": "total_steps"}, ("total_steps",)),
    "hf": Library(
        hf.READERS,
        {"warmup": "num_warmup_steps", "total": "num_training_steps"},
        ("num_training_steps",),
    ),
    "timm": Library(timm.READERS, {"warmup": "warmup_t", "total": "t_initial"}, ("t_initial",)),
    "optax": Library(
        optax.READERS,
        {"warmup": "warmup_steps", "total": "decay_steps"},
        ("decay_steps",),
    ),
    "keras": Library(keras.READERS, {"warmup": "warmup_steps", "total": "decay_steps"}, ()),
    "deepspeed": Library(
        deepspeed.READERS,
        {"warmup": "warmup_num_steps", "total": "total_num_steps"},
        ("total_num_steps",),
    ),
    "megatron": Library(
        megatron.READERS,
        {"warmup": "lr_warmup_steps", "total": "lr_decay_steps"},
        ("lr_decay_steps",),
    ),
}
"""Every library by its name in text."""
_ALSO = {"transformers": "hf", "huggingface": "hf", "pytorch": "torch"}

_HEAD = re.compile(r"\s*(?P<library>[^\W\d]\w*)\s*:\s*(?P<name>[\w.\-]*)")
_WORD = re.compile(r"(?P<key>[^\s=()\[\]{},]*)(?P<equals>=?)")
_LONGEST = 4000
_WORDS = {"true": True, "false": False, "none": None}


def read(
    text: str,
    updates: int,
    *,
    lr: float = 1.0,
    epoch: float | None = None,
    batch_size: float | None = None,
    tokens: float | None = None,
) -> Imported:
    """Read a schedule of any library from text, for a run of so many updates.

    Args:
        text: `library: name key=value …`, `library: Name(…)`, or étude's own text.
        updates: Length of the run; it is the total that a library asks for, unless given.
        lr: The optimizer's lr, to which a library's absolute minima are compared.
        epoch: Updates per epoch, for étude's own text.
        batch_size: Samples per update, likewise.
        tokens: Tokens per update, likewise.

    Raises:
        ScheduleError: The text names no schedule, or its settings are bad; the message shows
            where.
    """
    text = re.sub(r"\s", " ", text)
    head = _HEAD.match(text)
    if head is None:
        own = parse(text).bind(updates, epoch=epoch, batch_size=batch_size, tokens=tokens)
        return Imported("étude", str(own), own)
    return _Reader(text, updates, lr).imported(head)


class _Reader:
    def __init__(self, text: str, updates: int, lr: float) -> None:
        self.text, self.given = text, {"updates": updates, "lr": lr}
        self.library = Library({}, {}, ())

    def imported(self, head: re.Match[str]) -> Imported:
        if len(self.text) > _LONGEST:
            raise ScheduleError(f"a schedule's text must have at most {_LONGEST} characters")
        word = head["library"].lower()
        known = LIBRARIES.get(_ALSO.get(word, word))
        if known is None:
            hint = closest(word, [*LIBRARIES, *_ALSO])
            self.fail(f"unknown library {word!r}; {hint}", head.start("library"))
        self.library = known
        at = head.end()
        if self.text.startswith("(", at):
            return self.call_text(head.start("name"), at)
        return self.build(head["name"], head.start("name"), [], self.words(at))

    def call_text(self, begin: int, bracket: int) -> Imported:
        """Read `Name(…)`; the name itself need not be one that Python takes."""
        name = self.text[begin:bracket]
        node = self.parsed("_" * len(name) + self.text[bracket:], begin)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            self.fail("expected one call and no more", begin)
        return self.call(node, begin, name)

    def words(self, at: int) -> list[tuple[str, int, Any]]:
        """Read `key=value key=value`."""
        found: list[tuple[str, int, Any]] = []
        while self.text[at:].strip():
            at += len(self.text[at:]) - len(self.text[at:].lstrip())
            word = _WORD.match(self.text, at)
            if word is None or not (word["key"] and word["equals"]):
                self.fail("expected key=value here", at)
            end = self.value_end(word.end())
            if not self.text[word.end() : end]:
                self.fail(f"expected a value for {word['key']}", word.end())
            found.append((word["key"], at, self.word_value(word.end(), end)))
            at = end
        return found

    def value_end(self, at: int) -> int:
        """Give where a value ends: at a space outside of brackets and quotes."""
        depth, quote = 0, ""
        for end in range(at, len(self.text)):
            char = self.text[end]
            if quote:
                quote = "" if char == quote else quote
            elif char in "\"'":
                quote = char
            elif char in "([{":
                depth += 1
            elif char in ")]}":
                depth -= 1
            elif char == " " and depth <= 0:
                return end
        return len(self.text)

    def word_value(self, begin: int, end: int) -> Any:
        """Give a value; in this form words need no quotes."""
        written = self.text[begin:end]
        if re.fullmatch(r"[^\W\d][\w\-]*", written) and written.lower() not in _WORDS:
            return written
        if re.fullmatch(r"\d[\w]*-\w+", written):  # 1-sqrt
            return written
        return self.value(self.parsed(written, begin), begin)

    def parsed(self, source: str, begin: int) -> ast.expr:
        try:
            return ast.parse(source, mode="eval").body
        except SyntaxError as error:
            self.fail(f"expected a Python value ({error.msg})", begin + (error.offset or 1) - 1)
        except (RecursionError, MemoryError, ValueError) as error:
            raise ScheduleError(f"a schedule's text must be shorter, {error}") from None

    def value(self, node: ast.expr, begin: int) -> Any:
        """Give what a literal says; calls become imported schedules."""
        if isinstance(node, ast.Call):
            return self.call(node, begin, ast.unparse(node.func))
        if isinstance(node, ast.List | ast.Tuple):
            return [self.value(item, begin) for item in node.elts]
        if isinstance(node, ast.Dict):
            return self.mapping(node, begin)
        if isinstance(node, ast.Name) and node.id.lower() in _WORDS:
            return _WORDS[node.id.lower()]
        try:
            return ast.literal_eval(node)
        except ValueError:
            why = "expected a number, a word in quotes, a list or a call"
            self.fail(why, self.where(node, begin))

    def mapping(self, node: ast.Dict, begin: int) -> dict[Any, Any]:
        """Give a dictionary, whose keys are numbers or words."""
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant):
                self.fail("expected a number or a word in quotes as key", self.where(node, begin))
            found[key.value] = self.value(value, begin)
        return found

    def call(self, node: ast.Call, begin: int, name: str) -> Imported:
        at = self.where(node, begin)
        values = [arg for i, arg in enumerate(node.args) if i or not _is_name(arg)]
        args = [self.value(arg, begin) for arg in values]
        keywords: list[tuple[str, int, Any]] = []
        for keyword in node.keywords:
            if keyword.arg is None:
                self.fail("expected key=value here", self.where(keyword.value, begin))
            if keyword.arg != "optimizer":
                where = self.where(keyword.value, begin) - len(keyword.arg) - 1
                keywords.append((keyword.arg, where, self.value(keyword.value, begin)))
        return self.build(name, at, args, keywords)

    def build(
        self, name: str, at: int, args: list[Any], keywords: list[tuple[str, int, Any]]
    ) -> Imported:
        """Call the importer with what was given, and what the run fills in."""
        reader = self.library.readers.get(name.rpartition(".")[2])
        if reader is None:
            self.fail(f"unknown schedule {name!r}; {closest(name, [*self.library.readers])}", at)
        known = inspect.signature(reader).parameters
        positional = [
            p.name for p in known.values() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        ]
        if len(args) > len(positional):
            self.fail(f"{name} takes at most {len(positional)} values without a name", at)
        values = dict(zip(positional, args, strict=False))
        for key, where, value in keywords:
            full = key if key in known else self.library.short.get(key, key)
            if full not in known:
                self.fail(f"{name} has no {key!r}; {closest(key, [*known])}", where)
            if full in values:
                self.fail(f"{name} has its {full} already", where)
            values[full] = value
        return self.finish(name, at, reader, known, values)

    def finish(
        self,
        name: str,
        at: int,
        reader: Callable[..., Imported],
        known: Any,
        values: dict[str, Any],
    ) -> Imported:
        for total in self.library.totals:
            if total in known and not {total, "epochs", "num_stable_steps"} & set(values):
                values[total] = self.given["updates"]
        values = {key: v for key, v in self.given.items() if key in known} | values
        missing = [
            key
            for key, p in known.items()
            if p.default is inspect.Parameter.empty
            and key not in values
            and p.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        if missing:
            self.fail(f"{name} needs {' and '.join(missing)}", at)
        try:
            return reader(**values)
        except ScheduleError as error:
            self.fail(str(error), at)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            self.fail(f"{name} has a setting of the wrong kind ({error})", at)

    def where(self, node: ast.expr, begin: int) -> int:
        """Give a node's place in the text; ast counts bytes."""
        source = self.text[begin:].encode()
        return begin + len(source[: node.col_offset].decode(errors="ignore"))

    def fail(self, why: str, at: int) -> NoReturn:
        """Raise the error that shows the text and points at a character."""
        if "\n" in why:  # a call within this one has pointed already
            raise ScheduleError(why) from None
        raise ScheduleError(f"{why}\n  {self.text}\n  {' ' * at}^") from None


def _is_name(node: ast.expr) -> bool:
    """Say whether an argument is a variable, as the optimizer is in pasted code."""
    return isinstance(node, ast.Name) and node.id.lower() not in _WORDS
