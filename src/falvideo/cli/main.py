"""Entry point: the app, and the one place where errors become exit codes.

0    all good
1    some files failed (with -o, listed in DIR/errors.jsonl)
2    usage: an option, format, model or device that does not exist
130  interrupted; finished files are kept
141  whoever read our output went away (| head), as the shell's own commands end then
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from falvideo import __version__
from falvideo.cli.label import label
from falvideo.cli.models import models
from falvideo.cli.words import one_line
from falvideo.errors import FalError

app = typer.Typer(
    name="falvideo",
    help="Label videos: what a clip shows, and a timeline of labelled segments.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: the boxes leave half the line for the words
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(label)
app.command()(models)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"falvideo {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> NoReturn:
    """Run the command; every way out is an exit code, never a traceback for a user's mistake."""
    for name in ("stdout", "stderr"):  # closed by whoever started us (>&-)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123  for as long as the process lives
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that cannot show a character gets ? for it
        sys.stdout.reconfigure(errors="replace")
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
        if code == 130:  # typer has caught the interrupt
            _say(_INTERRUPTED)
    except FalError as error:
        _say(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        _say(_INTERRUPTED)
        code = 130
    except BrokenPipeError:  # nothing is wrong, and there is nobody left to tell
        code = 141
    except Exception as error:  # noqa: BLE001  sorted out, or raised again, by _explain
        code = _explain(error)
    _flush()
    sys.exit(code if isinstance(code, int) else 0)


def _flush() -> None:
    """Hand over what is left to say; where that fails, so that Python does not try again and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError):  # no real file, in a test
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_INTERRUPTED = "interrupted; finished files are kept"


def _explain(error: Exception) -> int:
    """Exit code for what the option parser raises; anything else is a fault of ours and goes on up.

    By the names of the classes: from one version of typer to another they come from different packages.
    """
    kind = {base.__name__ for base in type(error).__mro__}
    if "Abort" in kind:
        _say(_INTERRUPTED)
        return 130
    if "Exit" in kind:
        return int(getattr(error, "exit_code", 0))
    if "NoArgsIsHelpError" in kind:  # its message is the help
        print(getattr(error, "message", error), file=sys.stderr)
        return 2
    if "ClickException" in kind:
        command = getattr(getattr(error, "ctx", None), "command_path", "falvideo")
        text = " ".join(getattr(error, "format_message", error.__str__)().split())
        _say(f"{text.rstrip('.')}: see `{command} --help`" if text else f"see `{command} --help`")
        return 2
    raise error


def _say(text: str) -> None:
    print(f"falvideo: {one_line(text)}", file=sys.stderr)


if __name__ == "__main__":
    main()
