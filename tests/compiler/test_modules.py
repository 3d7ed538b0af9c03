"""Programs of several files: what may be used, under which names, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_source, offered, read
from dgmlang.compiler.plan.explain import Explanation
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.program import Through
from dgmlang.compiler.walk import expressions, stages

BODY = """model M(d: int = 2) {
  given z : real[d]
  data  x : real[d] ~ Normal(%s, 1)
}
"""


def write(folder: Path, **texts: str) -> Path:
    """Files by the names of their arguments, `a__b` for a/b.dgm; the first of them."""
    paths = [folder / f"{name.replace('__', '/')}.dgm" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return paths[0]


def plan(path: Path, model: str | None = None, **settings: object) -> Plan:
    return compile_source(read(path), settings, model)[0]


def codes(path: Path) -> list[str]:
    try:
        return [d.code for d in compile_source(read(path))[1].warnings]
    except DgmError as error:
        return [d.code for d in error.diagnostics]


def places(found: Plan) -> list[str]:
    """The parameter paths of a program's stages."""
    chains = [e.chain for e in expressions(found.program) if isinstance(e, Through)]
    return [".".join((*c.owner, s.place)) for c in chains for s in stages(c)]


def test_nets_and_lets_come_under_their_alias_and_what_they_need_under_their_file(
    tmp_path: Path,
) -> None:
    main = write(
        tmp_path,
        main='use "shared/nets.dgm": Unet as U\n' + BODY % "U(z)",
        shared__nets='use "../blocks.dgm": block\n'
        "let doubled(h) = 2 * h\nnet inner(x: real[d]) -> real[d] = x\n"
        "net Unet(x: real[d]) -> real[d] = doubled(inner(x)) |> block(2)\n",
        blocks="let block(n) = mlp([8]) |> mlp([4 * n])\n",
    )
    found = plan(main)
    assert list(found.program.nets) == ["U", "nets.inner"]
    assert places(found) == ["U.mlp", "U.mlp_2"]
    assert places(plan(main, d=5)) == ["U.mlp", "U.mlp_2"]


def test_a_net_outside_of_models_is_one_in_each_model(tmp_path: Path) -> None:
    text = "net f(x: real[d]) -> real[d] = x |> mlp([4])\n" + BODY % "f(f(z))"
    main = write(tmp_path, main=text + (BODY % "f(z)").replace("M(", "N("))
    assert list(plan(main, "M").program.nets) == list(plan(main, "N").program.nets) == ["f"]
    assert places(plan(main, "M")) == ["f.mlp"]


def test_a_models_law_is_checked_among_the_names_of_its_own_file(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "other.dgm": Prior\nmodel Base { data u : bit ~ Bernoulli(0.5) }\n'
        "model M { latent z : real[2] ~ Prior()\n data x : real[2] ~ Normal(z, 1) }\n",
        other="model Base(d: int) { data v : real[d] ~ Normal(3, 1) }\n"
        "model Prior(d: int) { data y : real[d] ~ Base() }\n",
    )
    law = plan(main).program.variables["z"].law
    assert law is not None
    assert law.type.kind.name == "real"


def test_two_files_of_one_name_do_not_mix(tmp_path: Path) -> None:
    helper = "net h(x: real[d]) -> real[d] = x |> mlp([%d])\nnet %s(x: real[d]) -> real[d] = h(x)\n"
    main = write(
        tmp_path,
        main='use "a/nets.dgm": F\nuse "b/nets.dgm": G\n' + BODY % "F(z) + G(z)",
        a__nets=helper % (3, "F"),
        b__nets=helper % (5, "G"),
    )
    assert sorted(plan(main).program.nets) == ["F", "G", "nets.h", "nets.h_"]


def test_one_file_by_two_ways_is_one_file(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "a.dgm": F\nuse "./sub/../h.dgm": h\n' + BODY % "F(z) + h(z)",
        a='use "h.dgm": h\nnet F(x: real[d]) -> real[d] = h(x)\n',
        h="net h(x: real[d]) -> real[d] = x |> mlp([3])\n",
        sub__other="let a = 1\n",
    )
    assert sorted(plan(main).program.nets) == ["F", "h"]


