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


MENUS = ("File", "Edit", "Recording", "Transcript", "Speaker", "Playback", "View", "Help")
MENU_TITLES = {
    "File": QT_TRANSLATE_NOOP("actions", "&File"), "Edit": QT_TRANSLATE_NOOP("actions", "&Edit"),
    "Recording": QT_TRANSLATE_NOOP("actions", "&Recording"), "Transcript": QT_TRANSLATE_NOOP("actions", "&Transcript"),
    "Speaker": QT_TRANSLATE_NOOP("actions", "&Speaker"), "Playback": QT_TRANSLATE_NOOP("actions", "&Playback"),
    "View": QT_TRANSLATE_NOOP("actions", "&View"),
    "Help": QT_TRANSLATE_NOOP("actions", "&Help"),
}

ACTIONS: tuple[Entry, ...] = (
    Entry("import", "File", QT_TRANSLATE_NOOP("actions", "&Import files…"), "import_files",
          (QKeySequence.StandardKey.Open,), icon="upload"),
    Entry("import_folder", "File", QT_TRANSLATE_NOOP("actions", "Import f&older…"), "import_folder"),
    Entry("import_archive", "File", QT_TRANSLATE_NOOP("actions", "Import a &whole archive…"), "import_archive"),
    Entry("add_video", "File", QT_TRANSLATE_NOOP("actions", "Add &YouTube address…"), "add_video"),
    Entry("export", "File", QT_TRANSLATE_NOOP("actions", "&Export transcript…"), "export_transcript",
          ("Ctrl+Shift+E",), icon="download", separator=True),
    Entry("backups", "File", QT_TRANSLATE_NOOP("actions", "&Backups…"), "show_backups", separator=True),
    Entry("library_folder", "File", QT_TRANSLATE_NOOP("actions", "&Library folder…"), "show_library_folder",
          separator=True),
    Entry("quit", "File", QT_TRANSLATE_NOOP("actions", "&Quit"), "close", (QKeySequence.StandardKey.Quit,),
          role=QAction.MenuRole.QuitRole, separator=True),
    Entry("undo", "Edit", QT_TRANSLATE_NOOP("actions", "&Undo"), "undo", (QKeySequence.StandardKey.Undo,)),
    Entry("redo", "Edit", QT_TRANSLATE_NOOP("actions", "&Redo"), "redo", ("Ctrl+Y", "Ctrl+Shift+Z")),
    Entry("copy", "Edit", QT_TRANSLATE_NOOP("actions", "&Copy selected lines"), "copy_selection",
          (QKeySequence.StandardKey.Copy,), separator=True),
    Entry("find", "Edit", QT_TRANSLATE_NOOP("actions", "&Find…"), "find", (QKeySequence.StandardKey.Find,),
          separator=True),
    Entry("replace", "Edit", QT_TRANSLATE_NOOP("actions", "R&eplace…"), "find_and_replace", ("Ctrl+H",)),
    Entry("search", "Edit", QT_TRANSLATE_NOOP("actions", "Search e&verything…"), "search_everything",
          ("Ctrl+Shift+F",)),
    Entry("filter_library", "Edit", QT_TRANSLATE_NOOP("actions", "Fi&lter the library"), "filter_library",
          ("Ctrl+Shift+L",)),
    Entry("settings", "Edit", QT_TRANSLATE_NOOP("actions", "&Settings…"), "open_settings", ("Ctrl+,",),
          role=QAction.MenuRole.PreferencesRole, icon="settings", separator=True),
    Entry("record", "Recording", QT_TRANSLATE_NOOP("actions", "Rec&ord…"), "record", ("Ctrl+N",), icon="mic"),
    Entry("record_pause", "Recording", QT_TRANSLATE_NOOP("actions", "&Pause recording, or go on"), "record_pause",
          ("Ctrl+Shift+P",)),
    Entry("record_off", "Recording", QT_TRANSLATE_NOOP("actions", "Recording: o&ff the record from here, or on again"),
          "record_off", ("Ctrl+Alt+O",)),
    Entry("record_stop", "Recording", QT_TRANSLATE_NOOP("actions", "&Stop recording and keep it"), "record_stop",
          ("Ctrl+Shift+S",)),
    Entry("recover", "Recording", QT_TRANSLATE_NOOP("actions", "Recordings to reco&ver…"), "recover"),
    Entry("transcribe", "Recording", QT_TRANSLATE_NOOP("actions", "&Transcribe…"), "transcribe", ("Ctrl+T",),
          icon="wand-sparkles", separator=True),
    Entry("transcribe_range", "Recording", QT_TRANSLATE_NOOP("actions", "Transcribe &range…"), "transcribe_range",
          ("Ctrl+Shift+T",)),
    Entry("continue", "Recording", QT_TRANSLATE_NOOP("actions", "&Continue with the missing parts"), "continue_job"),
    Entry("hear_again", "Recording", QT_TRANSLATE_NOOP("actions", "&Hear this again…"), "hear_again",
          ("Ctrl+Shift+R",)),
    Entry("ask", "Recording", QT_TRANSLATE_NOOP("actions", "&Ask about this recording"), "ask", ("Ctrl+Shift+A",)),
    Entry("vocabulary", "Recording", QT_TRANSLATE_NOOP("actions", "Names and t&erms…"), "edit_vocabulary"),
    Entry("rename", "Recording", QT_TRANSLATE_NOOP("actions", "Re&name recording…"), "rename_recording",
          separator=True),
    Entry("project", "Recording", QT_TRANSLATE_NOOP("actions", "Put in a pro&ject…"), "choose_project"),
    Entry("tags", "Recording", QT_TRANSLATE_NOOP("actions", "Ta&gs…"), "choose_tags"),
    Entry("protection", "Recording", QT_TRANSLATE_NOOP("actions", "May &leave this computer…"), "choose_protection"),
    Entry("check_recording", "Recording", QT_TRANSLATE_NOOP("actions", "Mark as chec&ked"), "check_recordings"),
    Entry("remove", "Recording", QT_TRANSLATE_NOOP("actions", "&Move to the bin"), "bin_recordings", icon="trash-2"),
    Entry("put_back", "Recording", QT_TRANSLATE_NOOP("actions", "Put &back from the bin"), "put_back", separator=True),
    Entry("remove_for_ever", "Recording", QT_TRANSLATE_NOOP("actions", "Remove for e&ver…"), "remove_for_ever"),
    Entry("empty_bin", "Recording", QT_TRANSLATE_NOOP("actions", "Empt&y the bin…"), "empty_bin"),
    Entry("edit_line", "Transcript", QT_TRANSLATE_NOOP("actions", "&Edit this line"), "edit_line", ("Alt+Return",)),
    Entry("split_line", "Transcript", QT_TRANSLATE_NOOP("actions", "S&plit at the caret"), "split_line",
          ("Ctrl+Return",)),
    Entry("merge_previous", "Transcript", QT_TRANSLATE_NOOP("actions", "Merge with the pre&vious line"),
          "merge_previous", ("Ctrl+Backspace",)),
    Entry("merge_next", "Transcript", QT_TRANSLATE_NOOP("actions", "Merge with the ne&xt line"), "merge_next",
          ("Ctrl+Shift+M",)),
    Entry("insert_line", "Transcript", QT_TRANSLATE_NOOP("actions", "&Insert a line"), "insert_line",
          ("Ctrl+Shift+Return",)),
    Entry("delete_lines", "Transcript", QT_TRANSLATE_NOOP("actions", "&Delete lines"), "delete_lines",
          ("Ctrl+Shift+Del",)),
    Entry("insert_timecode", "Transcript", QT_TRANSLATE_NOOP("actions", "Insert ti&mecode"), "insert_timecode",
          ("Ctrl+J",), separator=True),
    Entry("mark_unclear", "Transcript", QT_TRANSLATE_NOOP("actions", "Mark as &unclear"), "mark_unclear", ("Alt+2",)),
    Entry("check_lines", "Transcript", QT_TRANSLATE_NOOP("actions", "Heard and ri&ght"), "check_lines", ("F9",)),
    Entry("review", "Transcript", QT_TRANSLATE_NOOP("actions", "&Review doubtful lines"), "review", ("F12",)),
    Entry("save_quote", "Transcript", QT_TRANSLATE_NOOP("actions", "Save as &quote"), "save_quote", ("Ctrl+B",),
          separator=True),
    Entry("quote_check", "Transcript", QT_TRANSLATE_NOOP("actions", "&Check the quotes of a draft…"), "check_quotes",
          ("Ctrl+Shift+K",)),
    Entry("off_record", "Transcript", QT_TRANSLATE_NOOP("actions", "&Off the record"), "off_the_record",
          ("Ctrl+Shift+O",), separator=True),
    Entry("background", "Transcript", QT_TRANSLATE_NOOP("actions", "On &background: no name"), "on_background",
          ("Ctrl+Shift+B",)),
    Entry("on_record", "Transcript", QT_TRANSLATE_NOOP("actions", "O&n the record again"), "on_the_record"),
    Entry("reveal", "Transcript", QT_TRANSLATE_NOOP("actions", "Re&veal or hide what is off the record"),
          "toggle_reveal"),
    Entry("translate", "Transcript", QT_TRANSLATE_NOOP("actions", "&Translate…"), "translate", separator=True),
    Entry("versions", "Transcript", QT_TRANSLATE_NOOP("actions", "&Earlier versions…"), "show_versions"),
    Entry("import_transcript", "Transcript", QT_TRANSLATE_NOOP("actions", "Import a transcript &file…"),
          "import_transcript"),
    Entry("remove_transcript", "Transcript", QT_TRANSLATE_NOOP("actions", "Remove this transcri&pt…"),
          "remove_transcript"),
    Entry("rename_speaker", "Speaker", QT_TRANSLATE_NOOP("actions", "&Rename everywhere…"), "rename_speaker", ("F2",)),
    *(Entry(f"speaker_{number}", "Speaker", QT_TRANSLATE_NOOP("actions", "Speaker of these lines: number {number}"),
            f"speaker_{number}", (f"Ctrl+{number}",), separator=number == 1) for number in range(1, 10)),
    Entry("new_speaker", "Speaker", QT_TRANSLATE_NOOP("actions", "These lines: a &new speaker"), "new_speaker",
          separator=True),
    Entry("part_speaker", "Speaker", QT_TRANSLATE_NOOP("actions", "From this line on: &somebody else"),
          "part_speaker"),
    Entry("play", "Playback", QT_TRANSLATE_NOOP("actions", "&Play or pause"), "toggle_play",
          ("Ctrl+Space",), plain_keys=("Space", "K"), icon="play"),
    Entry("play_or_back", "Playback", QT_TRANSLATE_NOOP("actions", "Play or pause; twice: &back 3 seconds"),
          "escape_play", ("Esc",)),
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
    Entry("play_around", "Playback", QT_TRANSLATE_NOOP("actions", "Play &around the playhead"), "play_around",
          ("Alt+K",)),
    Entry("slow_repeat", "Playback", QT_TRANSLATE_NOOP("actions", "Once more, slo&wly"), "slow_repeat", ("F6",)),
    Entry("mark", "Playback", QT_TRANSLATE_NOOP("actions", "Set a &mark"), "add_mark", ("Ctrl+M",),
          plain_keys=("M",)),
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


def menu_text(entry: Entry) -> str:
    """The action's text as the menu has it."""
    return QCoreApplication.translate("actions", entry.text).replace("{number}", entry.name.rpartition("_")[2])


def text_of(entry: Entry) -> str:
    """The action's text without the menu's & and …"""
    return menu_text(entry).replace("&", "").rstrip("…")


def default_keys(entry: Entry) -> list[QKeySequence]:
    """The keys as delivered, as this platform has them."""
    return [key for item in entry.keys if not (key := QKeySequence(item)).isEmpty()]


def _own_keys(keys: tuple[str, ...]) -> dict[str, list[QKeySequence]]:
    """The user's own keys by action; what cannot be read is left out."""
    found = {}
    for line in keys:
        name, _, rest = line.partition("=")
        if name in BY_NAME:
            found[name] = [key for text in rest.split(";") if not (key := QKeySequence(text)).isEmpty()]
    return found


def is_rebound(keys: tuple[str, ...], name: str) -> bool:
    """Whether the user gave an action keys of their own."""
    return name in _own_keys(keys)


def rebound(keys: tuple[str, ...], name: str, new: list[QKeySequence] | None) -> tuple[str, ...]:
    """The setting with other keys for an action; None: as delivered."""
    own = _own_keys(keys)
    own.pop(name, None)
    if new is not None:
        own[name] = new
    portable = QKeySequence.SequenceFormat.PortableText
    return tuple(f"{action}={';'.join(key.toString(portable) for key in sequence)}" for action, sequence in own.items())


def apply_keys(made: dict[str, QAction], keys: tuple[str, ...]) -> None:
    """Give every action its keys, and its tooltip."""
    own = _own_keys(keys)
    for name, action in made.items():
        entry = BY_NAME[name]
        action.setShortcuts(own.get(name, default_keys(entry)))
        first = next((key.toString(QKeySequence.SequenceFormat.NativeText) for key in (
            *(QKeySequence(key) for key in entry.plain_keys), *action.shortcuts())), "")
        action.setToolTip(f"{text_of(entry)} ({first})" if first else text_of(entry))
