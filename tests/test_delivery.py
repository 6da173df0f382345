"""Installed as resolved, tested as README.md says, deployed as tested."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CI = (ROOT / ".ci" / "run").read_text("utf-8")
WORKFLOWS = ROOT / ".github" / "workflows"
TABLE = re.compile(r"<!-- --8<-- \[start:where\] -->(.+)<!-- --8<-- ", re.S)
PINNED = re.compile(
    r"(?P<name>\S+)==(?P<version>\S+)(?: ; (?P<marker>.+?))?"
    r"(?: +--hash=sha256:[0-9a-f]{64})+"
)


def workflow(name: str) -> dict:
    return yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text("utf-8"))


def jobs() -> dict:
    """The jobs of the workflow that deploys."""
    return workflow("site")["jobs"]


def declared(group: str) -> list[Requirement]:
    """The requirements of a group of pyproject.toml, and what it includes."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        entries = tomllib.load(file)["dependency-groups"][group]
    found = []
    for entry in entries:
        if isinstance(entry, dict):
            found += declared(entry["include-group"])
        else:
            found.append(Requirement(entry))
    return found


def resolved(file: str) -> set[tuple[str, ...]]:
    """Name, version and marker of each line; all lines must have hashes."""
    text = (ROOT / file).read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.lstrip()[:1] != "#"]
    found = [PINNED.fullmatch(line) for line in lines]
    assert None not in found, lines[found.index(None)]
    return {match.groups() for match in found}


def test_every_action_is_pinned_to_a_commit():
    """The commit of each ``uses:`` is there in full, and its version."""
    uses = [
        line.split("uses:")[1].strip()
        for path in WORKFLOWS.iterdir()
        for line in path.read_text("utf-8").splitlines()
        if "uses:" in line
    ]
    assert uses
    for use in uses:
        assert re.fullmatch(r"\S+@[0-9a-f]{40} # v\d+(\.\d+){2}", use)


def test_what_is_deployed_was_tested():
    """One job tests, builds and keeps the site; another deploys just that."""
    steps = jobs()["test"]["steps"]
    *_, build, upload = steps
    assert {"run": ".ci/run"} in steps[:-2]
    first, *_, last = build["run"].splitlines()
    assert first == ".venv/bin/mkdocs build --strict"
    assert last == "tar -cf artifact.tar -C site ."
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["with"]["name"] == "github-pages"
    (deploy,) = jobs()["deploy"]["steps"]
    assert deploy["uses"].startswith("actions/deploy-pages@")
    assert "with" not in deploy  # its default: the artifact github-pages
    assert jobs()["deploy"]["needs"] == "test"


def test_the_trainings_run_whole_every_week():
    found = workflow("whole")
    assert "schedule" in found[True]  # YAML's "on"
    *_, run = found["jobs"]["whole"]["steps"]
    assert run == {"run": ".ci/run", "env": {"PYTEST_ADDOPTS": "--whole"}}


def test_only_the_deployment_may_write():
    """Each job has the rights it needs, and no other."""
    [whole] = workflow("whole")["jobs"].values()
    assert whole["permissions"] == {"contents": "read"}
    assert {name: job["permissions"] for name, job in jobs().items()} == {
        "test": {"contents": "read", "pages": "read"},
        "versions": {"contents": "read"},
        "deploy": {"pages": "write", "id-token": "write"},
    }


def test_ci_runs_the_commands_of_the_readme():
    """``.ci/run`` finds both there, each once, and has none of its own."""
    ends = re.findall(r"=\$\(from_readme '(.+)'\)", CI)
    found = [
        re.findall(f"^sudo apt-get .* {end}$", README, re.M) for end in ends
    ]
    assert [len(lines) for lines in found] == [1, 1]
    files = [re.search(r"--require-hashes -r (\S+)", f)[1] for (f,) in found]
    assert sorted(files) == ["requirements-site.txt", "requirements.txt"]
    assert "pip install" not in CI


def test_each_path_of_the_table_exists():
    """README.md says where things are, and How this site works shows that."""
    rows = TABLE.search(README)[1].strip().splitlines()[2:]
    firsts = [row.split("|")[1] for row in rows]
    paths = [path for first in firsts for path in re.findall("`(.+?)`", first)]
    assert len(paths) >= len(rows) > 5
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing
    page = ROOT / "docs" / "en" / "about" / "how-this-site-works.md"
    text = page.read_text("utf-8")
    assert '--8<-- "README.md:where"' in text
    assert rows[0] not in text


def test_the_resolved_requirements_agree():
    """Both files cover their groups, and the site's is part of the other."""
    site, everything = map(
        resolved, ("requirements-site.txt", "requirements.txt")
    )
    assert site < everything
    for lines, group in ((site, "site"), (everything, "test")):
        for requirement in declared(group):
            name = canonicalize_name(requirement.name)
            versions = [line[1] for line in lines if line[0] == name]
            assert versions, f"{name} is not resolved"
            assert all(
                version in requirement.specifier for version in versions
            )


def test_serving_needs_no_tensorflow():
    """The site's requirements are light: none of what the pages teach."""
    names = {name for name, _, _ in resolved("requirements-site.txt")}
    heavy = {"jax", "jaxlib", "keras", "numpy", "tensorflow", "tensorflow-cpu"}
    assert not names & heavy


def test_what_programs_import_is_declared():
    """No program leans on a package that another one happens to need."""
    known = {canonicalize_name(r.name) for r in declared("pages")}
    homes = packages_distributions()
    undeclared = {}
    for path, code in programs():
        for name in imported(code) - sys.stdlib_module_names:
            names = {
                canonicalize_name(home) for home in homes.get(name, [name])
            }
            if not names & known:
                undeclared.setdefault(name, []).append(path.name)
    assert not undeclared


def programs():
    """The code of each page and each lab."""
    for path in sorted((ROOT / "snippets").rglob("*.py")):
        yield path, path.read_text("utf-8")
    for path in sorted((ROOT / "docs" / "en").rglob("*.ipynb")):
        cells = nbformat.read(path, 4).cells
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        yield path, "\n".join(code)


def imported(code: str) -> set[str]:
    """The packages that code imports, or names in a comment for ``pip``."""
    names = set(" ".join(re.findall(r"# pip install (.+)", code)).split())
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names
