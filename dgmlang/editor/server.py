"""`dgm lsp`: the language server, over standard input and output.

Sync is by whole texts, which are short; every answer is computed from the text at hand. Positions
of the protocol count UTF-16 units from 0, ours count characters: pygls' documents translate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlparse

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

import dgmlang
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax.format import format_source
from dgmlang.editor.complete import complete
from dgmlang.editor.hover import hover
from dgmlang.editor.names import definition, occurrences

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
    """Everything that the compiler says of a text."""
    try:
        return compile_source(source)[1].warnings
    except DgmError as error:
        return error.diagnostics


class Place:
    """A document of the workspace, as the compiler sees it."""

    def __init__(self, uri: str) -> None:
        self.document: TextDocument = server.workspace.get_text_document(uri)
        path = unquote(urlparse(uri).path)
        self.source = Source(path if Path(path).is_absolute() else uri, self.document.source)

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


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def opened(found: lsp.DidOpenTextDocumentParams) -> None:
    """Say what is wrong with a text that was opened."""
    _publish(found.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
def changed(found: lsp.DidChangeTextDocumentParams) -> None:
    """Say what is wrong with it as it is typed."""
    _publish(found.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
def closed(found: lsp.DidCloseTextDocumentParams) -> None:
    """Take the messages away with the text."""
    server.text_document_publish_diagnostics(
        lsp.PublishDiagnosticsParams(found.text_document.uri, [])
    )


def _publish(uri: str) -> None:
    place = Place(uri)
    said = [_message(place, d) for d in findings(place.source)]
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, said))


def _message(place: Place, found: Diagnostic) -> lsp.Diagnostic:
    here = [label for label in found.labels if label.span.source is place.source]
    first = here[0] if here else None
    lines = [found.title, *(label.text for label in here if label.text), *found.why]
    return lsp.Diagnostic(
        place.range(first.span if first else Span(place.source, 0, 0)),
        "\n".join([*lines, *([f"help: {found.help}"] if found.help else [])]),
        severity=_SEVERITY[found.severity],
        code=found.code,
        source="dgm",
        related_information=[
            lsp.DiagnosticRelatedInformation(
                lsp.Location(place.document.uri, place.range(label.span)), label.text or found.title
            )
            for label in here[1:]
        ],
    )


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
    span = definition(place.source, place.offset(asked.position))
    return None if span is None else lsp.Location(asked.text_document.uri, place.range(span))


@server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
def referred(asked: lsp.ReferenceParams) -> Sequence[lsp.Location]:
    """Where a name is used."""
    place = Place(asked.text_document.uri)
    spans = occurrences(place.source, place.offset(asked.position))
    return [lsp.Location(asked.text_document.uri, place.range(span)) for span in spans]


@server.feature(lsp.TEXT_DOCUMENT_RENAME)
def renamed(asked: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    """Change a name wherever it means the same; None for a name that is not the program's."""
    place, new = Place(asked.text_document.uri), asked.new_name
    offset = place.offset(asked.position)
    if not new.isidentifier() or definition(place.source, offset) is None:
        return None
    spans = occurrences(place.source, offset)
    edits = [lsp.TextEdit(place.range(span), new) for span in spans]
    return lsp.WorkspaceEdit({asked.text_document.uri: edits})


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
    here = [d for d in findings(place.source) if d.fixes and _touches(d.labels[0].span, start, end)]
    return [_action(place, d) for d in here]


def _touches(span: Span, start: int, end: int) -> bool:
    return span.start <= end and start <= span.end


def _action(place: Place, found: Diagnostic) -> lsp.CodeAction:
    edits = [lsp.TextEdit(place.range(edit.span), edit.text) for edit in found.fixes]
    return lsp.CodeAction(
        found.help or found.title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[_message(place, found)],
        is_preferred=True,
        edit=lsp.WorkspaceEdit({place.document.uri: edits}),
    )
