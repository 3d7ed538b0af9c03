"""The language server across files, as an editor talks to it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

MAIN = """use "parts/nets.dgm": decoder as decode, twice
model M {
  latent z : real[2] ~ Normal(0, 1)
  data x : real[4] ~ Normal(decode(z), twice(0.5))
  guide { z ~ Normal(0, 1) }
}
"""
NETS = """let wide(z) = 3 * z
net decoder(z: real[2]) -> real[4] = wide(z) |> mlp([8])
let twice(s) = 2 * s
"""
OTHER = """use "parts/nets.dgm": decoder
model Other {
  given decoded : real[2]
  data x : real[4] ~ Normal(decoder(decoded), 1)
}
"""
TEXTS = {"main.dgm": MAIN, "parts/nets.dgm": NETS, "other.dgm": OTHER}
Session = Callable[["Client"], Awaitable[None]]


class Client:
    """An editor with a workspace; `said` holds the last messages of each document."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("test", "1")
        self.said: dict[str, list[lsp.Diagnostic]] = {}

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def said(found: lsp.PublishDiagnosticsParams) -> None:
            self.said[found.uri] = list(found.diagnostics)

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    async def start(self) -> None:
        code = "import sys; from dgmlang.cli.main import main; sys.exit(main(['lsp']))"
        await self.client.start_io(sys.executable, "-c", code, env=dict(os.environ))
        folders = [lsp.WorkspaceFolder(self.folder.as_uri(), "work")]
        asked = lsp.InitializeParams(lsp.ClientCapabilities(), workspace_folders=folders)
        await self.client.initialize_async(asked)
        self.client.initialized(lsp.InitializedParams())

    async def stop(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()

    def open(self, name: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        opened = lsp.TextDocumentItem(self.uri(name), "dgm", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(opened))

    def change(self, name: str, text: str) -> None:
        version = lsp.VersionedTextDocumentIdentifier(2, self.uri(name))
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(version, [whole]))

    def at(self, name: str, mark: str) -> dict[str, Any]:
        """The place of a piece of a file's text."""
        text = TEXTS[name]
        lines = text[: text.index(mark)].split("\n")
        return {
            "text_document": lsp.TextDocumentIdentifier(self.uri(name)),
            "position": lsp.Position(len(lines) - 1, len(lines[-1])),
        }

    async def until(self, name: str, holds: Callable[[list[lsp.Diagnostic]], bool]) -> None:
        while not holds(self.said.get(self.uri(name), [])):
            await asyncio.sleep(0.02)

    def named(self, found: Any) -> dict[str, list[int]]:
        """Locations, or edits, as lines of files."""
        places: dict[str, list[int]] = {}
        for uri, span in found:
            place = Path(uri.removeprefix("file://")).relative_to(self.folder.as_posix())
            places.setdefault(str(place), []).append(span.start.line)
        return {name: sorted(lines) for name, lines in places.items()}


@pytest.fixture
def session(tmp_path: Path) -> Callable[[Session], None]:
    for name, text in TEXTS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(steps: Session) -> None:
        async def whole() -> None:
            client = Client(tmp_path)
            await client.start()
            await steps(client)
            await client.stop()

        asyncio.run(asyncio.wait_for(whole(), 60))

    return run


def test_names_are_followed_through_use(session: Callable[[Session], None]) -> None:
    async def steps(editor: Client) -> None:
        editor.open("main.dgm")
        for mark in ("decode(z)", "decode,", "decoder as"):
            asked = lsp.DefinitionParams(**editor.at("main.dgm", mark))
            found = await editor.client.text_document_definition_async(asked)
            assert isinstance(found, lsp.Location)
            assert found.uri == editor.uri("parts/nets.dgm")
            assert found.range.start == lsp.Position(1, 4)
        asked = lsp.DefinitionParams(**editor.at("parts/nets.dgm", "wide(z) |>"))
        inside = await editor.client.text_document_definition_async(asked)
        assert isinstance(inside, lsp.Location)
        assert inside.range.start == lsp.Position(0, 4)
        refer = lsp.ReferenceParams(
            **editor.at("parts/nets.dgm", "decoder("),
            context=lsp.ReferenceContext(include_declaration=True),
        )
        known = await editor.client.text_document_references_async(refer) or []
        assert editor.named((f.uri, f.range) for f in known) == {
            "parts/nets.dgm": [1],
            "main.dgm": [0, 0, 3],  # the name, its alias, and the alias' use
            "other.dgm": [0, 3],
        }

    session(steps)


def test_a_new_name_goes_to_every_file_and_an_alias_stays_in_its_own(
    session: Callable[[Session], None],
) -> None:
    async def renamed(editor: Client, name: str, mark: str, new: str) -> Any:
        asked = lsp.RenameParams(**editor.at(name, mark), new_name=new)
        found = await editor.client.text_document_rename_async(asked)
        assert found is not None
        assert found.changes is not None
        for uri, edits in found.changes.items():  # as an editor would do it
            path = Path(uri.removeprefix("file://"))
            lines = path.read_text(encoding="utf-8").split("\n")
            for e in sorted(edits, key=lambda e: e.range.start.character, reverse=True):
                line, start, end = (
                    e.range.start.line,
                    e.range.start.character,
                    e.range.end.character,
                )
                lines[line] = lines[line][:start] + e.new_text + lines[line][end:]
            path.write_text("\n".join(lines), encoding="utf-8")
        return found.changes

    async def steps(editor: Client) -> None:
        alias = await renamed(editor, "main.dgm", "decode(z)", "out")
        assert list(alias) == [editor.uri("main.dgm")]
        await renamed(editor, "other.dgm", "decoder(decoded)", "generator")
        texts = {name: (editor.folder / name).read_text(encoding="utf-8") for name in TEXTS}
        assert texts["main.dgm"] == MAIN.replace("decode,", "out,").replace(
            "decode(", "out("
        ).replace("decoder as", "generator as")
        assert texts["other.dgm"] == OTHER.replace("decoder", "generator")
        assert texts["parts/nets.dgm"] == NETS.replace("decoder", "generator")

    session(steps)


def test_a_mistake_is_said_in_the_file_that_holds_it(session: Callable[[Session], None]) -> None:
    async def steps(editor: Client) -> None:
        (editor.folder / "parts/nets.dgm").write_text(NETS.replace("mlp", "mpl"), encoding="utf-8")
        editor.open("main.dgm")
        await editor.until("parts/nets.dgm", bool)
        (found,) = editor.said[editor.uri("parts/nets.dgm")]
        assert (found.code, found.range.start.line) == ("DGM0202", 1)
        assert editor.said[editor.uri("main.dgm")] == []
        # What is open says itself what is wrong with it, and the program that it broke says where.
        editor.open("parts/nets.dgm")
        editor.change("parts/nets.dgm", NETS.replace("2 * s", "2 * t"))
        await editor.until("main.dgm", bool)
        (found,) = editor.said[editor.uri("main.dgm")]
        assert (found.code, found.range.start) == ("DGM0201", lsp.Position(0, 4))
        assert found.related_information is not None
        assert found.related_information[0].location.uri == editor.uri("parts/nets.dgm")
        editor.change("parts/nets.dgm", NETS)
        await editor.until("main.dgm", lambda said: not said)
        assert editor.said[editor.uri("parts/nets.dgm")] == []  # it is for other files

    session(steps)
