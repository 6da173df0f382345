r"""Proof of formulas: one that defines is a line of the page's program.

A formula is read as Python, ``h_{t-1} U`` as ``h_before @ U``, and looked for,
as a syntax tree, among the expressions of the program. An index of time that
is off by one makes it another name. In code a state is the old one until its
own line has made it anew, as in ``c = f * c + i * c_tilde``. An identity, such
as ``1 - sigmoid(a) = sigmoid(-a)``, is evaluated. All else is said above the
paragraph:

    <!--formula: in lstm/the-cell-->                 that page's program
    <!--formula: with x_h = x @ W_h + b_h-->         what a name in code is
    <!--formula: equals a * (b * h_0 + c) + d-->     evaluated, for numbers
    <!--formula: no code: the reason-->

Displayed formulas are read, and those within a line that set a symbol equal
to an expression.
"""

import ast
import copy
import functools
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from unrolled import blocks
from unrolled.page import Notebook, Page, PageError, page_named

MARK = re.compile(
    r"(?:in (?P<page>\S+) ?)?(?:with (?P<names>.+))?"
    r"|equals (?P<equal>.+)|no code: (?P<reason>.+)"
)
INLINE = re.compile(r"(?<![\\$])\$([^$]+)\$(?!\$)")

SPACING = r"\s+|\\[,;!:]|\\q?quad|\\left|\\right|\\[bB]ig[lr]?|\\textstyle|&"
TOKEN = re.compile(
    rf"(?P<space>{SPACING})"
    r"|(?P<call>\\tanh|\\ln|\\sigma(?=\s*\()|\\operatorname\{\w+\})"
    r"|(?P<derivative>\\frac\{\\partial L\}\{\\partial (?P<of>\w+)\})"
    r"|(?P<sum>\\sum(?:_(?:\{[^}]*\}|\w))?(?:\^(?:\{[^}]*\}|\w))?)"
    r"|(?P<name>\\(?:tilde|hat)\s*[a-zA-Z]|\\text\{\w+\}|\\[a-z]+|[a-zA-Z])"
    r"(?:_(?P<index>\{[^}]*\}|\w))?"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<sign>[-+/^(){}=])"
)
OPERATORS = {"\\odot": "*", "\\cdot": "·"}
NOT_NAMES = {
    "\\partial",
    "\\cdots",
    "\\dots",
    "\\le",
    "\\frac",
    "\\underbrace",
}
CALLS = {"\\tanh": "tanh", "\\ln": "log", "\\sigma": "sigmoid"}
# What programs call the functions, and the states at other steps.
SAME = {
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
}
TIMES = {"t-1": "_before", "t+1": "_after"}
LIBRARIES = {"np", "ops", "tf", "keras", "math", "self"}


class _Unreadable(Exception):
    """What of a formula cannot be read as code."""


@dataclass(frozen=True)
class Formula:
    """One equation of a page, ``left = right``, or an expression alone."""

    line: int
    tex: str
    mark: str


def check_formulas(page: Page) -> Iterator[PageError]:
    """Each formula that defines is code, or says why it is none."""
    for formula in formulas(page):
        if wrong := mistake(page, formula):
            yield page.error(
                formula.line,
                wrong,
                "mend the formula or the program, or above the paragraph say "
                "<!--formula: in page-->, with name = expression, equals "
                "expression, or no code: why",
            )


def mistake(page: Page, formula: Formula) -> str | None:
    """What is wrong with a formula, if anything."""
    tex = formula.tex
    mark = MARK.fullmatch(formula.mark)
    if mark is None:
        return f"cannot read the mark {formula.mark!r}"
    if mark["reason"]:
        return None
    try:
        left, rights = read(tex)
        where = _program_of(page, mark["page"])
        expressions = _expressions(where.download(), mark["names"] or "")
    except _Unreadable as error:
        return f"cannot read {tex}: {error}"
    if left and re.search(rf"\b{re.escape(left)}\b", rights[0]):
        return f"{tex} makes {left} of itself"
    if mark["equal"]:
        same = any(_equal(right, mark["equal"]) for right in rights)
        return None if same else f"{tex} is not {mark['equal']}"
    if "(" in left:
        same = any(_equal(left, right) for right in rights)
        return None if same else f"{tex} does not hold"
    for right in map(_normal, rights):
        if (left, right) in expressions:
            return None
        if left in ("", "dx") and any(
            right == said for _, said in expressions
        ):
            return None
    return f"no line of {where} says {tex}, as Python: {rights[0]}"


