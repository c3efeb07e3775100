"""The verbs of the transcript desk: what keys and menus do with lines, speakers, quotes and marks."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.ui.words import translated

if TYPE_CHECKING:
    from desktop.model import Terms, TimeRange
    from desktop.ui.recording_view import RecordingView
    from desktop.ui.workspace import Workspace

UNCLEAR = "[unclear]"
_BOTH = 0.4  # seconds between two presses that are one wish
_AROUND = 1.5  # seconds before and after the playhead
_SLOW = 0.7  # of the normal speed
_N = QT_TRANSLATE_NOOP


class DeskVerbs:
    """A third of the main window: everything here acts on the chosen lines, or on the line with the caret."""

    workspace: Workspace
    view: RecordingView

    mark_recording: Callable[[], bool]

    _last_escape = 0.0

    def _rows(self) -> list[int]:
        """The rows that are meant; what is being typed is kept first."""
        transcript = self.view.transcript
        transcript.commit()
        return [transcript.editing_row] if transcript.is_editing else [
            row for row in transcript.selected_rows() if not transcript.segments.is_hidden(row)]

    def _say(self, template: str, **values: object) -> None:
        self.workspace.tell(translated(template).format(**values))

    # -- history ---------------------------------------------------------------------------------------------

    def undo(self) -> None:
        self.view.transcript.commit()
        self.workspace.edits.undo()

    def redo(self) -> None:
        self.view.transcript.commit()
        self.workspace.edits.redo()

    # -- lines -----------------------------------------------------------------------------------------------

    def edit_line(self) -> None:
        rows = self._rows()
        if rows:
            self.view.transcript.edit_row(rows[0])

    def split_line(self) -> None:
        """At the caret; the caret goes to the beginning of the second line."""
        transcript = self.view.transcript
        place = transcript.caret_place()
        if place is None:
            self._say(_N("core", "Click into the text where the line should be parted, then part it."))
            return
        transcript.commit()
        row, caret = place
        if self.workspace.edits.split(row, caret):
            transcript.edit_row(row + 1, 0)
        else:
            self._say(_N("core", "A line is parted between two of its words."))

    def merge_previous(self) -> None:
        self._merge(-1)

    def merge_next(self) -> None:
        self._merge(1)

    def _merge(self, step: int) -> None:
        """The chosen lines, or this one with its neighbour; the caret stays at the seam."""
        transcript = self.view.transcript
        rows, was_editing = self._rows(), transcript.is_editing
        if len(rows) == 1:
            rows = sorted((rows[0], rows[0] + step))
        rows = list(range(rows[0], rows[-1] + 1)) if rows else []
        segments = [self.workspace.segment(row) for row in rows]
        first = segments[0] if segments else None
        if len(rows) < 2 or first is None or segments[-1] is None \
                or any(transcript.segments.is_hidden(row) for row in rows):
            return
        transcript.close_editor()
        self.workspace.edits.merge(rows)
        self.workspace.select(rows[0])
        if was_editing:
            merged, seam = transcript.segments.shown(rows[0]).text, len(first.text)
            transcript.edit_row(rows[0], seam + (seam > 0 and merged[seam:seam + 1].isspace()))

    def insert_line(self) -> None:
        """Behind the current one, ready to be typed."""
        rows = self._rows() or [-1]
        if self.workspace.edits.insert(rows[-1]):
            self.workspace.select(rows[-1] + 1)
            self.view.transcript.edit_row(rows[-1] + 1)

    def delete_lines(self) -> None:
        rows = self._rows()
        if rows:
            self.view.transcript.close_editor()
            self.workspace.edits.delete(rows)
            document = self.workspace.document
            if document is not None and document.segments:
                self.view.transcript.choose(min(rows[0], len(document.segments) - 1))

    def mark_unclear(self) -> None:
        self._insert_text(UNCLEAR)

    def insert_timecode(self) -> None:
        from desktop.model import clock

        self._insert_text(f"[{clock(self.workspace.player.position())}]")

    def _insert_text(self, text: str) -> None:
        """At the caret, or in the place of what is selected, set apart by blanks."""
        from desktop.ui.carets import characters

        transcript = self.view.transcript
        if not transcript.is_editing:
            self._say(_N("core", "Click into the text first, then insert."))
            return
        cursor = transcript.editor.textCursor()
        whole = transcript.editor.text
        before = whole[:characters(whole, cursor.selectionStart())][-1:]
        after = whole[characters(whole, cursor.selectionEnd()):][:1]
        cursor.insertText((" " if before and not before.isspace() else "") + text
                          + (" " if after and not after.isspace() and after not in ".,;:!?" else ""))
        transcript.commit()

    def check_lines(self) -> None:
        """Heard and right; once more takes it back."""
        rows = self._rows()
        segments = [s for row in rows if (s := self.workspace.segment(row)) is not None]
        if segments:
            self.workspace.edits.check(rows, not all(s.checked for s in segments))

    # -- speakers --------------------------------------------------------------------------------------------

    def assign_speaker(self, number: int) -> None:
        """Ctrl+1 … Ctrl+9; the number behind the last one makes somebody new."""
        document, rows = self.workspace.document, self._rows()
        if document is None or not rows:
            return
        speakers = list(document.speakers.values())
        if number <= len(speakers):
            self.workspace.edits.assign(rows, speakers[number - 1].id)
        elif number == len(speakers) + 1:
            self.workspace.edits.assign_new(rows)
        else:
            self._say(_N("core", "There are only {count} speakers here. Use “New speaker” for another one."),
                      count=len(speakers))

    def speaker_verbs(self) -> dict[str, Callable[[], None]]:
        """The verbs `speaker_1` … `speaker_9` of the action table."""
        return {f"speaker_{number}": partial(self.assign_speaker, number) for number in range(1, 10)}

    def assign_this_speaker(self, speaker_id: int) -> None:
        """The chosen lines were said by this speaker."""
        self.workspace.edits.assign(self._rows(), speaker_id)

    def new_speaker(self) -> None:
        self.workspace.edits.assign_new(self._rows())

    def part_speaker(self) -> None:
        rows = self._rows()
        if rows:
            self.workspace.edits.part_speaker(rows[0])

    # -- quotes, marks, off the record -----------------------------------------------------------------------

    def save_quote(self) -> None:
        """The selected text, else the chosen lines."""
        from dataclasses import replace

        from desktop.quoting import quote_of
        from desktop.withholding import release

        document, transcript = self.workspace.document, self.view.transcript
        chosen = transcript.selected_text()
        rows = self._rows()
        if document is None or not rows:
            self._say(_N("core", "Choose a line, or select text in it, then save it as a quote."))
            return
        wanted, released = {document.segments[row].id for row in rows}, release(document)
        segments = [s for s in released.segments if s.id in wanted]
        if chosen and [s.text for s in segments] != [document.segments[chosen[0]].text]:
            self._say(_N("core", "Part of this line is off the record, so no words can be picked from it. Choose the "
                                 "whole line: what is off the record is left out of the quote."))
            return
        quote = quote_of(released, segments, (chosen[1], chosen[2]) if chosen else None)
        if quote is None:
            return
        quote = replace(quote, id=self.workspace.library.new_id("quote"))
        self.workspace.edits.change_desk(translated(_N("core", "save quote")), lambda desk: desk.with_quote(quote))
        self._say(_N("core", "Saved as a quote: {text}"), text=f"“{quote.text[:60]}…”" if len(quote.text) > 60
                  else f"“{quote.text}”")

    def add_mark(self) -> None:
        """At the playhead, or in what is being recorded."""
        if self.mark_recording():
            return
        place = round(max(0.0, self.workspace.player.position()), 3)
        self.workspace.edits.change_desk(translated(_N("core", "set mark")), lambda desk: desk.with_mark(place))

    def off_the_record(self) -> None:
        from desktop.model import Terms

        self._withhold(Terms.OFF_THE_RECORD)

    def on_background(self) -> None:
        from desktop.model import Terms

        self._withhold(Terms.BACKGROUND)

    def on_the_record(self) -> None:
        self._withhold(None)

    def _withhold(self, terms: Terms | None) -> None:
        """The range, else the chosen lines (the hidden ones, too)."""
        from desktop.model import Terms
        from desktop.withholding import withhold

        stretches = self._stretches()
        if not stretches:
            self._say(_N("core", "Choose a range or some lines first."))
            return
        names = {Terms.OFF_THE_RECORD: _N("core", "off the record"), Terms.BACKGROUND: _N("core", "on background"),
                 None: _N("core", "on the record")}
        if self.workspace.edits.change_desk(translated(names[terms]), lambda desk: withhold(desk, stretches, terms)) \
                and terms is Terms.OFF_THE_RECORD:
            self.workspace.edits.reveal(False)
            self.workspace.tell(translated(_N(
                "core", "Off the record: hidden here, silent in everything that is sent, and in no export.")))

    def _stretches(self) -> list[TimeRange]:
        from desktop.model import TimeRange

        if self.workspace.range is not None:
            return [self.workspace.range]
        self.view.transcript.commit()
        rows = self.view.transcript.selected_rows()
        return [TimeRange(s.start, s.end) for row in rows if (s := self.workspace.segment(row)) is not None]

    def toggle_reveal(self) -> None:
        self.view.transcript.close_editor()
        self.workspace.edits.reveal(not self.workspace.edits.is_revealed)

    # -- listening -------------------------------------------------------------------------------------------

    def escape_play(self) -> None:
        """Play or pause; twice in a row goes back three seconds and plays."""
        player = self.workspace.player
        if time.monotonic() - self._last_escape < _BOTH:
            self._last_escape = 0.0
            player.play(max(0.0, player.position() - 3.0))
            return
        self._last_escape = time.monotonic()
        player.toggle()

    def play_around(self) -> None:
        """A little before and after the playhead, which then stands where it stood."""
        player = self.workspace.player
        place = player.position()
        player.play(max(0.0, place - _AROUND), until=place + _AROUND)

    def slow_repeat(self) -> None:
        """The last three seconds once more, slowly; the next press of play goes on as before."""
        player = self.workspace.player
        place = player.position()
        player.set_speed(_SLOW if player.speed > _SLOW else 1.0)
        if player.speed == _SLOW:
            player.play(max(0.0, place - 3.0))
