"""Starting the window: one instance, log, library, workspace, and what is done after the first paint."""

from __future__ import annotations

import faulthandler
import gc
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QProcess, QSettings, QTimer, QTranslator
from PySide6.QtWidgets import QApplication, QMessageBox, QStyleFactory

from desktop import environment, paths, settings
from desktop.api_key import ApiKey
from desktop.errors import LibraryError
from desktop.library import Library, upkeep
from desktop.library.store import LibraryDamaged
from desktop.model import Progress
from desktop.ui import theme
from desktop.ui.library_place_start import find_library, move
from desktop.ui.main_window import MainWindow
from desktop.ui.single_instance import SingleInstance
from desktop.ui.updating import open_library
from desktop.ui.words import PlainTextGuard, translated
from desktop.ui.workspace import Notice, Workspace

if TYPE_CHECKING:
    from desktop.ui.restore_dialog import Choice

_UPKEEP_AFTER = 3_000  # milliseconds; until then the window shows what it has
_OTHER_ENDS = 15.0  # seconds
_log = logging.getLogger("pullquote")


def run_window(arguments: list[str]) -> int:
    """Open the window; `arguments` are files and folders to import. Gives the exit code."""
    gc.disable()  # nothing becomes rubbish at the start; looking for it costs a twentieth of the time
    application = make_application()
    files = [str(Path(argument).absolute()) for argument in arguments if not argument.startswith("-")]
    folder = find_library()
    if folder is None:
        return 1
    instance = _only_one(paths.private_folder(folder), files)
    if isinstance(instance, int):
        return instance
    try:
        window = open_window(folder)
    except LibraryError as error:
        QMessageBox.critical(None, "Pullquote", translated(error.sentence))
        return 1
    if window is None:
        return 1
    instance.files_arrived.connect(lambda names: _arrived(window, names))
    window.painted.connect(lambda: complete_in_turns(window, files))
    window.show()
    code = application.exec()
    instance.stop_listening()
    end_work(window)
    window.workspace.library.close()
    if window.afterwards is not None:
        carry_out(folder, window.afterwards)
    if window.move_wanted is not None:
        move(folder, window.move_wanted)
    instance.close()
    if window.afterwards is not None or window.move_wanted is not None:
        start_again()
    return code


def _only_one(folder: Path, files: list[str]) -> SingleInstance | int:
    """Of the library, or the exit code: 0 when the one that runs has taken the files. One that ends is waited for."""
    end = time.monotonic() + _OTHER_ENDS
    while not (instance := SingleInstance(folder)).is_first:
        if instance.hand_over(files):
            return 0
        if time.monotonic() > end:
            return 1
        time.sleep(0.1)
    return instance


def open_window(folder: Path) -> MainWindow | None:
    """The window over the library in `folder`. When its database is damaged, the user chooses how to bring it back;
    None: not now. LibraryError when it cannot be opened for another reason.
    """
    while True:
        library = None
        try:
            library = open_library(folder, lambda: _apply_theme(settings.load(paths.settings_file()).theme))
            return make_window(library, complete=False)
        except LibraryDamaged as error:
            problem: str = error.sentence
        except Exception as error:  # a damaged row may make anything fail that reads it
            found = upkeep.problems(folder / paths.DATABASE) if library is not None else []
            if not found:
                raise
            problem = LibraryDamaged(folder, found[0]).sentence
            _log.error("damaged database: %s", type(error).__name__)
        if library is not None:
            library.close()
        if not bring_back(folder, problem):
            return None


def bring_back(folder: Path, problem: str) -> bool:
    """Let the user choose a backup, or to rebuild; False: neither."""
    from desktop.ui.restore_dialog import RestoreDialog

    _apply_theme(settings.load(paths.settings_file()).theme)
    dialog = RestoreDialog(folder, problem=problem, is_open=False)
    if not dialog.exec() or dialog.choice is None:
        return False
    carry_out(folder, dialog.choice)
    return True


def carry_out(folder: Path, choice: Choice) -> None:
    """Restore or rebuild; the dialog shows how far it is, and stays when there is something to say."""
    from desktop.ui.restore_dialog import CarryingOut

    CarryingOut(folder, choice).exec()


def start_again() -> None:
    """A new process: nothing of this one is left to write into a library that is another one now."""
    own = len(sys.orig_argv) - len(sys.argv) + 1  # without the files that were given
    QProcess.startDetached(sys.executable, [] if getattr(sys, "frozen", False) else sys.orig_argv[1:own])


def complete_in_turns(window: MainWindow, files: list[str]) -> None:
    """What the first paint did not wait for, in pieces so small that the window answers between them.

    What is loaded by then stays; frozen, it no longer costs the garbage collector 20 ms whenever a long transcript is
    read.
    """
    steps = [start_log, *window.steps_to_complete(), lambda: after_first_paint(window, files), gc.freeze, gc.enable]

    def next_step() -> None:
        steps.pop(0)()
        if steps:
            QTimer.singleShot(0, next_step)

    window.workspace.tasks.start(_load_libraries, done=lambda _: next_step(), failed=window.workspace.show_error)


def _load_libraries() -> None:
    """On a worker: imports that take longer than a frame."""
    import logging.handlers  # noqa: F401

    import numpy.ma  # noqa: F401  (the first percentile would load it in the middle of things)

    import desktop.audio.peaks
    import desktop.doubts
    import desktop.quoting  # noqa: F401


def end_work(window: MainWindow, patience: float = 2.5) -> None:
    """Wait a moment for the stopped workers, so that nothing is cut off in mid-sentence; never longer."""
    end = time.monotonic() + patience
    window.workspace.clear_remote(all_of_it=True)
    if window.upkeep is not None:
        window.upkeep.finish()
    while window.workspace.tasks.running and time.monotonic() < end:
        QCoreApplication.processEvents()
        time.sleep(0.01)


