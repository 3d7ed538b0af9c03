"""What an editor shows for the name under the pointer."""

from __future__ import annotations

from collections.abc import Iterator

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.emit.describe import described, entries
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.plan.explain import printed_density
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.editor.names import declaration, word_at


def hover(source: Source, offset: int) -> str | None:
    """Markdown: the declaration with its doc comment, then what was derived of the variable."""
    word = word_at(source, offset)
    if word is None:
        return None
    found = declaration(source, word.text, offset)
    if found is not None:
        return "\n\n".join(_declared(source, word.text, found))
    known = entries(word.text)
    return "\n\n".join(f"```text\n{described(entry)}\n```" for entry in known) or None


def _declared(source: Source, name: str, found: ast.Statement | ast.Hyper) -> Iterator[str]:
    yield f"```dgm\n{' '.join(found.span.text.split())}\n```"
    if isinstance(found, ast.Statement) and found.doc:
        yield found.doc
    plan = _plan(source)
    if plan is None:
        return
    if name in plan.program.variables:
        yield "\n".join(f"- {line}" for line in _derived(plan, name))
    elif name in plan.program.hypers:
        yield f"here {name} = {plan.program.hypers[name]}"


def _plan(source: Source) -> Plan | None:
    try:
        return compile_source(source)[0]
    except DgmError:
        return None


def _derived(plan: Plan, name: str) -> Iterator[str]:
    """The variable's type and whose it is, what becomes of a latent, the capabilities of data."""
    variable, facts = plan.program.variables[name], plan.facts
    whose = "one per example" if variable.of_examples else "one for the data set"
    role = "given" if variable.role == "shared" else variable.role
    yield f"{role} of type `{variable.type}`, {whose}"
    for removal in facts.removed:
        if removal.variable == name:
            yield f"removed by {removal.rule}: {removal.witness.text}"
    for bounded in facts.bounded:
        if bounded.variable == name:
            yield f"bounded, gradient {bounded.gradient}: {bounded.witness.text}"
    if variable.role == "data":
        yield f"density {printed_density(facts)}, score {facts.score}, draw {facts.draw}"
        yield f"default objective {plan.default_objective}, sampler {plan.default_sampler}"