def _equal(one: str, other: str) -> bool:
    """Do two expressions agree, for random numbers in place of names?"""
    one, other = (text.replace("@", "*") for text in (one, other))
    trees = [ast.parse(text, mode="eval") for text in (one, other)]
    functions = {
        "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
        "tanh": math.tanh,
        "log": math.log,
        "exp": math.exp,
    }
    names = {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
    }
    draw = random.Random(7).uniform
    for _ in range(3):
        values = functions | {
            name: draw(1.1, 2) for name in names - functions.keys()
        }
        a, b = (
            eval(compile(tree, "formula", "eval"), {}, values)
            for tree in trees
        )
        # A number is as exact as it is written: 0.73 for sigmoid(1).
        written = re.fullmatch(r"\d+\.(\d+)", other)
        tolerance = 0.5 * 10 ** -len(written[1]) if written else 1e-6
        if abs(a - b) > tolerance:
            return False
    return True


def formulas(page: Page) -> Iterator[Formula]:
    """The formulas of a page that say what something is."""
    if isinstance(page, Notebook):
        return  # none has any
    mark, shown, text = "", None, []
    for number, line in enumerate(page.text.splitlines(), 1):
        proof = blocks.PROOF.fullmatch(line)
        if proof and proof["kind"] == "formula":
            mark = proof["mark"]
        elif line.strip() == "$$":
            if shown is None:
                shown = number
                continue
            tex = "\n".join(text)
            for one in _equations(tex):
                yield Formula(shown, one, mark)
            mark, shown, text = "", None, []
        elif shown is not None:
            text.append(line)
        elif not line.strip():
            mark = ""
        else:
            for found in INLINE.finditer(line):
                if _defines(found[1]):
                    yield Formula(number, found[1], mark)


def _equations(tex: str) -> Iterator[str]:
    tex = re.sub(r"\\(begin|end)\{aligned\}", "", tex)
    for part in re.split(r"\\\\|\\qquad", tex):
        part = re.sub(r"\s+", " ", part).strip(" ,&").replace("&", "")
        if part:
            yield part


def _defines(tex: str) -> bool:
    """Does it set something equal to more than a number or a symbol?"""
    left, equals, right = tex.partition("=")
    if "(" in left:
        return bool(equals)
    plain = re.fullmatch(r"[\s\d.+-]*|\s*\\?\w+\s*", right)
    return bool(equals) and not plain


def read(tex: str) -> tuple[str, list[str]]:
    """The left side, and the right side as Python.

    There are two readings where a dot may mean the product of numbers or the
    sum of products of vectors.
    """
    left, equals, right = tex.partition("=")
    if not equals:
        left, right = "", tex
    left, right = (_Reader(side).whole() for side in (left, right))
    both = [right.replace("·", sign) for sign in "*@"]
    return left, list(dict.fromkeys(both))


