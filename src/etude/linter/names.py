"""What the names of a file mean: imports, under any alias; and all nodes of its tree."""

import ast
from typing import Any

from etude.linter.catalogue import HF_SCHEDULES, KNOWN, OPTIMIZERS, SCHEDULERS, canonical
from etude.linter.values import Name, Scope

_STARRED = {
    "torch.optim": [*OPTIMIZERS, "lr_scheduler"],
    "torch.optim.lr_scheduler": list(SCHEDULERS),
    "transformers": list(HF_SCHEDULES),
    "torch": ["optim", "nn", "utils"],
}
"""What a star import is known to bring."""


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """Give all nodes of a tree that have anything in them; several times as fast as `ast.walk`."""
    todo, found = [tree], list[ast.AST]()
    while todo:
        node = todo.pop()
        found.append(node)
        for field in node._fields:
            value: Any = getattr(node, field, None)
            kind = value.__class__
            if kind is list:
                todo.extend([item for item in value if item.__class__ not in _LEAVES])
            elif kind not in _LEAVES:
                todo.append(value)
    return found


_LEAVES = frozenset(
    {str, bytes, int, float, complex, bool, type(None), type(...)}
    | set(ast.expr_context.__subclasses__())
    | set(ast.operator.__subclasses__())
    | set(ast.unaryop.__subclasses__())
    | set(ast.boolop.__subclasses__())
    | set(ast.cmpop.__subclasses__())
)
"""Types of what stands in a node's fields and is no node, or one without anything in it."""


def stored(tree: ast.AST) -> frozenset[str]:
    """Give the names that a piece of code binds."""
    return frozenset(
        part.id
        for part in nodes_of(tree)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    )


def bind_import(scope: Scope, node: ast.Import) -> None:
    """Bind what `import a.b as c` brings."""
    for alias in node.names:
        if alias.asname:
            scope.names[alias.asname] = Name(canonical(alias.name))
        else:
            top = alias.name.partition(".")[0]
            scope.names[top] = Name(top)


def bind_import_from(scope: Scope, node: ast.ImportFrom) -> None:
    """Bind what `from a import b as c` brings; a relative import brings what nobody knows."""
    module = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            for name in _STARRED.get(module, ()):
                scope.names.setdefault(name, Name(canonical(f"{module}.{name}")))
        else:
            scope.names[alias.asname or alias.name] = Name(canonical(f"{module}.{alias.name}"))


def attribute(name: Name, attr: str) -> Name:
    """Give what a module or class holds under a name."""
    return Name(canonical(f"{name.full}.{attr}"))


def known(name: Name) -> bool:
    """Say whether the catalogue has it."""
    return name.full in KNOWN
