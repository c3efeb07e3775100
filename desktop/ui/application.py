"""Starting the window: its frame is painted before anything else is loaded; then library, workspace, and the rest.

What is imported here is waited for by everybody who starts the program; see benchmarks/start.py.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QSettings, QTimer, QTranslator
from PySide6.QtWidgets import QApplication

from desktop import environment, paths, places, settings
from desktop.errors import LibraryError, PullquoteError
from desktop.ui import theme
from desktop.ui.main_window import MainWindow
from desktop.ui.single_instance import SingleInstance
from desktop.ui.tasks import Tasks
from desktop.ui.words import PlainTextGuard, translated

if TYPE_CHECKING:
    from desktop.api_key import ApiKey
    from desktop.library import Library
    from desktop.model import Progress
    from desktop.ui.restore_dialog import Choice

_UPKEEP_AFTER = 3_000  # milliseconds; until then the window shows what it has
_OTHER_ENDS = 15.0  # seconds
_UNSEEN = 1_000  # milliseconds; a window that starts minimised is not painted
_log = logging.getLogger("pullquote")


def run_window(arguments: list[str]) -> int:
    """Open the window; `arguments` are files and folders to import. Gives the exit code."""
    application = make_application(guarded=False)
    files = [str(Path(argument).absolute()) for argument in arguments if not argument.startswith("-")]
    folder = find_library()
    if folder is None:
        return 1
    instance = _only_one(paths.private_folder(folder), files)
    if isinstance(instance, int):
        return instance
    window = make_frame()
    instance.files_arrived.connect(lambda names: _arrived(window, names, files))
    begin = once(lambda: fill(window, folder, instance, files))
    window.painted.connect(begin)
    QTimer.singleShot(_UNSEEN, begin)
    window.show()
    code = application.exec()
    instance.stop_listening()
    if window.has_library:
        end_work(window)
        window.workspace.library.close()
    if window.afterwards is not None:
        carry_out(folder, window.afterwards)
    if window.move_wanted is not None:
        from desktop.ui.library_place_start import move

        move(folder, window.move_wanted)
    instance.close()
    if window.afterwards is not None or window.move_wanted is not None:
        start_again()
    return code


def find_library() -> Path | None:
    """The library's folder, when a library may be used there. Otherwise the user says what to do; None: quit."""
    while True:
        try:
            folder = paths.data_folder()
            places.require_local(folder)
            return folder
        except PullquoteError as error:
            from desktop.ui.library_place_start import ask_where

            guard_labels()
            if not ask_where(error):
                return None


def _only_one(folder: Path, files: list[str]) -> SingleInstance | int:
    """Of the library, or the exit code: 0 when the one that runs has taken the files. One that ends is waited for."""
    end = time.monotonic() + _OTHER_ENDS
    while not (instance := SingleInstance(folder)).is_first:
        if instance.hand_over(files):
            return 0
        if time.monotonic() > end:
            from PySide6.QtWidgets import QMessageBox

            guard_labels()
            QMessageBox.critical(None, "Pullquote", QCoreApplication.translate(
                "start", "Pullquote is running already, but it does not answer. Look for its window, or wait a minute "
                         "and start it again. If that does not help, end it in the system's list of programs; what is "
                         "in the library is safe."))
            return 1
        time.sleep(0.1)
    return instance


