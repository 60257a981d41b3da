"""No file, class or function of the package is too large to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parent.parent / "src" / "eventcli"

MOST_LINES: Final = 500
"""Lines of a file, without those of tables of literals."""

MOST_ATTRIBUTES: Final = 12
"""Attributes of a class: those that its methods assign to `self`, and those that its body declares."""

MOST_PARAMETERS: Final = 6
"""Parameters of a function, without `self` and `cls`."""

OPTIONS: Final = {"pipeline/summarize.py": {"summarize"}}
"""Functions outside the command line whose keyword-only parameters do not count: they are options of users."""

FILES: Final = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def is_literal(node: ast.expr) -> bool:
    """Whether an expression consists of literals only."""
    return all(
        isinstance(part, (ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.expr_context))
        for part in ast.walk(node)
    )


def lines_of(text: str) -> int:
    """Return the number of lines of a module, without those of tables of literals."""
    tables = 0
    for node in ast.parse(text).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            table = node.value.args[0] if isinstance(node.value, ast.Call) and node.value.args else node.value
            tables += (node.end_lineno or 0) - node.lineno if is_literal(table) else 0
    return len(text.splitlines()) - tables


def attributes_of(owner: ast.ClassDef) -> set[str]:
    """Return the attributes of the instances of a class: declared in its body, or assigned in its own methods."""
    if any(ast.unparse(base) in {"Enum", "IntEnum", "StrEnum"} for base in owner.bases):
        return set()
    found = {
        node.target.id
        for node in owner.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.dump(node)
    }
    for method in owner.body:
        for node in ast.walk(method):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found |= {node.attr} if ast.unparse(node.value) == "self" else set()
    return found


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef, *, has_options: bool) -> int:
    """Return the number of parameters of a function; with `has_options`, keyword-only ones do not count."""
    arguments = function.args
    own = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    own += [] if has_options else [one.arg for one in arguments.kwonlyargs]
    return len(set(own) - {"self", "cls"})


def sizes(name: str) -> Iterator[tuple[str, int, int]]:
    """Yield, for everything in a file that has a limit: what it is, how large it is, and the limit."""
    text = FILES[name].read_text(encoding="utf-8")
    yield name, lines_of(text), MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            yield f"{name}:{node.name}", len(attributes_of(node)), MOST_ATTRIBUTES
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            has_options = name.startswith("cli/") or node.name in OPTIONS.get(name, ())
            parameters = parameters_of(node, has_options=has_options)
            yield f"{name}:{node.name}:{node.lineno}", parameters, MOST_PARAMETERS


@pytest.mark.parametrize("name", FILES)
def test_everything_in_a_file_is_within_the_limits(name: str) -> None:
    """No file has over 500 lines, no class over 12 attributes, no function over six parameters."""
    for what, size, most in sizes(name):
        assert size <= most, f"{what}: {size}, more than {most}"


def test_the_limits_can_be_passed() -> None:
    """A long file, a class of many attributes and a function of many parameters are recognised; tables are not."""
    lines = "x = 1\n" * 501
    assert lines_of(lines) == 501
    assert lines_of("TABLE = {\n" + '    "a": 1,\n' * 600 + "}\n") == 1
    names = [f"name{number}" for number in range(13)]
    (owner,) = ast.parse("class A:\n    def f(self):\n" + "".join(f"        self.{one} = 1\n" for one in names)).body
    assert isinstance(owner, ast.ClassDef)
    assert attributes_of(owner) == set(names)
    (function,) = ast.parse(f"def f(self, a, *, {', '.join(names)}): ...").body
    assert isinstance(function, ast.FunctionDef)
    assert parameters_of(function, has_options=False) == 14
    assert parameters_of(function, has_options=True) == 1