def make_application() -> QApplication:
    """The QApplication with style, guard against rich text, and Qt's own translations."""
    sys.setswitchinterval(0.001)  # a window event takes the interpreter's lock many times; 5 ms each would be felt
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    QCoreApplication.setApplicationName("Pullquote")
    application.setDesktopFileName("pullquote")
    if sys.platform != "darwin":
        application.setStyle(QStyleFactory.create("Fusion"))
    guard = PlainTextGuard(application)
    application.installEventFilter(guard)
    translator = QTranslator(application)
    if translator.load(QLocale(), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(translator)
    return application


def make_window(library: Library, key: ApiKey | None = None, *, complete: bool = True) -> MainWindow:
    """Workspace and window over an open library; `complete` later is for a quick first paint."""
    chosen = settings.load(paths.settings_file())
    application = _apply_theme(chosen.theme)
    workspace = Workspace(library, paths.cache_folder(), chosen, paths.settings_file(), key or ApiKey(),
                          environment.service_url())
    geometry = QSettings(str(paths.settings_file().with_name("window.ini")), QSettings.Format.IniFormat)
    window = MainWindow(workspace, geometry)
    if complete:
        window.complete()
    application.styleHints().colorSchemeChanged.connect(
        lambda _: theme.apply(application, workspace.settings.theme) if workspace.settings.theme == "system" else None)
    return window


def _apply_theme(name: str) -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    theme.apply(application, name)
    return application


def after_first_paint(window: MainWindow, files: list[str]) -> None:
    """What can wait: leftovers, the sample, the key, files given on the command line."""
    from desktop.ui.upkeep import Upkeep

    workspace = window.workspace
    window.upkeep = Upkeep(window)
    QTimer.singleShot(_UPKEEP_AFTER, window.upkeep, window.upkeep.start)
    if workspace.library.read_only_because:
        workspace.noticed.emit(Notice(workspace.library.read_only_because, is_error=True))
    elif not workspace.settings.sample_offered:
        workspace.tasks.start(_tidy_and_sample, workspace.library, workspace.cache, pass_report=True,
                              done=lambda _: _sample_added(window), failed=workspace.show_error)
    else:
        workspace.tasks.start(_tidy, workspace.library, workspace.cache, workspace.settings.cache_gigabytes,
                              done=lambda _: _tidied(window, bool(files)), failed=workspace.show_error)
    workspace.read_key()
    window.import_paths([Path(name) for name in files])


def start_log() -> None:
    """Codes and numbers into a rotating file; never words of an interview, never a key."""
    from logging.handlers import RotatingFileHandler

    file = paths.log_file()
    paths.private_folder(file.parent)
    handler = RotatingFileHandler(file, maxBytes=500_000, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    for noisy in ("google", "google_genai", "httpx", "httpx2", "httpcore", "keyring", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    sys.excepthook = _log_exception
    threading.excepthook = lambda args: _log_frames(args.exc_type, args.exc_traceback)
    faulthandler.enable(open(file.with_name("crash.log"), "a"))  # noqa: SIM115 - stays open as long as the program


def _log_frames(kind: type[BaseException], trace: TracebackType | None) -> None:
    """Type, code and frames; the text of an exception may hold words or a key."""
    frames = []
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    _log.error("bug: %s at %s", kind.__name__, " < ".join(reversed(frames)))


def _log_exception(kind: type[BaseException], value: BaseException | None, trace: TracebackType | None) -> None:
    _log_frames(kind, trace)
    for window in QApplication.topLevelWidgets():
        if isinstance(window, MainWindow):
            window.workspace.noticed.emit(Notice(window.tr(
                "Something went wrong inside Pullquote ({name}). Nothing was lost; the log says where.").format(
                    name=kind.__name__), is_error=True))


def _arrived(window: MainWindow, names: list[str]) -> None:
    window.setWindowState(window.windowState() & ~window.windowState().WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
    window.import_paths([Path(name) for name in names])


def _tidied(window: MainWindow, has_files: bool) -> None:
    workspace = window.workspace
    workspace.library_changed.emit()
    recordings = workspace.library.recordings()
    if recordings and not has_files and workspace.recording is None:
        last = next((r for r in recordings if r.id == window.last_recording()), recordings[0])
        workspace.open(last)
    if not workspace.library.read_only_because:
        window.offer_leftovers()
        window.look_after_folders()


def _tidy(library: Library, cache: Path, gigabytes: float) -> None:
    """On a worker: leftovers, and the imports that the first recording and the first sound would wait for."""
    import PySide6.QtMultimedia  # noqa: F401

    import desktop.audio.playback  # noqa: F401
    from desktop.importing import sweep, trim_cache
    from desktop.moving import settle
    from desktop.sending import sweep as sweep_ledger

    if not library.read_only_because:
        settle(library.folder)
        library.pause_running_jobs()
        sweep_ledger(library)
        sweep(library, cache)
    trim_cache(cache, int(gigabytes * 1e9), keep=())


def _tidy_and_sample(library: Library, cache: Path, report: Callable[[Progress], None]) -> None:
    from desktop.sample import add_sample

    _tidy(library, cache, 20.0)
    add_sample(library, cache, report)


def _sample_added(window: MainWindow) -> None:
    workspace = window.workspace
    workspace.change_settings(sample_offered=True)
    workspace.library_changed.emit()
    recordings = workspace.library.recordings()
    if workspace.recording is None and recordings and all(item.error for item in workspace.imports.items):
        workspace.open(recordings[0])
