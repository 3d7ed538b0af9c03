"""`%%dgm` in a notebook: the cell is a program, its models become Python variables.

```python
%load_ext dgmlang
```

```text
%%dgm d=2
model Points(d: int) {
  param loc : real[d]
  data  x   : real[d] ~ Normal(loc, 1)
}
```

defines `Points`, a `dgmlang.Model`. The magic's line sets hyperparameters; `%%dgm --name m` chooses
the variable.
"""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from dgmlang.cli import options
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.diagnostics.render import render
from dgmlang.model import parse


def load_ipython_extension(shell: Any) -> None:
    """Registers the cell magic; IPython calls this on `%load_ext dgmlang`."""

    def dgm(line: str, cell: str) -> None:
        """The cell is a DGM program; its main model becomes a variable of the model's name."""
        try:
            asked = _arguments(line)
            model = parse(cell, **asked.set)
        except argparse.ArgumentError as error:
            print(error)
            return
        except DgmError as error:
            print("\n\n".join(render(d) for d in error.diagnostics))
            return
        for warning in model.warnings:
            print(render(warning))
        name = asked.name or model.name
        shell.push({name: model})
        print(f"{name}: {model.explain().summary()}")

    shell.register_magic_function(dgm, magic_kind="cell", magic_name="dgm")


def _arguments(line: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="%%dgm", exit_on_error=False, add_help=False)
    parser.add_argument("--name")
    options.settings(parser)
    words = shlex.split(line)
    settings = (
        [word] if word.startswith("-") or "=" not in word else ["--set", word] for word in words
    )
    return parser.parse_args([part for parts in settings for part in parts])
