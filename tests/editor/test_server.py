"""The language server, as an editor talks to it: another process, over its protocol."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

URI = "untitled:model.dgm"
PROGRAM = """model M {
  # 𝛼: two units of UTF-16
  param loc : real
  data x : real ~ Normal(loc, 1)
}
"""
Talk = Callable[[LanguageClient, dict[str, Any]], Awaitable[None]]


def talk(text: str, steps: Talk) -> dict[str, Any]:
    """Opens a text in a fresh server and runs `steps` with what the server said so far."""
    heard: dict[str, Any] = {"messages": []}

    async def run() -> None:
        client = LanguageClient("test", "1")

        @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def said(found: lsp.PublishDiagnosticsParams) -> None:
            heard["messages"].append(found.diagnostics)

        code = "import sys; from dgmlang.cli.main import main; sys.exit(main(['lsp']))"
        await client.start_io(sys.executable, "-c", code, env=dict(os.environ))
        await client.initialize_async(lsp.InitializeParams(lsp.ClientCapabilities()))
        client.initialized(lsp.InitializedParams())
        opened = lsp.TextDocumentItem(URI, "dgm", 1, text)
        client.text_document_did_open(lsp.DidOpenTextDocumentParams(opened))
        await steps(client, heard)
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()

    asyncio.run(asyncio.wait_for(run(), 60))
    return heard


def here(line: int, character: int) -> dict[str, Any]:
    return {
        "text_document": lsp.TextDocumentIdentifier(URI),
        "position": lsp.Position(line, character),
    }


async def until(heard: dict[str, Any], count: int) -> None:
    while len(heard["messages"]) < count:
        await asyncio.sleep(0.02)


def test_messages_come_as_one_types_and_go_when_it_is_right() -> None:
    wrong = PROGRAM.replace("Normal", "Norml")

    async def steps(client: LanguageClient, heard: dict[str, Any]) -> None:
        await until(heard, 1)
        version = lsp.VersionedTextDocumentIdentifier(2, URI)
        whole = lsp.TextDocumentContentChangeWholeDocument(PROGRAM)
        client.text_document_did_change(lsp.DidChangeTextDocumentParams(version, [whole]))
        await until(heard, 2)

    first, second = talk(wrong, steps)["messages"]
    assert [d.code for d in first] == ["DGM0202"]
    assert first[0].range.start == lsp.Position(3, 18)
    assert "Normal" in first[0].message
    assert not second


def test_hover_definition_completion_references_rename_and_format() -> None:
    async def steps(client: LanguageClient, heard: dict[str, Any]) -> None:
        hover = lsp.HoverParams(**here(3, 26))
        heard["hover"] = await client.text_document_hover_async(hover)
        define = lsp.DefinitionParams(**here(3, 26))
        heard["definition"] = await client.text_document_definition_async(define)
        complete = lsp.CompletionParams(**here(3, 20))
        heard["completion"] = await client.text_document_completion_async(complete)
        rename = lsp.RenameParams(**here(2, 9), new_name="μ")
        heard["rename"] = await client.text_document_rename_async(rename)
        refer = lsp.ReferenceParams(
            **here(2, 9), context=lsp.ReferenceContext(include_declaration=True)
        )
        heard["references"] = await client.text_document_references_async(refer)
        layout = lsp.DocumentFormattingParams(
            lsp.TextDocumentIdentifier(URI), lsp.FormattingOptions(2, True)
        )
        heard["format"] = await client.text_document_formatting_async(layout)

    heard = talk(PROGRAM, steps)
    assert "param loc : real" in heard["hover"].contents.value
    assert heard["definition"].range.start == lsp.Position(2, 8)
    assert "Normal" in {item.label for item in heard["completion"].items}
    edits = heard["rename"].changes[URI]
    assert [(e.range.start.line, e.new_text) for e in edits] == [(2, "μ"), (3, "μ")]
    assert len(heard["references"]) == 2
    assert all("data" in e.new_text for e in heard["format"])


def test_places_count_units_of_utf_16() -> None:
    wrong = "model M {\n  param 𝛼 : real\n  data x : real ~ Normal(𝛼, scal = 1)\n}\n"

    async def steps(client: LanguageClient, heard: dict[str, Any]) -> None:
        await until(heard, 1)

    found = talk(wrong, steps)["messages"][0]
    line = wrong.splitlines()[2]
    units = len(line[: line.index("scal =")].encode("utf-16-le")) // 2
    assert found[0].range.start == lsp.Position(2, units)


def test_a_quick_fix_writes_what_help_says() -> None:
    wrong = PROGRAM.replace("Normal", "Norml")

    async def steps(client: LanguageClient, heard: dict[str, Any]) -> None:
        await until(heard, 1)
        whole = lsp.Range(lsp.Position(3, 0), lsp.Position(3, 30))
        asked = lsp.CodeActionParams(
            lsp.TextDocumentIdentifier(URI), whole, lsp.CodeActionContext(heard["messages"][0])
        )
        heard["actions"] = await client.text_document_code_action_async(asked)
        above = lsp.Range(lsp.Position(0, 0), lsp.Position(1, 0))
        other = lsp.CodeActionParams(
            lsp.TextDocumentIdentifier(URI), above, lsp.CodeActionContext([])
        )
        heard["elsewhere"] = await client.text_document_code_action_async(other)

    heard = talk(wrong, steps)
    (action,) = heard["actions"]
    assert "Normal" in action.title
    (edit,) = action.edit.changes[URI]
    assert (edit.range.start, edit.new_text) == (lsp.Position(3, 18), "Normal")
    assert not heard["elsewhere"]
