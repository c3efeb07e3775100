"""What the menus do with the chosen recordings: rename, project, tags, protection, checked, bin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMenu, QWidget

from desktop.cleaning import clean_name
from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.ui.words import sure, translated

if TYPE_CHECKING:
    from desktop.model import Recording
    from desktop.ui.library_panel import LibraryPanel
    from desktop.ui.workspace import Workspace

_N = QT_TRANSLATE_NOOP
_ON_LISTED = ("project", "tags", "protection", "check_recording", "remove")
_IN_BIN = ("put_back", "remove_for_ever")


class LibraryMenus:
    """A part of the main window. What is chosen in the list is meant, else the open recording."""

    workspace: Workspace
    library_panel: LibraryPanel
    actions_by_name: dict[str, QAction]
    _open_id = 0  # of the recording that was open when the rules were last shown

    def chosen_recordings(self) -> list[Recording]:
        """What the actions act on."""
        chosen, recording = self.library_panel.chosen(), self.workspace.recording
        return chosen or ([recording] if recording is not None and not self._in_bin else [])

    @property
    def _in_bin(self) -> bool:
        return self.library_panel.is_bin

    def library_rules(self) -> dict[str, bool]:
        """Which of these actions make sense now."""
        chosen, in_bin = self.chosen_recordings(), self._in_bin
        can_write = not self.workspace.library.read_only_because
        return {"rename": len(chosen) == 1 and not in_bin and can_write,
                **dict.fromkeys(_ON_LISTED, bool(chosen) and not in_bin and can_write),
                **dict.fromkeys(_IN_BIN, bool(chosen) and in_bin and can_write),
                "empty_bin": bool(self.library_panel.shelf.binned) and can_write}

    def show_library_rules(self) -> None:
        """Enable them; the entry of “checked” says what it would do."""
        self._leave_bin()
        for name, rule in self.library_rules().items():
            self.actions_by_name[name].setEnabled(rule)
        self.actions_by_name["check_recording"].setText(
            _t(_N("core", "Mark as not checked")) if self._are_checked() else _t(_N("core", "Mark as chec&ked")))

    def _leave_bin(self) -> None:
        """What is opened while the bin is listed, such as what an import took back, is not in it: list all."""
        recording = self.workspace.recording
        before, self._open_id = self._open_id, recording.id if recording is not None else 0
        if self._open_id not in (0, before) and self._in_bin:
            self.library_panel.show_all()

    def _are_checked(self) -> bool:
        chosen = self.chosen_recordings()
        return bool(chosen) and all(recording.is_checked for recording in chosen)

    # -- menus -----------------------------------------------------------------------------------------------

    def show_library_menu(self, point: QPoint) -> None:
        """The context menu of the list."""
        if self.chosen_recordings() or self._in_bin:
            self.library_menu().popup(point)

    def library_menu(self) -> QMenu:
        """All that can be done with what is chosen."""
        menu, actions = self._menu(""), self.actions_by_name
        if self._in_bin:
            menu.addAction(actions["put_back"])
            self._add_with_key(menu, "remove_for_ever", Qt.Key.Key_Delete)
            menu.addAction(actions["empty_bin"])
            return menu
        self._add_with_key(menu, "rename", Qt.Key.Key_F2)
        for made in (self.project_menu(), self.tags_menu(), self.protection_menu()):
            menu.addMenu(made)
        menu.addAction(actions["check_recording"])
        menu.addSeparator()
        self._add_with_key(menu, "remove", Qt.Key.Key_Delete)
        return menu

    def _add_with_key(self, menu: QMenu, name: str, key: Qt.Key) -> None:
        """An action with the key that it has in the list only."""
        action = self.actions_by_name[name]
        text = f"{action.text()}\t{QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)}"
        menu.addAction(action.icon(), text, action.trigger).setEnabled(action.isEnabled())

    def project_menu(self) -> QMenu:
        """Each project, none, a new one; and the chosen one's name."""
        from desktop.ui.library_order import folded

        menu, chosen, shelf = self._menu(_t(_N("core", "&Project"))), self.chosen_recordings(), self.library_panel.shelf
        here = {shelf.project(recording) for recording in chosen}
        for name in ("", *sorted(shelf.projects.values(), key=folded)):
            self._add(menu, name or _t(_N("core", "No project")), partial(self.workspace.put_in_project, chosen, name),
                      here == {name})
        menu.addSeparator()
        self._add(menu, _t(_N("core", "New project…")), partial(self._new_project, chosen))
        if len(here) == 1 and (name := here.pop()):
            self._add(menu, _t(_N("core", "Rename “{name}”…")).format(name=name), partial(self._rename_project, name))
            self._add(menu, _t(_N("core", "Remove “{name}”…")).format(name=name), partial(self._remove_project, name))
        return menu

    def tags_menu(self) -> QMenu:
        """Each tag, ticked when all that is chosen has it; and a new one."""
        menu, chosen = self._menu(_t(_N("core", "&Tags"))), self.chosen_recordings()
        for tag in self.library_panel.shelf.tags:
            all_have = bool(chosen) and all(tag in recording.tags for recording in chosen)
            verb = partial(self.workspace.change_tags, chosen, **{"remove" if all_have else "add": [tag]})
            self._add(menu, tag, verb, all_have)
        menu.addSeparator()
        self._add(menu, _t(_N("core", "New tag…")), partial(self._new_tag, chosen))
        return menu

    def protection_menu(self) -> QMenu:
        """The three levels."""
        from desktop.model import Protection

        levels = {Protection.NEVER: _N("core", "Never upload"), Protection.ASK: _N("core", "Ask each time"),
                  Protection.MAY: _N("core", "May be sent")}
        menu, chosen = self._menu(_t(_N("core", "May &leave this computer"))), self.chosen_recordings()
        here = {recording.protection for recording in chosen}
        for level, text in levels.items():
            self._add(menu, _t(text), partial(self.workspace.protect, chosen, level), here == {level})
        return menu

    def _menu(self, title: str) -> QMenu:
        assert isinstance(self, QWidget)
        menu = QMenu(title, self)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _add(self, menu: QMenu, text: str, verb: Callable[[], object], is_ticked: bool | None = None) -> None:
        action = menu.addAction(text.replace("&", "&&") if is_ticked is not None else text)
        action.setCheckable(is_ticked is not None)
        action.setChecked(bool(is_ticked))
        action.triggered.connect(lambda _=False: verb())

    def choose_project(self) -> None:
        self.project_menu().popup(self._beside_chosen())

    def choose_tags(self) -> None:
        self.tags_menu().popup(self._beside_chosen())

    def choose_protection(self) -> None:
        self.protection_menu().popup(self._beside_chosen())

    def _beside_chosen(self) -> QPoint:
        """Below the current row, on the screen: the pointer may be anywhere when a key was pressed."""
        panel = self.library_panel
        index, viewport = panel.view.currentIndex(), panel.view.viewport()
        if not panel.chosen() or not index.isValid() or not panel.view.isVisible():
            return panel.mapToGlobal(panel.rect().center())
        panel.view.scrollTo(index)
        return viewport.mapToGlobal(panel.view.visualRect(index).bottomLeft())

    # -- verbs -----------------------------------------------------------------------------------------------

    def rename_recording(self) -> None:
        for recording in self.chosen_recordings()[:1]:
            title = self._ask(_N("core", "Rename recording"), _N("core", "Title"), recording.title)
            if title:
                self.workspace.rename_recording(recording.id, title)

    def check_recordings(self) -> None:
        """Checked, or not checked when all of them are."""
        self.workspace.check(self.chosen_recordings(), not self._are_checked())

    def bin_recordings(self) -> None:
        """Without asking: it can be put back for 30 days."""
        self.workspace.put_in_bin(self.chosen_recordings())

    def put_back(self) -> None:
        self.workspace.take_back(self.chosen_recordings())

    def remove_for_ever(self) -> None:
        self._remove(self.chosen_recordings())

    def empty_bin(self) -> None:
        self._remove(list(self.library_panel.shelf.binned))

    def filter_library(self) -> None:
        """Ready to type."""
        self.library_panel.filter.setFocus()
        self.library_panel.filter.selectAll()

    def _remove(self, recordings: list[Recording]) -> None:
        from desktop.backups import KEPT_DAYS

        assert isinstance(self, QWidget)
        if not recordings:
            return
        what = _t(_N("core", "“{title}”")).format(title=recordings[0].title) if len(recordings) == 1 else _t(
            _N("core", "{count} recordings")).format(count=len(recordings))
        if sure(self, _t(_N("core", "Remove for ever")), _t(_N(
                "core", "Remove {what} for ever? The sound, the transcripts and everything noted about them are "
                "deleted, and the words are wiped from the library. This cannot be taken back.\n\nThe files that you "
                "imported stay where they are. Backups of the library and databases that were put aside still hold the "
                "words until newer backups replace them: at most for {days} days on which you work with Pullquote. "
                "Backups of this disk may hold them longer, and an SSD may keep traces that no program can "
                "wipe.")).format(what=what, days=KEPT_DAYS), _t(_N("core", "Remove for ever"))):
            self.workspace.remove_for_ever(recordings)

    def _new_project(self, chosen: list[Recording]) -> None:
        name = self._ask(_N("core", "New project"), _N("core", "Name of the project"))
        if name:
            self.workspace.put_in_project(chosen, name)

    def _rename_project(self, old: str) -> None:
        name = self._ask(_N("core", "Rename project"), _N("core", "Name of the project"), old)
        if name and name != old:
            self.workspace.rename_project(old, name)

    def _remove_project(self, name: str) -> None:
        assert isinstance(self, QWidget)
        if sure(self, _t(_N("core", "Remove project")), _t(_N(
                "core", "Remove the project “{name}” with its list of names and terms? Its recordings stay in the "
                "library, without a project.")).format(name=name), _t(_N("core", "Remove"))):
            self.workspace.remove_project(name)

    def _new_tag(self, chosen: list[Recording]) -> None:
        name = self._ask(_N("core", "New tag"), _N("core", "Tag"))
        if name:
            self.workspace.change_tags(chosen, add=[name])

    def _ask(self, title: str, question: str, text: str = "") -> str:
        assert isinstance(self, QWidget)
        answer, fine = QInputDialog.getText(self, _t(title), _t(question), QLineEdit.EchoMode.Normal, text)
        return clean_name(answer) if fine else ""


def _t(text: str) -> str:
    return translated(text)
