"""`dgm lsp`: the language server, over standard input and output.

Sync is by whole texts, which are short; every answer is computed from the text at hand. Positions
of the protocol count UTF-16 units from 0, ours count characters: pygls' documents translate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

import dgmlang
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.files import placed
from dgmlang.compiler.pipeline import compile_source, offered
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax.format import format_source
from dgmlang.editor.complete import complete
from dgmlang.editor.hover import hover
from dgmlang.editor.project import Project, brought_in, reached

server = LanguageServer("dgm", dgmlang.__version__)

_SEVERITY = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "note": lsp.DiagnosticSeverity.Information,
}
_KINDS = {
    "keyword": lsp.CompletionItemKind.Keyword,
    "kind": lsp.CompletionItemKind.TypeParameter,
    "builtin": lsp.CompletionItemKind.Function,
    "name": lsp.CompletionItemKind.Variable,
}


def findings(source: Source) -> tuple[Diagnostic, ...]:
    """Everything that the compiler says of a text; one without a model is for other files."""
    try:
        return compile_source(source)[1].warnings
    except DgmError as error:
        alone = error.diagnostics[0].code == "DGM0204" and offered(source)
        return () if alone else error.diagnostics


class Place:
    """A document of the workspace, as the compiler sees it."""

    def __init__(self, uri: str, source: Source | None = None) -> None:
        self.document: TextDocument = server.workspace.get_text_document(uri)
        path = _path(uri)
        if source is not None:
            self.source = source
        elif path is None:
            self.source = Source(uri, self.document.source)
        else:
            self.source = placed(path, str(path), self.document.source, _newer)

    def offset(self, position: lsp.Position) -> int:
        """A position of the protocol as an offset of characters."""
        return self.document.offset_at_position(position)

    def range(self, span: Span) -> lsp.Range:
        """A span as a range of the protocol."""
        return lsp.Range(self._position(span.start), self._position(span.end))

    def _position(self, offset: int) -> lsp.Position:
        line, column = self.source.position(offset)
        codec = self.document.position_codec
        return codec.position_to_client_units(
            self.document.lines, lsp.Position(line - 1, column - 1)
        )


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def _path(uri: str) -> Path | None:
    """The file of a document; None where it has none yet."""
    path = url2pathname(unquote(urlparse(uri).path))
    return Path(path) if urlparse(uri).scheme == "file" else None


def _open() -> dict[Path, str]:
    """The documents that are open, by file."""
    found = {uri: _path(uri) for uri in server.workspace.text_documents}
    return {path.resolve(): uri for uri, path in found.items() if path is not None}


def _newer(path: Path) -> str | None:
    """The text of a file as it stands in the editor; None where it is not open."""
    uri = _open().get(path.resolve())
    return None if uri is None else server.workspace.get_text_document(uri).source


def _uri(source: Source, asked: Place) -> str:
    """The document of a source."""
    if source is asked.source:
        return asked.document.uri
    path = Path(source.name).resolve()
    return _open().get(path) or path.as_uri()


def _project() -> Project:
    folders = [_path(folder.uri) for folder in server.workspace.folders.values()]
    return Project(tuple(f for f in folders if f is not None), tuple(_open()), _newer)


def _location(span: Span, asked: Place) -> lsp.Location:
    uri = _uri(span.source, asked)
    return lsp.Location(uri, Place(uri, span.source).range(span))


# ── diagnostics ──────────────────────────────────────────────────────────────────────────────────

_said: dict[str, set[str]] = {}
"""The documents that each open one has messages for."""


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def opened(found: lsp.DidOpenTextDocumentParams) -> None:
    """Say what is wrong with a text that was opened."""
    _publish(found.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
def changed(found: lsp.DidChangeTextDocumentParams) -> None:
    """Say what is wrong with it as it is typed, and with the open programs that use it."""
    _publish(found.text_document.uri)
    path = _path(found.text_document.uri)
    others = [uri for uri in _open().values() if path and uri != found.text_document.uri]
    for uri in others:
        if path in [Path(source.name) for source in reached(Place(uri).source)]:
            _publish(uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
def closed(found: lsp.DidCloseTextDocumentParams) -> None:
    """Take the messages away with the text."""
    for uri in _said.pop(found.text_document.uri, {found.text_document.uri}):
        _show(uri, [])


def _publish(uri: str) -> None:
    """Each message in the file that it is about; a file that is open itself speaks for itself."""
    place = Place(uri)
    by_file: dict[str, list[lsp.Diagnostic]] = {uri: []}
    for found in findings(place.source):
        of = found.labels[0].span.source if found.labels else place.source
        at = _uri(of, place)
        at = at if at == uri or at not in _open().values() else uri
        by_file.setdefault(at, []).append(_message(place if at == uri else Place(at, of), found))
    for gone in _said.get(uri, set()) - by_file.keys():
        _show(gone, [])
    _said[uri] = set(by_file)
    for at, messages in by_file.items():
        _show(at, messages)


def _show(uri: str, messages: list[lsp.Diagnostic]) -> None:
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, messages))


def _message(place: Place, found: Diagnostic) -> lsp.Diagnostic:
    """A message at its place; of another file, at the statement that brings that file in."""
    here = [label for label in found.labels if label.span.source is place.source]
    there = [label for label in found.labels if label.span.source is not place.source]
    first = here[0].span if here else _bringing(place.source, there[0].span if there else None)
    lines = [found.title, *(label.text for label in found.labels if label.text), *found.why]
    return lsp.Diagnostic(
        place.range(first),
        "\n".join([*lines, *([f"help: {found.help}"] if found.help else [])]),
        severity=_SEVERITY[found.severity],
        code=found.code,
        source="dgm",
        related_information=[
            lsp.DiagnosticRelatedInformation(
                _location(label.span, place), label.text or found.title
            )
            for label in [*here[1:], *there]
        ],
    )


def _bringing(source: Source, span: Span | None) -> Span:
    """The `use` through which a file has come; the start of the text where there is none."""
    return Span(source, 0, 0) if span is None else brought_in(source, span.source)


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
def hovered(asked: lsp.HoverParams) -> lsp.Hover | None:
    """Type, shape, doc comment and capabilities of a name."""
    place = Place(asked.text_document.uri)
    text = hover(place.source, place.offset(asked.position))
    return None if text is None else lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text))


@server.feature(
    lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=["~", ">", ":", "("])
)
def completed(asked: lsp.CompletionParams) -> lsp.CompletionList:
    """The words that fit where the cursor is."""
    place = Place(asked.text_document.uri)
    items = [
        lsp.CompletionItem(c.text, kind=_KINDS[c.sort], documentation=c.detail or None)
        for c in complete(place.source, place.offset(asked.position))
    ]
    return lsp.CompletionList(is_incomplete=False, items=items)


@server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
def defined(asked: lsp.DefinitionParams) -> lsp.Location | None:
    """Where a name is declared."""
    place = Place(asked.text_document.uri)
    span = _project().definition(place.source, place.offset(asked.position))
    return None if span is None else _location(span, place)


@server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
def referred(asked: lsp.ReferenceParams) -> Sequence[lsp.Location]:
    """Where a name is used, in all files."""
    place = Place(asked.text_document.uri)
    spans = _project().references(place.source, place.offset(asked.position))
    return [_location(span, place) for span in spans]


@server.feature(lsp.TEXT_DOCUMENT_RENAME)
def renamed(asked: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    """Change a name wherever it means the same; None for a name that is not the program's."""
    place, new, project = Place(asked.text_document.uri), asked.new_name, _project()
    offset = place.offset(asked.position)
    if not new.isidentifier() or project.definition(place.source, offset) is None:
        return None
    edits: dict[str, list[lsp.TextEdit]] = {}
    for span in project.renamed(place.source, offset):
        found = _location(span, place)
        edits.setdefault(found.uri, []).append(lsp.TextEdit(found.range, new))
    return lsp.WorkspaceEdit(edits)


