"""The pages about the site say what is so, and their steps work."""

import html
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from markdown.extensions.toc import slugify

from unrolled.page import ROOT, Page

ABOUT = ROOT / "docs" / "en" / "about"
NOTES = Page(ABOUT / "source-notes.md")
WALKTHROUGH = Page(ABOUT / "how-this-site-works.md")

BY_US = "run by tests/test_about.py"

VERDICT = re.compile(
    r"(holds|answered here)([:,] .+)?|(holds when|does not hold:) .+",
    re.S,
)
LINK = re.compile(r"\[[^]]+\]\((?P<path>[^)#]+)(#(?P<anchor>[^)]+))?\)")


def table_rows(text: str, columns: int) -> list[list[str]]:
    """The cells of the tables with so many columns, but for the headers."""
    rows = []
    lines = text.splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        ruler, header = (set(x) == set("|-") for x in (line, below))
        if line.startswith("|") and not ruler and not header:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == columns:
                rows.append(cells)
    return rows


def check_notes(text: str, docs: Path) -> list[str]:
    """What is wrong with the list of statements."""
    wrong = []
    rows = table_rows(text, 4)
    numbers = [row[0] for row in rows]
    if numbers != [str(n) for n in range(1, len(rows) + 1)]:
        wrong.append(f"numbered {numbers}")
    typed = re.findall(r"(\d+)\s+statements", text)
    if typed and set(typed) != {str(len(rows))}:
        wrong.append(f"the text counts {typed}, the tables {len(rows)}")
    named = re.search(r"do not hold:(.+?)\.", text, re.S)
    false = [row[0] for row in rows if row[2].startswith("does not hold")]
    if named and re.findall(r"\d+", named[1]) != false:
        wrong.append(f"the text names other false ones than {false}")
    for number, _, verdict, where in rows:
        if not VERDICT.fullmatch(verdict):
            wrong.append(f"{number}: not a verdict: {verdict}")
        if link := LINK.fullmatch(where):
            wrong += [f"{number}: {w}" for w in check_link(link, docs)]
        else:
            wrong.append(f"{number}: not a link: {where}")
    return wrong


def check_link(link: re.Match, docs: Path) -> list[str]:
    path = (docs / "about" / link["path"]).resolve()
    if not path.is_file():
        return [f"no such page: {link['path']}"]
    text = path.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    anchors = {slugify(heading, "-") for heading in headings}
    if link["anchor"] and link["anchor"] not in anchors:
        return [f"no such heading: {link[0]}"]
    return []


def test_every_statement_of_the_notes_is_accounted_for():
    assert check_notes(NOTES.text, ROOT / "docs" / "en") == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("| 5 |", "| 6 |", "numbered"),
        ("27 statements", "28 statements", "the text counts"),
        ("22, on the update", "21, on the update", "names other false"),
        ("| 1 | RNNs", "| 1 | RNNs | RNNs", "numbered"),
        ("| does not hold: ", "| false: ", "not a verdict"),
        (
            "[What recurrent networks can do](../applications",
            "(soon",
            "not a link",
        ),
        ("topologies/one-to-one.md", "one.md", "no such page"),
        ("the-cell.md#the-mix", "the-cell.md#six", "no such heading"),
    ],
)
def test_a_list_gone_wrong_is_noticed(old, new, complaint):
    assert old in NOTES.text
    text = NOTES.text.replace(old, new)
    assert complaint in "\n".join(check_notes(text, ROOT / "docs" / "en"))


def followed(page: Page) -> list:
    """The fences that the page says are run here, in order."""
    return [f for f in page.fences if f.marks.get("skip") == BY_US]


@pytest.fixture
def copy(tmp_path):
    """A copy of what the site is made of, to add a page to."""
    copy = tmp_path / "unrolled"
    forget = shutil.ignore_patterns("__pycache__")
    for folder in ("docs", "snippets", "tests", "unrolled"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=forget)
    for file in ("README.md", "mkdocs.yml", "pyproject.toml"):
        shutil.copy(ROOT / file, copy)
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


