"""Which assertions of the pages count, and how near their bounds are.

``python -m tests.asserts`` runs each page's program once; with names, those
pages only. It lists the assertions that a run never reaches, which could as
well say the opposite, and those that hold with far more room than they need:
for a bound that is a number, how many times nearer it could be.
"""

import ast
import contextlib
import json
import sys
import tempfile

from unrolled.check import TIME_LIMIT
from unrolled.page import programs
from unrolled.run import Interpreter

FAR = 10  # times; a bound nearer than that is one that means something

# Runs in the page's own process, beside its program.
RECORDER = """
_asserted = {}


def _compared(line, *sides):
    import operator

    signs = {"<": operator.lt, "<=": operator.le, ">": operator.gt,
             ">=": operator.ge}
    true, rooms = True, []
    for left, sign, right, bound in sides:
        true = true and bool(signs[sign](left, right))
        if bound:
            number, other = (left, right) if bound == "left" else (right, left)
            number, other = abs(float(number)), abs(float(other))
            larger, smaller = max(number, other), min(number, other)
            rooms.append(larger / smaller if smaller else float("inf"))
    _asserted.setdefault(line, []).append(min(rooms, default=1.0))
    return true


def _held(line, true):
    _asserted.setdefault(line, []).append(1.0)
    return true
"""
REPORT = "import json\nprint(json.dumps(_asserted))"
SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class Recording(ast.NodeTransformer):
    """Has each assertion tell that it was reached, and how it held."""

    def __init__(self, block: str):
        self.block, self.lines = block, []

    def visit_Assert(self, node: ast.Assert) -> ast.Assert:
        line = f"{self.block}: {ast.unparse(node)}"
        self.lines.append(line)
        node.test = self.recorded(line, node.test)
        return node

    def recorded(self, line: str, test: ast.expr) -> ast.expr:
        known = isinstance(test, ast.Compare) and all(
            type(sign) in SIGNS for sign in test.ops
        )
        if not known:
            return _call("_held", ast.Constant(line), test)
        sides, left = [], test.left
        for sign, right in zip(test.ops, test.comparators, strict=True):
            bound = "left" if _is_number(left) else ""
            bound = "right" if _is_number(right) else bound
            parts = [left, ast.Constant(SIGNS[type(sign)]), right]
            parts.append(ast.Constant(bound))
            sides.append(ast.Tuple(parts, ast.Load()))
            left = right
        return _call("_compared", ast.Constant(line), *sides)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value)


def examine(page, interpreter: Interpreter) -> None:
    """Prints what is to say of a page's assertions."""
    named, lines = [("recorder", RECORDER)], []
    for block in page.blocks:
        tree = ast.parse(block.code)
        recording = Recording(block.name)
        tree = ast.fix_missing_locations(recording.visit(tree))
        lines += recording.lines
        named.append((block.name, ast.unparse(tree)))
    with tempfile.TemporaryDirectory() as folder:
        page.equip(folder)
        limit = 2 * TIME_LIMIT  # whole, and with a record of each assertion
        run = interpreter.run([*named, ("report", REPORT)], folder, limit)
    print(f"{page}: {len(lines)} assertions", flush=True)
    last = run.results[-1]
    if last.error or len(run.results) < len(named) + 1:
        print(f"  does not run: {last.error}")
        return
    asserted = json.loads(last.stdout)
    for line in lines:
        if line not in asserted:
            print(f"  never reached   {line}")
        elif (room := min(asserted[line])) > FAR:
            print(f"  {room:8.3g} times  {line}")


def main(names: list[str]) -> None:
    chosen = programs(names)
    if not chosen:
        sys.exit(f"no page with a program is called {names}")
    with contextlib.closing(Interpreter()) as interpreter:
        for page in chosen:
            examine(page, interpreter)


if __name__ == "__main__":
    main(sys.argv[1:])
