"""PDF: the web page laid out on paper. The only place that reads HTML, and only our own, with everything escaped."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QUrl
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from desktop.exporting import AS_IT_IS, released_part
from desktop.exports import Options, web
from desktop.model import TimeRange, TranscriptDocument


def pdf(document: TranscriptDocument, options: Options = AS_IT_IS, *, only: str = "all",
        time_range: TimeRange | None = None) -> tuple[bytes, str]:
    """The file, and the words on its pages for the preview. `only` and errors are those of exporting.render."""
    released = released_part(document, options, only, time_range)
    pages = _Pages()
    pages.setDefaultFont(QFont("sans-serif", 10))
    pages.setHtml(web.for_paper(released, options))
    return _written(pages, released.recording.title), pages.toPlainText()


def _written(pages: QTextDocument, title: str) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("Pullquote")
    writer.setPageLayout(QPageLayout(QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait,
                                     QMarginsF(0.0, 0.0, 0.0, 0.0), QPageLayout.Unit.Millimeter))
    pages.print_(writer)  # with margins of 2 cm and a number on each page
    del writer  # the file is complete when its writer is gone
    return bytes(buffer.data().data())


class _Pages(QTextDocument):
    """A document that loads nothing, whatever stands in it."""

    def loadResource(self, kind: int, name: QUrl) -> object:
        return None
