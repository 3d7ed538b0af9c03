"""`dgm lsp`: the language server, for editors."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dgmlang.cli.command import Command, UsageError


def _options(_: ArgumentParser) -> None:
    """It talks over standard input and output, and takes no flags."""


def _run(_: Namespace) -> int:
    try:
        from dgmlang.editor.server import server
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        raise UsageError('it needs pygls: pip install "dgmlang[editor]"') from None
    server.start_io()
    return 0


LSP = Command("lsp", "talk to an editor: messages, hovers, completion, rename", _options, _run)