def test_mistakes_in_another_file_show_its_line(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "nets.dgm": F\n' + BODY % "F(z)",
        nets="# one\nnet F(x: real[d]) -> real[d] = x |> mpl([3])\n",
    )
    with pytest.raises(DgmError, match=r"nets.dgm:2:37\n(.*\n)* 2 \| net F\(x") as raised:
        plan(main)
    (found,) = raised.value.diagnostics
    assert found.labels[0].span.source.name == str(tmp_path / "nets.dgm")


def test_explain_names_the_file_of_a_line(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "nets.dgm": F\nmodel M(d: int = 2) { data x : real[d]; energy sum(F(x)) ** 2 }\n',
        nets="\nnet F(x: real[d]) -> real[d] = x |> mlp([3], activation = relu)\n",
    )
    assert f"({tmp_path / 'nets.dgm'}:2)" in str(Explanation(plan(main)))


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def test_no_link_leads_out_and_every_link_inside_does(tmp_path: Path) -> None:
    write(tmp_path, secret="net f(x: real[d]) -> real[d] = x\n")
    main = write(
        tmp_path,
        tree__main='use "link.dgm": f\n' + BODY % "f(z)",
        tree__deep__nets="net f(x: real[d]) -> real[d] = x\n",
    )
    link = main.with_name("link.dgm")
    link.symlink_to(tmp_path / "secret.dgm")
    assert codes(main) == ["DGM0214"]
    link.unlink()
    link.symlink_to("deep/nets.dgm")
    assert codes(main) == []
    outer = tmp_path / "linked.dgm"
    outer.symlink_to(main)  # the root itself counts as what it leads to
    assert codes(outer) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "DGM0212"),
        (".", "DGM0212"),
        ("loop.dgm", "DGM0212"),
        ("latin.dgm", "DGM0212"),
        ("x" * 5000, "DGM0212"),
        ("../main.dgm", "DGM0214"),
        ("main.dgm", "DGM0215"),
        ("./main.dgm", "DGM0215"),
    ],
)
def test_paths_that_lead_nowhere(path: str, code: str, tmp_path: Path) -> None:
    main = write(tmp_path, main=f'use "{path}": f\n' + BODY % "f(z)")
    main.with_name("loop.dgm").symlink_to("loop.dgm")
    main.with_name("latin.dgm").write_bytes(b"# \xe9\n")
    assert codes(main) == [code]


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    import os

    main = write(tmp_path, main='use "pipe.dgm": f\n' + BODY % "f(z)")
    os.mkfifo(main.with_name("pipe.dgm"))
    assert codes(main) == ["DGM0212"]


def test_a_long_chain_of_files(tmp_path: Path) -> None:
    texts = {f"f{i}": f'use "f{i + 1}.dgm": g\nlet f(x) = g(x)\n' for i in range(300)}
    texts = {n: t.replace("f(x)", "g(x)").replace(": g", ": g as h") for n, t in texts.items()}
    texts = {n: t.replace("= g(x)", "= h(x)") for n, t in texts.items()}
    main = write(tmp_path, main='use "f0.dgm": g\n' + BODY % "z", **texts, f300="let g(x) = x\n")
    assert codes(main) == ["DGM0292"]


def test_a_file_without_a_model_is_for_others(tmp_path: Path) -> None:
    nets = write(tmp_path, nets="net f(x: real[d]) -> real[d] = x\nlet b = mlp([8])\n")
    assert codes(nets) == ["DGM0204"]
    assert offered(read(nets)) == ("f", "b")
    assert offered(read(write(tmp_path, main=BODY % "z"))) == ()


def test_a_program_stays_what_it_was(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "nets.dgm": f\n' + BODY % "f(z)",
        nets="net f(x: real[d]) -> real[d] = x\n",
    )
    source = read(main)
    compile_source(source)
    main.with_name("nets.dgm").unlink()
    assert compile_source(source, {"d": 3})[0].program.hypers == {"d": 3}