class _Reader:
    """Reads a formula from left to right: sum, product, factor."""

    def __init__(self, tex: str):
        self.rest, self.now = tex.strip(), None
        self.next()

    def next(self) -> None:
        while True:
            if not self.rest:
                self.now = None
                return
            self.now = TOKEN.match(self.rest)
            if self.now is None:
                raise _Unreadable(self.rest[:12])
            self.rest = self.rest[self.now.end() :]
            if not self.now["space"]:
                return

    def sees(self, *signs: str) -> bool:
        return self.now is not None and self.now[0] in signs

    def take(self, sign: str) -> None:
        if not self.sees(sign):
            raise _Unreadable(f"no {sign}")
        self.next()

    def whole(self) -> str:
        text = self.sum() if self.now is not None else ""
        if self.now is not None:
            raise _Unreadable(self.now[0])
        return text

    def sum(self) -> str:
        text = self.product()
        while self.sees("+", "-"):
            sign = self.now[0]
            self.next()
            text = f"{text} {sign} {self.product()}"
        return text

    def product(self) -> str:
        text = self.factor()
        while self.now is not None:
            if self.now[0] in OPERATORS or self.sees("/"):
                sign = OPERATORS.get(self.now[0], "/")
                self.next()
            elif self.now["name"] or self.now["call"] or self.sees("("):
                number = re.fullmatch(r"[\d.]+", text)
                sign = "*" if number else "@"  # side by side
            elif self.now["sum"]:
                sign = "*"
            else:
                break
            text = f"{text} {sign} {self.factor()}"
        return text

    def factor(self) -> str:
        token = self.now
        if token is None:
            raise _Unreadable("it ends too early")
        if token["sum"]:
            self.next()
            return f"sum({self.product()})"
        if token["derivative"]:
            self.next()
            return "d" + token["of"].removesuffix("_t")
        if token["call"]:
            name = CALLS.get(token[0]) or re.findall(r"\{(\w+)\}", token[0])[0]
            self.next()
            argument = self.factor()
            if not argument.startswith("("):
                argument = f"({argument})"
            return self.power(name + argument)
        if self.sees("("):
            self.next()
            text = f"({self.sum()})"
            self.take(")")
            return self.power(text)
        if self.sees("-"):
            self.next()
            return f"-{self.factor()}"
        if token["number"]:
            self.next()
            return self.power(token["number"])
        name = self.name()
        if name == "e" and self.sees("^"):
            self.next()
            return f"exp({self.exponent()})"
        return self.power(name)

    def name(self) -> str:
        token = self.now
        if token is None or not token["name"]:
            raise _Unreadable(token[0] if token else "nothing")
        if token["name"] in NOT_NAMES:
            raise _Unreadable(token["name"])
        name = token["name"]
        if accent := re.fullmatch(r"\\(tilde|hat)\s*(\w)", name):
            name = f"{accent[2]}_{accent[1]}"
        name = re.sub(r"\\text\{(\w+)\}", r"\1", name).lstrip("\\")
        index = (token["index"] or "t").strip("{}").replace(" ", "")
        self.next()
        if index == "t":
            return name
        if index in TIMES:
            return name + TIMES[index]
        if not re.fullmatch(r"\w+", index):
            raise _Unreadable(f"index {index}")
        return f"{name}_{index}"

    def power(self, text: str) -> str:
        if not self.sees("^"):
            return text
        self.next()
        if self.now is not None and self.now[0] == "\\top":
            self.next()
            return f"{text}.T"
        return f"{text}**{self.exponent()}"

    def exponent(self) -> str:
        if not self.sees("{"):
            return self.factor_without_power()
        self.next()
        text = self.sum()
        self.take("}")
        return f"({text})"

    def factor_without_power(self) -> str:
        token = self.now
        self.next()
        return token[0]


class _Names(ast.NodeTransformer):
    """The names of a program as formulas have them."""

    def __init__(
        self, names: dict[str, ast.expr], old: set[str] = frozenset()
    ):
        self.names, self.old = names, old

    def visit(self, node: ast.AST) -> ast.AST:
        if self.names and isinstance(node, ast.expr):
            said = self.names.get(ast.unparse(node))
            if said is not None:
                return copy.deepcopy(said)
        return super().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        node = self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "matmul":
            return ast.BinOp(node.args[0], ast.MatMult(), node.args[1])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id in LIBRARIES:
            return self.visit_Name(ast.Name(node.attr))
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        name = SAME.get(node.id, node.id)
        if name in self.old:
            name += "_before"
        return ast.Name(_at_this_step(name))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """``x[:, t]`` is x, and ``h[t - 1]`` is the old one."""
        if not isinstance(node.value, ast.Name):
            return self.generic_visit(node)
        name = SAME.get(node.value.id, node.value.id)
        for index in ast.walk(node.slice):
            time = ast.unparse(index).replace(" ", "")
            if time in TIMES:
                return ast.Name(name + TIMES[time])
        return ast.Name(name)


