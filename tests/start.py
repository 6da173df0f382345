"""The programs of *Start*, run as a reader would who changes constants."""

import re

from unrolled.page import page_named

LIMIT = 300  # seconds, of a program on small data

# Before a program: it is interrupted while half of its model is written.
INTERRUPT = """
import keras


def save(self, path):
    path.write_bytes(b"half")
    raise KeyboardInterrupt


keras.Model.save = save
"""


class Program:
    """``Program("classify")`` is the program of ``start/classify``."""

    def __init__(self, name, interpreter):
        self.page = page_named(f"start/{name}")
        self.code = self.page.download()
        self.interpreter = interpreter

    def run(self, folder, *arguments, code=None, before="", **constants):
        """What the program does in ``folder``, as ``python x.py arguments``.

        ``constants`` take the place of its own, ``before`` runs before it.
        """
        code = changed(code or self.code, constants)
        given = f"import sys\n\nsys.argv[1:] = {list(map(str, arguments))}\n"
        blocks = [("before", given + before), (str(self.page), code)]
        return self.interpreter.run(blocks, folder, LIMIT).results[-1]

    def call(self, folder, expression, **constants):
        """What ``expression`` of the program's functions prints."""
        code = changed(self.code, constants)
        code = code.replace('if __name__ == "__main__":', "if False:")
        blocks = [(str(self.page), code), ("call", f"print({expression})")]
        result = self.interpreter.run(blocks, folder, LIMIT).results[-1]
        assert not result.error, result.error
        return result.stdout

    def example(self, folder):
        """The table of the built-in example, as a file in ``folder``."""
        path = folder / "example.csv"
        self.call(folder, f"load(None).to_csv({str(path)!r}, index=False)")
        return path


def changed(code, constants):
    """``code`` with other values for the constants at its top."""
    for name, value in constants.items():
        line = re.compile(rf"^{name} = .*$", re.M)
        assert len(line.findall(code)) == 1, f"no constant {name}"
        start, end = line.search(code).span()
        code = f"{code[:start]}{name} = {value!r}{code[end:]}"
    return code


def spoil(table, row, column, value):
    """``table`` with another value in one cell, of whatever kind."""
    table[column] = table[column].astype(object)
    table.loc[row, column] = value
    return table


def with_a_word(path):
    """A file with decimal commas, one of its numbers in line 5 a word."""
    lines = path.read_text("utf-8-sig").splitlines()
    lines[4] = re.sub(r"-?\d+,\d+", "word", lines[4], count=1)
    new = path.with_name("word.csv")
    new.write_text("\n".join(lines), "utf-8")
    return new


def sentence(result):
    """What the program said when it refused a file: one line."""
    *_, last = result.error.strip().splitlines()
    assert last.startswith("SystemExit: "), result.error
    return last.removeprefix("SystemExit: ")
