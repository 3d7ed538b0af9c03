"""Recipes: numbers as numbers, methods and preparations as the expressions that name them."""

from __future__ import annotations

from typing import Any

from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.codes import training as training_codes
from dgmlang.compiler.program import RECIPE_KEYS, RECIPE_NUMBERS, Recipe
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.scope import Scope
from dgmlang.compiler.types.static import static


def recipe(node: ast.Recipe, scope: Scope) -> Recipe:
    """A recipe as the program holds it (DGM0211, DGM0212, DGM0421, DGM0430, DGM0713)."""
    first: dict[tuple[str, bool], ast.Setting] = {}
    for s in node.settings:
        if first.setdefault((s.key, s.prepare), s) is not s:
            before = first[s.key, s.prepare].span
            scope.report.say(name_codes.set_twice(s.span, before, s.key))
    written = {s.key: s for s in node.settings if not s.prepare}
    if {"steps", "epochs"} <= set(written):
        scope.report.say(training_codes.two_lengths(written["epochs"].span))
    settings = {key: _setting(node.name, s, scope) for key, s in written.items()}
    prepare = {s.key: s.value for s in node.settings if s.prepare}
    return Recipe(node.name, settings, prepare, node.span)


def _setting(owner: str, s: ast.Setting, scope: Scope) -> Any:
    if s.key not in RECIPE_KEYS:
        scope.report.say(name_codes.unknown_setting(s.span, s.key, RECIPE_KEYS))
    if s.key not in RECIPE_NUMBERS:
        return s.value
    found = static(s.value, scope.static)
    number = found.value if isinstance(found, Dim) else found
    kind, lowest, below = RECIPE_NUMBERS[s.key]
    types = int if kind == "int" else (int, float)
    if found is not None and (not isinstance(number, types) or isinstance(number, bool)):
        text = s.value.span.text
        scope.report.say(codes.wrong_setting(s.value.span, f"recipe {owner}", kind, text))
    elif number is not None and number < lowest:
        scope.report.say(codes.setting_range(s.value.span, owner, s.key, lowest, number))
    elif number is not None and below is not None and number >= below:
        scope.report.say(codes.setting_below(s.value.span, owner, s.key, below, number))
    return number