def make_frame() -> MainWindow:
    """The window without a library, in the chosen colours and where it stood."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    theme.apply(application, settings.load(paths.settings_file()).theme)
    return MainWindow(QSettings(str(paths.settings_file().with_name("window.ini")), QSettings.Format.IniFormat))


def fill(window: MainWindow, folder: Path, instance: SingleInstance, files: list[str]) -> None:
    """Load what the first paint did not wait for, open the library and show it; then the rest in turns.

    `files` may grow meanwhile, by those who start later.
    """
    def show() -> None:
        if not window.isVisible():
            return  # closed before it had begun
        try:
            is_open = open_window(window, folder)
        except LibraryError as error:
            _give_up(window, error)
        except Exception as error:
            _log_frames(type(error), error.__traceback__)
            _give_up(window, LibraryError(
                "The library could not be opened ({reason}). Nothing in it was changed. Start Pullquote again, and "
                "report it if it comes back.", reason=type(error).__name__))
        else:
            if is_open:
                complete_in_turns(window, files)
            else:
                QCoreApplication.exit(1)

    modules = ("restore_dialog", "updating", "edits", "workspace", "library_panel", "status")
    steps: list[Callable[[], object]] = [
        start_log, guard_labels, instance.listen, partial(quit_on_signals, window), *_importing(modules), show]
    _load(_load_library, window, lambda: _in_turns(steps))


def quit_on_signals(window: MainWindow) -> None:
    """A computer that is shut down closes the window without a question; Ctrl+C in a terminal as the user would, and
    the second time as well without one.
    """
    if os.name != "posix":
        return  # a pipe cannot be waited for there
    from PySide6.QtCore import QSocketNotifier

    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)  # while Qt waits for events, Python hears of nothing
    QSocketNotifier(awake, QSocketNotifier.Type.Read, window).activated.connect(lambda: os.read(awake, 64))
    heard: list[int] = []

    def hear(number: int, frame: object) -> None:
        window.asks_before_it_ends = number == signal.SIGINT and not heard
        heard.append(number)
        QTimer.singleShot(0, window, QCoreApplication.quit)

    signal.signal(signal.SIGINT, hear)
    signal.signal(signal.SIGTERM, hear)


def once(verb: Callable[[], object]) -> Callable[[], None]:
    """Calls `verb` the first time, and never again."""
    left = [verb]

    def call() -> None:
        if left:
            left.pop()()

    return call


def _importing(modules: Iterable[str]) -> list[Callable[[], object]]:
    """Steps that import modules of this floor, by their names."""
    return [partial(import_module, f"desktop.ui.{name}") for name in modules]


def _in_turns(steps: list[Callable[[], object]]) -> None:
    """One step in each turn of the event loop; one that fails is told by the log, and does not keep the others."""
    def next_step() -> None:
        try:
            steps.pop(0)()
        finally:
            if steps:
                QTimer.singleShot(0, next_step)

    next_step()


def _load(modules: Callable[[], None], window: MainWindow, then: Callable[[], None]) -> None:
    """On a worker: imports that take longer than a frame. Nothing of Qt may be among them: PySide makes its classes
    when they are first used, and crashes when two threads do.
    """
    Tasks(window).start(modules, done=lambda _: then(), failed=partial(_give_up, window))


def _give_up(window: MainWindow, error: PullquoteError) -> None:
    from PySide6.QtWidgets import QMessageBox

    QMessageBox.critical(window, "Pullquote", translated(error.sentence))
    QCoreApplication.exit(1)


def open_window(window: MainWindow, folder: Path) -> bool:
    """Show the library in `folder`. When its database is damaged, the user chooses how to bring it back; False: not
    now. LibraryError when it cannot be opened for another reason.
    """
    from desktop.library import upkeep
    from desktop.library.store import LibraryDamaged
    from desktop.ui.updating import open_library

    while True:
        library = None
        try:
            library = open_library(folder, window)
            give(window, library)
            return True
        except LibraryDamaged as error:
            problem: str = error.sentence
        except Exception as error:  # a damaged row may make anything fail that reads it
            if library is None:
                raise
            found = upkeep.problems(folder / paths.DATABASE)
            problem = LibraryDamaged(folder, found[0] if found else type(error).__name__).sentence
            _log.error("damaged database: %s", type(error).__name__)
        if library is not None:
            library.close()
        if not bring_back(window, folder, problem):
            return False


def bring_back(window: MainWindow, folder: Path, problem: str) -> bool:
    """Let the user choose a backup, or to rebuild; False: neither."""
    from desktop.ui.restore_dialog import RestoreDialog

    dialog = RestoreDialog(folder, window, problem=problem, is_open=False)
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
    from PySide6.QtCore import QProcess

    own = len(sys.orig_argv) - len(sys.argv) + 1  # without the files that were given
    QProcess.startDetached(sys.executable, [] if getattr(sys, "frozen", False) else sys.orig_argv[1:own])


def complete_in_turns(window: MainWindow, files: list[str]) -> None:
    """What the first paint did not wait for, in pieces so small that the window answers between them.

    What is loaded by then stays; frozen, it no longer costs the garbage collector 20 ms whenever a long transcript is
    read.
    """
    steps: list[Callable[[], object]] = [
        *window.steps_to_complete(), partial(import_module, "PySide6.QtMultimedia"),
        lambda: after_first_paint(window, files), gc.freeze, gc.enable]
    _load(_load_libraries, window, lambda: _in_turns(steps))


def _load_library() -> None:
    import logging.handlers  # noqa: F401

    import desktop.api_key
    import desktop.backups
    import desktop.editing
    import desktop.engines
    import desktop.library.upkeep  # noqa: F401


def _load_libraries() -> None:
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


def make_application(*, guarded: bool = True) -> QApplication:
    """The QApplication with style, guard against rich text, and Qt's own translations."""
    sys.setswitchinterval(0.001)  # a window event takes the interpreter's lock many times; 5 ms each would be felt
    existing = QApplication.instance()
    style = [] if sys.platform == "darwin" else ["-style", "fusion"]  # by setStyle, 5 ms go into Python's QStyle
    application = existing if isinstance(existing, QApplication) else QApplication([*sys.argv[:1], *style])
    QCoreApplication.setApplicationName("Pullquote")
    application.setDesktopFileName("pullquote")
    if guarded:
        guard_labels()
    translator = QTranslator(application)
    if translator.load(QLocale(), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(translator)
    return application


def guard_labels() -> None:
    """From now on all texts are plain. The frame has none; its first paint would wait 20 ms for this filter, because
    Python gets a class for each kind of object that Qt tells of.
    """
    application = QApplication.instance()
    assert application is not None
    if application.findChild(PlainTextGuard) is None:
        application.installEventFilter(PlainTextGuard(application))


def make_window(library: Library, key: ApiKey | None = None, *, complete: bool = True) -> MainWindow:
    """The window over an open library; `complete` later is for a quick first paint."""
    window = make_frame()
    give(window, library, key)
    if complete:
        window.complete()
    return window


def give(window: MainWindow, library: Library, key: ApiKey | None = None) -> None:
    """Make the workspace over an open library, and show it in the window."""
    from desktop.api_key import ApiKey
    from desktop.ui.workspace import Workspace

    window.take(Workspace(library, paths.cache_folder(), settings.load(paths.settings_file()), paths.settings_file(),
                          key or ApiKey(), environment.service_url()))


def after_first_paint(window: MainWindow, files: list[str]) -> None:
    """What can wait: leftovers, the sample, the key, files given on the command line."""
    from desktop.ui.upkeep import Upkeep

    workspace = window.workspace
    window.upkeep = Upkeep(window)
    QTimer.singleShot(_UPKEEP_AFTER, window.upkeep, window.upkeep.start)
    if workspace.library.read_only_because:
        workspace.tell(workspace.library.read_only_because, is_error=True)
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

    for noisy in ("google", "google_genai", "httpx", "httpx2", "httpcore", "keyring", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    sys.excepthook = _log_exception
    threading.excepthook = lambda args: _log_frames(args.exc_type, args.exc_traceback)
    file = paths.log_file()
    try:
        paths.private_folder(file.parent)
        handler = RotatingFileHandler(file, maxBytes=500_000, backupCount=2, encoding="utf-8")
        crashes = open(file.with_name("crash.log"), "a")  # noqa: SIM115 - stays open as long as the program
    except OSError:
        return  # no reason not to start
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    faulthandler.enable(crashes)


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
        if isinstance(window, MainWindow) and window.has_library:
            window.workspace.tell(window.tr(
                "Something went wrong inside Pullquote ({name}). Nothing was lost; the log says where.").format(
                    name=kind.__name__), is_error=True)


def _arrived(window: MainWindow, names: list[str], files: list[str]) -> None:
    """Somebody has started the program again: come forward, and take the files, as soon as there is a library."""
    window.setWindowState(window.windowState() & ~window.windowState().WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
    if window.is_complete:
        window.import_paths([Path(name) for name in names])
    else:
        files.extend(names)


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
