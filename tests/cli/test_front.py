"""`check`, `explain` and the command line itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from dgmlang.cli import terminal
from dgmlang.cli.codes import meanings
from dgmlang.compiler.diagnostics import codes
from tests.cli.conftest import Dgm

ROOT = Path(__file__).resolve().parents[2]
VAE = ROOT / "examples" / "vae.dgm"


def process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_check_loads_no_arrays_and_no_terminal_library() -> None:
    code = (
        "import sys; from dgmlang.cli.main import main; status = main()\n"
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr); sys.exit(status)"
    )
    done = process(code, "check", str(VAE))
    assert done.returncode == 0
    assert "one per example: z (latent), x (data)" in done.stdout
    assert "well formed" in done.stdout
    assert {"jax", "numpy", "rich", "typer", "matplotlib"}.isdisjoint(done.stderr.split())


def test_a_wrong_program_ends_the_process_with_1(tmp_path: Path) -> None:
    file = tmp_path / "wrong.dgm"
    file.write_text("model M { data x : bit ~ Bernouli(0.5) }\n", encoding="utf-8")
    code = "import sys; from dgmlang.cli.main import main; sys.exit(main())"
    done = process(code, "check", str(file))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Bernoulli" in done.stderr
    assert "\x1b" not in done.stderr


def test_warnings_of_the_program_go_to_standard_error(dgm: Dgm, tmp_path: Path) -> None:
    file = tmp_path / "idle.dgm"
    file.write_text("model M { let a = 2\n data x : bit ~ Bernoulli(0.5) }\n", encoding="utf-8")
    status, out, err = dgm("check", file)
    assert status == 0
    assert "warning[DGM0292]" in err
    assert "DGM0292" not in out


@pytest.mark.parametrize("command", ["check", "explain"])
def test_a_missing_file(dgm: Dgm, tmp_path: Path, command: str) -> None:
    status, _, err = dgm(command, tmp_path / "nothing.dgm")
    assert status == 1
    assert "nothing.dgm" in err


def test_an_empty_file(dgm: Dgm, tmp_path: Path) -> None:
    (tmp_path / "empty.dgm").write_text("", encoding="utf-8")
    status, _, err = dgm("check", tmp_path / "empty.dgm")
    assert status == 1
    assert "empty file" in err


def test_set_takes_values_of_the_language(dgm: Dgm) -> None:
    sets = ["side=2**3", "hidden=[30, 20]", "act=tanh"]
    status, out, _ = dgm("check", VAE, *(part for text in sets for part in ("--set", text)))
    assert status == 0
    assert "hidden = [30, 20], side = 8, act = tanh" in out


def test_a_misspelt_hyperparameter(dgm: Dgm) -> None:
    status, _, err = dgm("explain", VAE, "--set", "sied=8")
    assert status == 1
    assert "write `side`" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["trian"], "trian"),
        (["check"], "FILE"),
        (["check", VAE, "--sett", "a=1"], "did you mean --set?"),
        (["train", VAE], "--data"),
        (["train", VAE, "--stpes", "3"], "did you mean --steps?"),
        (["train", VAE, "--data", "digits", "--steps", "0"], "from 1"),
        (["train", VAE, "--data", "digits", "--steps", "many"], "`many`"),
        (["train", VAE, "--data", "digits", "--valid", "2"], "between 0 and 1"),
        (["train", VAE, "--data", "digits", "--prepare", "x"], "NAME=STEP"),
        (["check", VAE, "--set", "side"], "NAME=VALUE"),
        (["check", VAE, "--set", "side="], "NAME=VALUE"),
        (["check", VAE, "--set", "hidden=[3"], "no value"),
        (["check", VAE, "--set", "side=8", "--set", "side=9"], "twice"),
        (["explain", "DGM9999"], "DGM9999"),
        (["sample", "run", "--out", "draws.txt"], ".npz"),
    ],
)
def test_a_wrong_command_line(dgm: Dgm, arguments: list[object], words: str) -> None:
    status, out, err = dgm(*arguments)
    assert (status, out) == (2, "")
    assert words in err


@pytest.mark.parametrize("command", ["check", "explain", "train", "sample", "eval", "demo"])
def test_help(dgm: Dgm, command: str) -> None:
    status, out, err = dgm(command, "--help")
    assert (status, err) == (0, "")
    assert f"usage: dgm {command}" in out


def test_explain_for_people_and_for_programs(dgm: Dgm) -> None:
    _, text, _ = dgm("explain", VAE, "--set", "side=8")
    _, printed, _ = dgm("explain", VAE, "--set", "side=8", "--json")
    found = json.loads(printed)
    assert "elbo (default)" in text
    assert found["default_objective"] == "elbo"
    assert found["objectives"]["mle"]["legal"] is False


def test_every_code_has_a_meaning(dgm: Dgm) -> None:
    folder = Path(str(codes.__file__)).parent
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    used = set(re.findall(r'"(DGM\d{4})"', "\n".join(texts)))
    assert used == set(meanings())
    status, out, _ = dgm("explain", "dgm0412")
    assert status == 0
    assert out.startswith("DGM0412: An objective or sampler that the model does not allow.\n")


def test_a_bug_of_ours_says_so(dgm: Dgm, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("dgmlang.compiler.pipeline.read", broken)
    monkeypatch.setattr(sys, "argv", ["dgm", "check", "a.dgm"])
    status, out, err = dgm("check", VAE)
    assert (status, out) == (70, "")
    assert "a bug of ours" in err
    assert "Traceback" not in err
    report = Path(re.findall(r"traceback is in (\S+\.txt)", err)[0])
    text = report.read_text(encoding="utf-8")
    report.unlink()
    assert text.startswith("dgm check a.dgm\nTraceback")
    assert "KeyError: 'lost'" in text


class Screen(StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_on_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal.colored(screen)
    assert not terminal.colored(sys.stderr)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal.colored(screen)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal.colored(screen)
