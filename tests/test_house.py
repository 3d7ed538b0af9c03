"""The rules of the house: what may import what, how long a file may be, what the root holds."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.parse import parse

ROOT = Path(__file__).resolve().parent.parent
COMPILER = ROOT / "dgmlang" / "compiler"

# The stages of the compiler from left to right. A stage imports its own group and those before it;
# the longest name that fits a module decides, so `types.check` may stand apart from `types`.
ORDER: tuple[tuple[str, ...], ...] = (
    ("frozen",),
    ("source", "diagnostics", "report", "files"),
    ("syntax",),
    ("types.dims", "types.kinds"),
    ("shelves",),
    ("library",),
    ("types.static", "resolve", "modules", "linking", "stage_hypers"),
    ("types", "program", "walk"),
    ("derive",),
    ("plan",),
    ("emit", "lint"),
    ("besides", "pipeline"),
    ("lower",),
)
FRONT_ROOMS = ("dgmlang.compiler", "dgmlang.grammar")  # what the front end may import of dgmlang
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}

# What is slow to import or computes with arrays: for `lower` and the rooms outside the compiler.
HEAVY = {
    "jax", "jaxlib", "jaxtyping", "numpy", "numpyro", "equinox", "optax", "diffrax", "scipy",
    "sklearn", "pandas", "matplotlib",
}  # fmt: skip
# Installed along with what pyproject.toml names, by promise of that package.
COMES_WITH = {"jax": {"jaxlib", "scipy"}, "diffrax": {"lineax"}, "pygls": {"lsprotocol"}}
IMPORT_NAME = {"scikit-learn": "sklearn", "tensorboardx": "tensorboardX"}


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def dotted(path: Path) -> str:
    """The module's name, `dgmlang.compiler.source`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, inside functions too; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(up if node.level else []), *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def imports_of(path: Path) -> list[tuple[int, str]]:
    package = dotted(path) if path.name == "__init__.py" else dotted(path.parent)
    return list(imports(ast.parse(path.read_text(encoding="utf-8")), package))


def stage(module: str) -> str | None:
    """The entry of ORDER that a module of the compiler falls under."""
    inner = module.removeprefix("dgmlang.compiler.")
    fitting = [name for name in RANK if inner == name or inner.startswith(f"{name}.")]
    return max(fitting, key=len, default=None)


def order_violations(module: str, imported: list[tuple[int, str]]) -> list[str]:
    """What a module of the compiler imports that it must not."""
    own = stage(module)
    if own is None:
        return [f"{module}: no stage of ORDER holds it"]
    front = own != "lower"
    wrong = []
    for line, name in imported:
        if front and name.split(".")[0] in HEAVY:
            wrong.append(f"{module}:{line} imports {name}; only lower/ may")
        elif front and name.startswith("dgmlang.") and not name.startswith(FRONT_ROOMS):
            wrong.append(f"{module}:{line} imports {name}, which is behind the compiler")
        elif name.startswith("dgmlang.compiler."):
            other = stage(name)
            if other is not None and RANK[other] > RANK[own]:
                wrong.append(f"{module}:{line} imports {name}, to the right of {own}")
    return wrong


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after one statement."""
    code = f"{statement}\nimport sys; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def text_files() -> list[Path]:
    """Every text that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [
        p
        for p in paths
        if p.is_file() and not p.is_symlink() and b"\0" not in p.read_bytes()[:8000]
    ]


@pytest.mark.parametrize("name", ["compiler", "examples", "grammar", "stdlib"])
def test_links_at_the_root(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink()
    assert link.readlink() == Path("dgmlang") / name
    assert link.is_dir()


def test_no_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.-])/(work|farm)/")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_constraints_pin_and_name_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    pinned = {canonical(pin.split("==")[0]) for pin in pins}
    assert declared("dev") | declared() <= pinned


@pytest.mark.parametrize("path", modules(ROOT / "dgmlang"), ids=dotted)
def test_files_are_short(path: Path) -> None:
    lines = path.read_bytes().count(b"\n")
    assert lines <= 350


@pytest.mark.parametrize("path", modules(COMPILER), ids=dotted)
def test_stages_import_to_their_left(path: Path) -> None:
    module = dotted(path)
    if module == "dgmlang.compiler":
        assert imports_of(path) == []
        return
    assert order_violations(module, imports_of(path)) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("dgmlang.compiler.syntax.parse", "import jax.numpy as jnp"),
        ("dgmlang.compiler.derive.sum_out", "def f():\n    from numpy import sum"),
        ("dgmlang.compiler.types.check", "from dgmlang.compiler.plan import legal"),
        ("dgmlang.compiler.types.check", "from dgmlang.compiler import plan"),
        ("dgmlang.compiler.derive.causal", "from ..plan import legal"),
        ("dgmlang.compiler.plan.choose", "from dgmlang.objectives import elbo"),
        ("dgmlang.compiler.utils", "import re"),
    ],
)
def test_the_order_is_seen_when_broken(module: str, code: str) -> None:
    package = module.rpartition(".")[0]
    assert order_violations(module, list(imports(ast.parse(code), package)))


@pytest.mark.parametrize("module", ["dgmlang", "dgmlang.compiler.pipeline"])
def test_front_end_loads_no_arrays(module: str) -> None:
    assert loaded_by(f"import {module}") & HEAVY == set()


def test_heavy_packages_are_seen_when_loaded() -> None:
    assert "numpy" in loaded_by("import numpy")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(extra: str | None = None) -> set[str]:
    """The packages that pyproject.toml asks for, by their canonical names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {canonical(re.split(r"[<>=!~\[; ]", one)[0]) for one in wanted}


def test_what_is_imported_is_declared() -> None:
    packages = declared() | declared("tensorboard") | declared("editor") | declared("arviz")
    allowed = {IMPORT_NAME.get(name, name) for name in packages} | {"dgmlang"}
    allowed |= {extra for name, more in COMES_WITH.items() if name in allowed for extra in more}
    undeclared = {
        f"{dotted(path)}:{line} imports {name}"
        for path in modules(ROOT / "dgmlang")
        for line, name in imports_of(path)
        if name.split(".")[0] not in allowed | set(sys.stdlib_module_names)
    }
    assert undeclared == set()


def pages() -> list[Path]:
    folders = (ROOT, ROOT / "examples", ROOT / "docs")
    return [page for folder in folders for page in sorted(folder.glob("*.md"))]


EXAMPLES = sorted((ROOT / "examples").glob("*.dgm"))
PROGRAMS = [
    *((path.name, path.read_text(encoding="utf-8")) for path in EXAMPLES),
    *(
        (f"{page.relative_to(ROOT)}:{number}", block)
        for page in pages()
        for number, block in enumerate(
            re.findall(r"```dgm\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        )
    ),
]


@pytest.mark.parametrize(("name", "text"), PROGRAMS, ids=[name for name, _ in PROGRAMS])
def test_printed_programs_parse(name: str, text: str) -> None:
    tree, wrong = parse(Source(name, text))
    assert [str(one) for one in wrong] == []
    assert tree.statements


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []
