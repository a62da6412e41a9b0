"""Entry point: the app, and the one place where errors become exit codes.

0    all good
1    some files failed (with -o, listed in DIR/errors.jsonl)
2    usage: an option, format, model or device that does not exist
130  interrupted; finished files are kept
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from falvideo import __version__
from falvideo.cli.label import label
from falvideo.cli.models import models
from falvideo.errors import FalError

app = typer.Typer(
    name="falvideo",
    help="Label videos: what a clip shows, and a timeline of labelled segments.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
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
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except FalError as error:
        _say(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; finished files are kept")
        code = 130
    except BrokenPipeError:
        # The reader of our output went away (| head): nothing is wrong, and there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:  # noqa: BLE001  sorted out, or raised again, by _explain
        code = _explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> int:
    """Exit code for what the option parser raises; anything else is a fault of ours and goes on up."""
    kind = {base.__name__ for base in type(error).__mro__}
    if "Abort" in kind:
        _say("interrupted; finished files are kept")
        return 130
    if "Exit" in kind:
        return int(getattr(error, "exit_code", 0))
    if "ClickException" in kind:
        text = " ".join(getattr(error, "format_message", error.__str__)().split())
        _say(f"{text.rstrip('.')}: see `falvideo --help`" if text else "see `falvideo --help`")
        return 2
    raise error


def _say(text: str) -> None:
    print(f"falvideo: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
