"""The doors: window, command line, and the child processes of our own. The one place that wires everything."""

from __future__ import annotations

import gc
import multiprocessing
import sys


def main() -> None:
    """Entry point of `pullquote` and `python -m desktop`."""
    multiprocessing.freeze_support()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the program with `arguments`; gives the exit code."""
    from desktop import environment

    key = environment.scrub()
    environment.harden()
    if arguments[:1] == ["--child"] and len(arguments) == 2:
        from desktop.processes import run_child

        run_child(arguments[1])
        return 0
    from desktop.errors import UserError

    try:
        environment.service_url()
    except UserError as error:
        print(error.sentence, file=sys.stderr)
        return 1
    return _program(arguments, key)


def _program(arguments: list[str], key: str) -> int:
    if arguments:
        from desktop import cli

        if arguments[0] == "--headless-demo":
            return cli.demo()
        if arguments[0] == "--version":
            from desktop import __version__

            print(f"Pullquote {__version__}")
            return 0
        if arguments[0] in (*cli.COMMANDS, "-h", "--help"):
            return cli.main(arguments, key)
    if arguments[:1] == ["--self-test"]:
        from desktop.ui.self_test import self_test

        return self_test(arguments[1:])
    gc.disable()  # nothing becomes rubbish at the start; looking for it costs a twentieth of the time
    from desktop.ui.application import run_window

    return run_window(arguments)


if __name__ == "__main__":
    main()
