r"""A model, and the objective that it is trained by, as LaTeX: `dgm emit --stage latex`.

What is written is the program's text in the notation of papers, so hyperparameters keep their
names. The environment is amsmath's `align*`; `&` stands before the relation of each line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dgmlang.compiler.emit.formula import expression, space, stage_name
from dgmlang.compiler.emit.notation import function_name, name
from dgmlang.compiler.library import Extern
from dgmlang.compiler.syntax import ast


def latex(model: ast.Model, objectives: Sequence[tuple[float, Extern]] = ()) -> str:
    """The model's lines, then the objective's formula where the library gives one.

    Of a weighted sum there is a line for each term.
    """
    lines = [line for s in model.body for line in _statement(s, "")]
    lines += _energies(model.body)
    for weight, objective in objectives:
        factor = "" if weight == 1 else rf"{weight:g} \times "
        if formula := formula_of(objective):
            lines.append(rf"{factor}\text{{{objective.name}:}}\quad & {formula}")
    body = " \\\\\n  ".join(lines)
    return f"\\begin{{align*}}\n  {body}\n\\end{{align*}}"


def formula_of(extern: Extern) -> str:
    """The line of an extern's doc comment that stands between dollar signs; empty without one."""
    lines = (line.strip() for line in extern.doc.splitlines())
    return next((line.strip("$") for line in lines if line.startswith("$")), "")


def _statement(statement: ast.Statement, where: str) -> Iterator[str]:
    """The lines of a statement; `where` says for which indices of the loops around it."""
    match statement:
        case ast.Variable():
            yield _variable(statement) + where
        case ast.Let(names=names, parameters=parameters, value=value):
            left = ", ".join(map(name, names)) + _parameters(parameters)
            yield f"{left} &= {expression(value)}{where}"
        case ast.Net():
            yield _net(statement)
        case ast.Score():
            yield _score(statement)
        case ast.Companion(role=role, body=body):
            letter = "q" if role == "guide" else r"p_{\mathrm{noise}}"
            yield from (rf"{letter}:\quad {line}" for s in body for line in _statement(s, ""))
        case ast.Critic(parameters=parameters, value=value):
            yield rf"D{_parameters(parameters)} &= {expression(value)}"
        case ast.For(variable=i, start=start, stop=stop, body=body):
            span = rf",\quad {name(i)} = {expression(start)}, \dots, {expression(stop)} - 1"
            yield from (line for s in body for line in _statement(s, where + span))


def _parameters(names: Sequence[str] | None) -> str:
    return "" if names is None else f"({', '.join(map(name, names))})"


def _variable(v: ast.Variable) -> str:
    indices = ", ".join(map(expression, v.indices))
    left = name(v.name) + (f"_{{{indices}}}" if indices else "")
    member = rf"\in {space(v.type)}" if v.type is not None else ""
    match v.origin:
        case ast.Drawn(law=law):
            return rf"{left} &\sim {_law(law)}" + (rf",\quad {left} {member}" if member else "")
        case ast.Computed(value=value):
            return rf"{left} &= {expression(value)} {member}".rstrip()
    return rf"{left} &{member}"


def _law(law: ast.Expr) -> str:
    """A law; one pushed through bijections carries them before it, with a hash for the push."""
    stages: list[str] = []
    while isinstance(law, ast.Pipe):
        stages.append(stage_name(law.stage))
        law = law.value
    pushed = r" \circ ".join(stages)
    return rf"\left({pushed}\right)_{{\#}} {expression(law)}" if stages else expression(law)


def _energies(body: Sequence[ast.Statement]) -> list[str]:
    """The density that the energies define together, one energy a line."""
    terms = [expression(s.value) for s in body if isinstance(s, ast.Energy)]
    roles = ("data", "latent")
    free = [v for v in body if isinstance(v, ast.Variable) and v.role in roles and not v.origin]
    if not terms:
        return []
    first = rf"-\log p({', '.join(name(v.name) for v in free)}) &= {terms[0]}"
    rest = [rf"&\quad + {f'({t})' if t.startswith('-') else t}" for t in terms[1:]]
    return [*[first, *rest][:-1], rf"{[first, *rest][-1]} + \text{{const}}"]


def _net(net: ast.Net) -> str:
    left = function_name(net.name) + _parameters([p.name for p in net.parameters])
    heads = ", ".join(name(head.name) for head in net.heads if head.name)
    body = r"\text{(given)}" if net.body is None else expression(net.body)
    return f"{left} &= {body}" + (rf" \;\to\; {heads}" if heads else "")


def _score(score: ast.Score) -> str:
    below = "" if score.time is None else f"_{{{name(score.time)}}}"
    under = "" if score.process is None else rf"\quad\text{{under }} {expression(score.process)}"
    x = name(score.variable)
    return rf"\nabla_{{{x}}} \log p{below}({x}) &= {expression(score.value)}{under}"