@server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
def formatted(asked: lsp.DocumentFormattingParams) -> Sequence[lsp.TextEdit] | None:
    """The whole text in its one layout; nothing where it does not parse."""
    place = Place(asked.text_document.uri)
    try:
        text = format_source(place.source)
    except DgmError:
        return None
    if text == place.source.text:
        return []
    whole = Span(place.source, 0, len(place.source.text))
    return [lsp.TextEdit(place.range(whole), text)]


@server.feature(
    lsp.TEXT_DOCUMENT_CODE_ACTION,
    lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
)
def mended(asked: lsp.CodeActionParams) -> Sequence[lsp.CodeAction]:
    """What `help` says of the messages in a range, as edits."""
    place = Place(asked.text_document.uri)
    start, end = place.offset(asked.range.start), place.offset(asked.range.end)
    known = [d for d in findings(place.source) if d.fixes and d.labels]
    own = [d for d in known if d.labels[0].span.source is place.source]
    here = [d for d in own if _touches(d.labels[0].span, start, end)]
    return [_action(place, d) for d in here]


def _touches(span: Span, start: int, end: int) -> bool:
    return span.start <= end and start <= span.end


def _action(place: Place, found: Diagnostic) -> lsp.CodeAction:
    edits: dict[str, list[lsp.TextEdit]] = {}
    for edit in found.fixes:
        at = _location(edit.span, place)
        edits.setdefault(at.uri, []).append(lsp.TextEdit(at.range, edit.text))
    return lsp.CodeAction(
        found.help or found.title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[_message(place, found)],
        is_preferred=True,
        edit=lsp.WorkspaceEdit(edits),
    )