def shell(command: str, cwd: Path) -> subprocess.CompletedProcess:
    """Run a command as in a terminal of its own, not within this test."""
    ours = ("PYTEST_", "PYTHONPATH")
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(ours)
    }
    temporary = cwd.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=cwd,
        env=environment | {"PYTEST_DEBUG_TEMPROOT": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )


@pytest.mark.xdist_group("walkthrough")
def test_the_walkthrough_adds_a_page(copy):
    *steps, error = followed(WALKTHROUGH)
    assert [step.language for step in steps] == [
        *("python", "markdown", "yaml", "sh", "sh")
    ]
    for step in steps:
        if step.language == "yaml":
            nav = copy / step.title
            chapter = step.code.splitlines(keepends=True)[0]
            before = nav.read_text("utf-8")
            assert before.count(chapter) == 1
            nav.write_text(before.replace(chapter, step.code), "utf-8")
        elif step.language == "sh":
            ran = shell(step.code, copy)
            assert ran.returncode == 0, ran.stdout
            assert "skipped" not in ran.stdout or not os.environ.get("CI")
        else:
            (copy / step.title).write_text(step.code, "utf-8")

    program, page = (copy / step.title for step in steps[:2])
    style = ".venv/bin/ruff check {0} && .venv/bin/ruff format --check {0}"
    ran = shell(style.format(program), copy)
    assert ran.returncode == 0, ran.stdout
    [recorded] = Page(page, copy).outputs.iterdir()
    last = recorded.read_text("utf-8").splitlines()[-1]
    assert last == "read 1, state 11"
    built = copy / "site" / "practice" / "doubling"
    assert last in (built / "index.html").read_text("utf-8")
    assert built.with_suffix(".py").exists()

    changed = program.read_text("utf-8").replace("[1, 0,", "[0, 0,")
    program.write_text(changed, "utf-8")
    ran = shell(steps[3].code.splitlines()[-1], copy)
    assert ran.returncode == 1, ran.stdout
    for line in error.code.splitlines():
        assert line in ran.stdout


def test_the_page_shows_the_walkthrough_as_it_is_typed(site):
    """The build does not expand what stands in the walkthrough's fences."""
    page = site / "about" / "how-this-site-works" / "index.html"
    shown = html.unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))
    for fence in followed(WALKTHROUGH):
        assert fence.code in shown


def test_the_table_of_errors_names_errors_there_are():
    text = WALKTHROUGH.text.split("## What the test job checks")[1]
    modules = (ROOT / "unrolled").glob("*.py")
    checks = "".join(path.read_text("utf-8") for path in modules)
    # Messages are put together from parts, with names and lines in between.
    checks = re.sub(r"\{[^}]*\}", "…", re.sub(r'"\s*f?"', "", checks))
    found = 0
    for _, errors in table_rows(text.split("\n## ")[0], 2):
        for message in re.findall(r"`([^`]+)`", errors):
            words = message.replace("a sh fence", "a … fence")
            assert words in checks, f"no check says {message!r}"
            found += 1
    assert found >= 10


def test_the_site_can_be_cited():
    """One title, authors and year, and the date of the newest change."""
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    fence = WALKTHROUGH.text.split("```bibtex\n")[1].split("```")[0]
    bibtex = dict(re.findall(r"(\w+) += \{+(.+?)\}+,", fence))
    assert bibtex["title"] == cff["title"]
    assert [{"name": bibtex["author"]}] == cff["authors"]
    assert bibtex["year"] == str(cff["date-released"].year)
    changes = Page(ABOUT / "changelog.md").text
    dates = re.findall(r"^## (\d{4}-\d\d-\d\d)$", changes, re.M)
    assert dates == sorted(set(dates), reverse=True)
    assert dates[0] == cff["date-released"].isoformat()
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["version"] == str(cff["version"])
