"""Every console block of the documentation runs as it stands there, in fewer steps.

What is held is that the commands go together: that programs, data and flags exist, that a run is
where the next command looks for it, and that pictures come out. How good a run is, other tests say:
`train` takes `STEPS` steps here, its compilation does without optimising, and `vae` has few units.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import jax
import pytest

from dgmlang.cli.main import main, parser

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<head>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
GALLERY = (ROOT / "docs" / "images" / "examples" / "commands.txt").read_text(encoding="utf-8")
STEPS = "2"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the examples."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def compiled_quickly() -> Iterator[None]:
    """What runs for a few steps is compiled longer than it runs."""
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what is printed below it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(line, rest) for line, _, rest in (part.partition("\n") for part in parts)]


def words(line: str) -> list[str]:
    """The arguments of a `dgm` command, in few steps where it trains."""
    found = [w.strip('"') for w in re.findall(r'"[^"]*"|\S+', line.partition("  #")[0])][1:]
    if found[0] != "train":
        return found
    if found[1] == "examples/vae.dgm":
        found += ["--set", "hidden=[16]"]
    if "--steps" in found:
        place = found.index("--steps") + 1
        return [*found[:place], STEPS, *found[place + 1 :]]
    return [*found, "--steps", STEPS]


def run(line: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One command does what stands below it; one for a shell or a benchmark exists."""
    program, *rest = line.partition("  #")[0].split()
    if program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    elif program == "python":
        assert importlib.util.find_spec(rest[1]) is not None
    else:
        capsys.readouterr()
        with compiled_quickly() if words(line)[0] == "train" else nullcontext():
            status = main(words(line))
        said = "".join(capsys.readouterr())
        assert status == (1 if "error[" in shown else 0), said
        assert shown.strip() in said


@pytest.mark.parametrize("page", ["README.md", "examples/README.md", "benchmarks/README.md"])
def test_a_page_of_commands(page: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [b["text"] for b in FENCE.finditer(text) if b["head"] == "console"]
    assert blocks
    for block in blocks:
        for line, shown in commands(block):
            run(line, shown, capsys)
    assert (desk / "samples.png").exists() or "samples.png" not in text


def test_the_tutorial_from_top_to_bottom(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    for block in FENCE.finditer(tutorial):
        language, _, rest = block["head"].partition(" ")
        if language == "dgm" and rest:
            Path(rest.split('"')[1]).write_text(block["text"], encoding="utf-8")
        elif language == "console":
            for line, shown in commands(block["text"]):
                run(line, shown, capsys)
        elif language == "python":
            text = block["text"].replace("steps=2000", f"steps={STEPS}")
            assert text != block["text"]
            with compiled_quickly():
                exec(compile(text, "tutorial.md", "exec"), {})
    assert Path("mixture.png").exists()
    assert Path("digits.png").exists()
    assert Path("runs/from-python/run.json").exists()


def test_the_commands_below_the_pictures_make_them(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs that a script of the benchmarks leaves are only asked for: they take too long."""
    scripts = [line.split()[-1] for line in GALLERY.splitlines() if line.startswith("python")]
    for line in GALLERY.splitlines():
        left = any(line.split()[2].endswith(f"/{name}") for name in scripts)
        if left:
            parser().parse_args(words(line))  # ends the process where a flag is not one
        else:
            run(line, "", capsys)
        if "--plot" in line and not left:
            assert (desk / line.split()[-1]).read_bytes().startswith(b"\x89PNG")


def test_a_command_that_is_wrong_is_seen(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="DGM"):
        run("dgm train examples/vae.dgm --data nowhere.npy", "", capsys)
    with pytest.raises(AssertionError):
        run("dgm check examples/vae.dgm", "VAE(side = 7", capsys)
