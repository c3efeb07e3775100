"""The action table: the one source of menus, shortcuts, tooltips and the `?` sheet."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence

from desktop.sentences import QT_TRANSLATE_NOOP

Keys = tuple[str | QKeySequence.StandardKey, ...]


@dataclass(frozen=True)
class Entry:
    """One action: `verb` is a method of MainWindow; `typing_safe` keys work while the caret is in a text.

    `plain_keys` are single keys that only act when nobody types.
    """

    name: str
    menu: str
    text: str
    verb: str
    keys: Keys = ()
    plain_keys: tuple[str, ...] = ()
    icon: str = ""
    role: QAction.MenuRole = QAction.MenuRole.NoRole
    separator: bool = False


MENUS = ("File", "Edit", "Recording", "Transcript", "Playback", "View", "Help")
MENU_TITLES = {
    "File": QT_TRANSLATE_NOOP("actions", "&File"), "Edit": QT_TRANSLATE_NOOP("actions", "&Edit"),
    "Recording": QT_TRANSLATE_NOOP("actions", "&Recording"), "Transcript": QT_TRANSLATE_NOOP("actions", "&Transcript"),
    "Playback": QT_TRANSLATE_NOOP("actions", "&Playback"), "View": QT_TRANSLATE_NOOP("actions", "&View"),
    "Help": QT_TRANSLATE_NOOP("actions", "&Help"),
}

ACTIONS: tuple[Entry, ...] = (
    Entry("import", "File", QT_TRANSLATE_NOOP("actions", "&Import files…"), "import_files",
          (QKeySequence.StandardKey.Open,), icon="upload"),
    Entry("import_folder", "File", QT_TRANSLATE_NOOP("actions", "Import f&older…"), "import_folder"),
    Entry("add_video", "File", QT_TRANSLATE_NOOP("actions", "Add &YouTube address…"), "add_video"),
    Entry("export", "File", QT_TRANSLATE_NOOP("actions", "&Export transcript…"), "export_transcript",
          ("Ctrl+Shift+E",), icon="download", separator=True),
    Entry("quit", "File", QT_TRANSLATE_NOOP("actions", "&Quit"), "close", (QKeySequence.StandardKey.Quit,),
          role=QAction.MenuRole.QuitRole, separator=True),
    Entry("copy", "Edit", QT_TRANSLATE_NOOP("actions", "&Copy selected lines"), "copy_selection",
          (QKeySequence.StandardKey.Copy,)),
    Entry("settings", "Edit", QT_TRANSLATE_NOOP("actions", "&Settings…"), "open_settings", ("Ctrl+,",),
          role=QAction.MenuRole.PreferencesRole, icon="settings", separator=True),
    Entry("transcribe", "Recording", QT_TRANSLATE_NOOP("actions", "&Transcribe…"), "transcribe", ("Ctrl+T",),
          icon="wand-sparkles"),
    Entry("transcribe_range", "Recording", QT_TRANSLATE_NOOP("actions", "Transcribe &range…"), "transcribe_range",
          ("Ctrl+Shift+T",)),
    Entry("continue", "Recording", QT_TRANSLATE_NOOP("actions", "&Continue with the missing parts"), "continue_job"),
    Entry("hear_again", "Recording", QT_TRANSLATE_NOOP("actions", "&Hear this again…"), "hear_again",
          ("Ctrl+Shift+R",)),
    Entry("ask", "Recording", QT_TRANSLATE_NOOP("actions", "&Ask about this recording"), "ask", ("Ctrl+Shift+A",)),
    Entry("vocabulary", "Recording", QT_TRANSLATE_NOOP("actions", "Names and t&erms…"), "edit_vocabulary"),
    Entry("rename", "Recording", QT_TRANSLATE_NOOP("actions", "Re&name recording…"), "rename_recording",
          separator=True),
    Entry("remove", "Recording", QT_TRANSLATE_NOOP("actions", "Re&move recording…"), "remove_recording",
          icon="trash-2"),
    Entry("rename_speaker", "Transcript", QT_TRANSLATE_NOOP("actions", "Rename &speaker everywhere…"),
          "rename_speaker", ("F2",)),
    Entry("translate", "Transcript", QT_TRANSLATE_NOOP("actions", "&Translate…"), "translate"),
    Entry("remove_transcript", "Transcript", QT_TRANSLATE_NOOP("actions", "Remove this &transcript…"),
          "remove_transcript"),
    Entry("play", "Playback", QT_TRANSLATE_NOOP("actions", "&Play or pause"), "toggle_play",
          ("Ctrl+Space", "Esc"), plain_keys=("Space", "K"), icon="play"),
    Entry("back", "Playback", QT_TRANSLATE_NOOP("actions", "&Back 3 seconds"), "back", ("F7", "Alt+J"),
          icon="rewind"),
    Entry("forward", "Playback", QT_TRANSLATE_NOOP("actions", "&Forward 3 seconds"), "forward", ("F8", "Alt+L"),
          icon="fast-forward"),
    Entry("slower", "Playback", QT_TRANSLATE_NOOP("actions", "&Slower"), "slower", ("F3",), separator=True),
    Entry("faster", "Playback", QT_TRANSLATE_NOOP("actions", "F&aster"), "faster", ("F4",)),
    Entry("normal_speed", "Playback", QT_TRANSLATE_NOOP("actions", "&Normal speed"), "normal_speed", ("Shift+F4",)),
    Entry("play_segment", "Playback", QT_TRANSLATE_NOOP("actions", "Play this se&gment"), "play_segment", ("F5",),
          separator=True),
    Entry("loop", "Playback", QT_TRANSLATE_NOOP("actions", "&Loop the range"), "toggle_loop", ("Shift+F5",),
          icon="repeat"),
    Entry("previous", "Playback", QT_TRANSLATE_NOOP("actions", "Pre&vious segment"), "previous_segment", ("Alt+Up",)),
    Entry("next", "Playback", QT_TRANSLATE_NOOP("actions", "Ne&xt segment"), "next_segment", ("Alt+Down",)),
    Entry("go_to_time", "Playback", QT_TRANSLATE_NOOP("actions", "Go to &time…"), "go_to_time", ("Ctrl+K",),
          separator=True),
    Entry("follow", "Playback", QT_TRANSLATE_NOOP("actions", "Go to the playing li&ne"), "follow_playing", ("Ctrl+G",)),
    Entry("range_start", "Playback", QT_TRANSLATE_NOOP("actions", "Range starts &here"), "set_range_start",
          plain_keys=("[",), separator=True),
    Entry("range_end", "Playback", QT_TRANSLATE_NOOP("actions", "Range &ends here"), "set_range_end",
          plain_keys=("]",)),
    Entry("play_range", "Playback", QT_TRANSLATE_NOOP("actions", "Pla&y range"), "play_range", ("Ctrl+F5",)),
    Entry("clear_range", "Playback", QT_TRANSLATE_NOOP("actions", "&Clear range"), "clear_range", ("Ctrl+Shift+X",)),
    Entry("zoom_in", "View", QT_TRANSLATE_NOOP("actions", "Zoom &in"), "zoom_in", (QKeySequence.StandardKey.ZoomIn,),
          icon="zoom-in"),
    Entry("zoom_out", "View", QT_TRANSLATE_NOOP("actions", "Zoom &out"), "zoom_out",
          (QKeySequence.StandardKey.ZoomOut,), icon="zoom-out"),
    Entry("zoom_all", "View", QT_TRANSLATE_NOOP("actions", "Show the &whole recording"), "zoom_all", ("Ctrl+0",),
          icon="maximize-2"),
    Entry("zoom_range", "View", QT_TRANSLATE_NOOP("actions", "Zoom to the &range"), "zoom_range", ("Ctrl+R",)),
    Entry("full_screen", "View", QT_TRANSLATE_NOOP("actions", "&Full screen"), "toggle_full_screen", ("F11",),
          separator=True),
    Entry("shortcuts", "Help", QT_TRANSLATE_NOOP("actions", "&Keyboard shortcuts"), "show_shortcuts",
          ("F1", "Ctrl+?"), plain_keys=("?",)),
    Entry("privacy", "Help", QT_TRANSLATE_NOOP("actions", "&Privacy: what leaves this computer"), "show_privacy",
          icon="shield"),
    Entry("changes", "Help", QT_TRANSLATE_NOOP("actions", "What is &new"), "show_changes"),
    Entry("about", "Help", QT_TRANSLATE_NOOP("actions", "&About Pullquote"), "show_about",
          role=QAction.MenuRole.AboutRole, separator=True),
)
BY_NAME = {entry.name: entry for entry in ACTIONS}


def text_of(entry: Entry) -> str:
    """The action's text without the menu's & and …"""
    return QCoreApplication.translate("actions", entry.text).replace("&", "").rstrip("…")


def key_labels(entry: Entry) -> list[str]:
    """All its keys as this platform writes them."""
    native = QKeySequence.SequenceFormat.NativeText
    labels = [QKeySequence(key).toString(native) for key in (*entry.plain_keys, *entry.keys)]
    return [label for label in labels if label]  # not every platform has a key for every standard action


def tool_tip(entry: Entry) -> str:
    """Text and first key."""
    keys = key_labels(entry)
    return f"{text_of(entry)} ({keys[0]})" if keys else text_of(entry)