class _Order(ast.NodeTransformer):
    """a + b and b + a are one, and so are a * b and b * a."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(node.id)  # assigned or read

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if not isinstance(node.op, ast.Add | ast.Mult):
            return self.generic_visit(node)
        parts = [self.visit(part) for part in _chain(node, type(node.op))]
        parts.sort(key=ast.dump)
        return ast.Call(ast.Name(type(node.op).__name__), parts, [])


def _chain(node: ast.expr, kind: type) -> list[ast.expr]:
    """The parts of a + b + c, however they are bracketed."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, kind):
        return _chain(node.left, kind) + _chain(node.right, kind)
    return [node]


def _normal(code: str) -> str:
    return ast.dump(_Order().visit(ast.parse(code, mode="eval").body))


def _names(text: str) -> dict[str, ast.expr]:
    found = {}
    for item in text.split(";"):
        name, equals, said = item.partition("=")
        if equals:
            try:
                found[ast.unparse(ast.parse(name.strip(), mode="eval"))] = (
                    ast.parse(said.strip(), mode="eval").body
                )
            except SyntaxError as error:
                raise _Unreadable(f"{item}, which is no Python") from error
    return found


def _program_of(page: Page, name: str | None) -> Page:
    """The page itself, or the one whose program a mark names."""
    where = page_named(name, page.root) if name else page
    if where is None:
        raise _Unreadable(f"there is no page {name}")
    return where


@functools.cache
def _expressions(program: str, names: str) -> set[tuple[str, str]]:
    """What is assigned in a program, to which name; also what only is."""
    found, said = set(), _names(names)
    tree = ast.parse(program)
    _read_body(tree.body, said, found, new=set(), within="")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            _read_body(node.body, said, found, set(), node.name)
    return found


STATES = {"h", "c"}


def _read_body(
    body: list[ast.stmt],
    names: dict[str, ast.expr],
    found: set[tuple[str, str]],
    new: set[str],
    within: str,
) -> None:
    """Reads statements in order: which states are new already?"""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        for inner in ("body", "orelse"):
            _read_body(
                getattr(statement, inner, []), names, found, set(new), within
            )
        target, value = "", getattr(statement, "value", None)
        if isinstance(statement, ast.Assign):
            target = _target(statement.targets[0], names)
        elif isinstance(statement, ast.AugAssign):  # one term of a sum
            target = _target(statement.target, names)
            statement.value = ast.Call(ast.Name("sum"), [value], [])
        elif isinstance(statement, ast.Return) and within:
            # A cell returns its new state, alone or first.
            target = within if within == "sigmoid" else "h"
        said = _Names(names, STATES - new).visit(copy.deepcopy(statement))
        said = _Order().visit(said)
        whole = getattr(said, "value", None)
        if isinstance(said, ast.Return) and isinstance(whole, ast.Tuple):
            whole = whole.elts[0]
        for node in ast.walk(said):
            if isinstance(node, ast.BinOp | ast.Call):
                found.add((target if node is whole else "", ast.dump(node)))
        if target in STATES and _made_of_others(statement.value):
            new.add(target)


def _made_of_others(node: ast.expr) -> bool:
    """Is a state computed here, or only begun, as by ``np.zeros(3)``?"""
    return isinstance(node, ast.BinOp)


def _target(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """What a statement assigns to, as formulas have it."""
    if isinstance(node, ast.Subscript):
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    said = names.get(node.id)
    name = said.id if isinstance(said, ast.Name) else node.id
    return _at_this_step(name)


def _at_this_step(name: str) -> str:
    """``h_now``, ``h_new`` and ``h_t`` are h."""
    return re.sub(r"_(now|new|t)$", "", name)
