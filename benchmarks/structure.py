"""The measures of a source tree, as a table in Markdown: sizes, jumps, comments, docstrings and names."""

from __future__ import annotations

import argparse
import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from statistics import median_low
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGES = ("sync_worker", "procore_simulator")
# The catalog is data, and the simulator stood in `sync_worker/simulator/` before it became a package.
DATA = ("sync_worker/catalog", "sync_worker/simulator")
RIDDLE = re.compile(r"(What|Whether|Who|Whom|Whose|Which|How|Where|When|Why)\b")
TOOLS = re.compile(r"# (noqa|type:|fmt:)")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Function(NamedTuple):
    """A function or method: lines of its body without the docstring, parameters without `self` and `cls`."""

    name: str
    body: int
    parameters: int


class Module(NamedTuple):
    """A source file; `once` is the number of its private functions that are named at one place in it."""

    path: Path
    lines: int
    comments: int
    functions: Sequence[Function]
    once: int
    docstrings: Sequence[str]
    classes: Sequence[str]


def main() -> None:
    """Print the measures of each tree that is named, side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="*", metavar="NAME=FOLDER", default=[f"this tree={ROOT}"])
    columns = {}
    for tree in parser.parse_args().trees:
        name, _, folder = tree.rpartition("=")
        root = Path(folder).resolve()
        modules = [_module(path) for package in PACKAGES for path in _sources(root / package)]
        tests = sum(_lines(path) for path in _sources(root / "tests"))
        core = [
            it for it in modules if it.path.relative_to(root).is_relative_to(PACKAGES[0]) and not _is_data(it, root)
        ]
        columns[f"{name or root.name}: core"] = measures(core, tests)
        columns[f"{name or root.name}: all"] = measures(modules, tests)
    print(f"| | {' | '.join(columns)} |")
    print(f"|---|{'---|' * len(columns)}")
    for measure in next(iter(columns.values())):
        print(f"| {measure} | {' | '.join(column[measure] for column in columns.values())} |")


def measures(modules: Sequence[Module], tests: int) -> dict[str, str]:
    """Return each measure of these modules as text; `tests` is the number of lines of the tests."""
    lines = sum(module.lines for module in modules)
    functions = [function for module in modules for function in module.functions]
    docstrings = [text for module in modules for text in module.docstrings]
    private = sum(_is_private(it.name) for it in functions)
    once = sum(module.once for module in modules)
    riddles = sum(bool(RIDDLE.match(text)) for text in docstrings)
    files = defaultdict(set)
    for module in modules:
        for name in module.classes:
            files[name].add(module.path)
    bodies, parameters = [it.body for it in functions], [it.parameters for it in functions]
    sizes = [module.lines for module in modules]
    return {
        "modules": f"{len(modules)}",
        "lines": f"{lines:,}",
        "lines of a module: median / max": f"{median_low(sizes)} / {max(sizes)}",
        "functions": f"{len(functions):,}",
        "lines of a function's body: median / p95 / max": f"{median_low(bodies)} / {_p95(bodies)} / {max(bodies)}",
        "parameters: p95 / max": f"{_p95(parameters)} / {max(parameters)}",
        "private functions (share of all)": f"{private} ({_percent(private, len(functions))})",
        "of them called from one place": f"{once} ({_percent(once, private)})",
        "comments per 100 lines": f"{100 * sum(module.comments for module in modules) / lines:.1f}",
        "docstrings that begin with What, Whether, Who, How …": f"{riddles} ({_percent(riddles, len(docstrings))})",
        "class names in two files or more": f"{sum(len(found) > 1 for found in files.values())}",
        "lines of tests to lines of code": f"{tests / lines:.1f}",
    }


def _sources(folder: Path) -> Iterator[Path]:
    """Yield the modules of a folder that have more than a docstring of one line."""
    return (path for path in sorted(folder.rglob("*.py")) if _lines(path) > 1)


def _is_data(module: Module, root: Path) -> bool:
    return any(module.path.relative_to(root).is_relative_to(folder) for folder in DATA)


def _module(path: Path) -> Module:
    text = path.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    functions = [_function(node) for node in nodes if isinstance(node, FunctionNode)]
    uses = Counter(_names_used(nodes))
    docstrings = (ast.get_docstring(node) for node in nodes if isinstance(node, Documented))
    return Module(
        path,
        _lines(path),
        sum(_is_comment(token) for token in tokenize.generate_tokens(io.StringIO(text).readline)),
        functions,
        sum(_is_private(it.name) and uses[it.name] == 1 for it in functions),
        [docstring for docstring in docstrings if docstring],
        [node.name for node in nodes if isinstance(node, ast.ClassDef)],
    )


def _is_comment(token: tokenize.TokenInfo) -> bool:
    """Return True if a token is a comment for readers; one for tools counts only if it gives a reason."""
    return token.type == tokenize.COMMENT and not (TOOLS.match(token.string) and " - " not in token.string)


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def _names_used(nodes: Sequence[ast.AST]) -> Iterator[str]:
    yield from (node.id for node in nodes if isinstance(node, ast.Name))
    yield from (node.attr for node in nodes if isinstance(node, ast.Attribute))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _function(node: FunctionNode) -> Function:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
    taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    return Function(node.name, lines, sum(it is not None and it.arg not in ("self", "cls") for it in taken))


def _p95(values: Sequence[int]) -> int:
    return sorted(values)[ceil(0.95 * len(values)) - 1]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%"


if __name__ == "__main__":
    main()
