"""What the user pointed at, as a list of files and where each one's results go."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from falvideo.errors import FalError, NoVideosFoundError, SourceNotFoundError, SourceUnreadableError

# fmt: off
VIDEO_SUFFIXES: frozenset[str] = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".gif", ".m1v", ".m2ts", ".m2v", ".m4v", ".mk3d", ".mkv",
    ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
})
# fmt: on
"""Files of a folder that are taken for videos. A file named by itself is tried whatever it is called."""


@dataclass(frozen=True)
class Source:
    """One file to label.

    Attributes:
        uri: the path as the user would write it.
        output: where its results go below the output folder, its own file name included and without a format's suffix.
    """

    uri: str
    output: Path


def expand(arguments: Iterable[str], *, recursive: bool = False) -> tuple[list[Source], list[FalError]]:
    """Files, folders and patterns to files.

    Results mirror the tree below the sources' common folder, and keep the whole file name, so that ``a/x.mp4``,
    ``b/x.mp4`` and ``a/x.mov`` never collide. A file that is named twice is labelled once.

    Args:
        arguments: paths of files and folders, and patterns (``*``, ``?``, ``[...]``, ``**``).
        recursive: look into the folders of a folder, too.

    Returns:
        The files in the order given, each once (those of a folder sorted by path), and an error for each argument
        that led to nothing and for each folder that could not be looked into: SourceNotFoundError, NoVideosFoundError
        or SourceUnreadableError. Hidden files, hidden folders and links to folders inside a folder are left out.
    """
    files: dict[str, str] = {}  # absolute path -> as the user would write it
    roots: list[str] = []
    errors: list[FalError] = []
    for argument in arguments:
        try:
            found, root = _look(argument, recursive, errors)
        except FalError as error:
            errors.append(error)
            continue
        roots.append(os.path.abspath(root))
        for path in found:
            files.setdefault(os.path.abspath(path), path)
    if not files:
        return [], errors
    # The folders of the files, too: a pattern such as */../x.mp4 can lead out of where it began.
    base = _common([*roots, *map(os.path.dirname, files)])
    return [Source(uri, Path(os.path.relpath(absolute, base))) for absolute, uri in files.items()], errors


def _common(folders: list[str]) -> str:
    try:
        return os.path.commonpath(folders)
    except ValueError:  # different drives have nothing in common
        return os.path.abspath(os.sep)


def _look(argument: str, recursive: bool, errors: list[FalError]) -> tuple[list[str], str]:
    """The files behind one argument, and the folder that their results mirror.

    ``errors`` gets those that do not stop the rest of a folder.
    """
    if not argument:  # Path("") would be the current folder; this is a script's unset variable
        raise SourceNotFoundError("an empty path was given", uri=argument)
    path = Path(argument)
    try:
        if path.is_dir():
            known = len(errors)
            found = sorted(_videos_in(argument, recursive, errors))
            if not found and len(errors) == known:
                hint = None if not recursive else "name the files, or another folder"
                raise NoVideosFoundError(f"folder {argument} has no video", remedy=hint, uri=argument)
            return found, argument
        if path.exists() or path.is_symlink():
            return [argument], str(path.parent)
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise SourceUnreadableError(f"{argument}: {error.strerror or error}", uri=argument) from error
    except ValueError as error:  # a NUL byte
        raise SourceNotFoundError(f"{argument!r} is not a path ({error})", uri=argument) from error
    if "://" in argument:
        raise SourceNotFoundError(
            f"{argument} is an address, not a file",
            remedy="download it first, then label the file",
            uri=argument,
        )
    if glob.has_magic(argument):
        matches = sorted(m for m in glob.glob(argument, recursive=True) if Path(m).is_file())
        if not matches:
            raise NoVideosFoundError(f"no file matches {argument}", remedy="check the pattern", uri=argument)
        fixed = argument.split(os.sep)
        upto = next(i for i, part in enumerate(fixed) if glob.has_magic(part))
        return matches, os.sep.join(fixed[:upto]) or (os.sep if argument.startswith(os.sep) else ".")
    raise SourceNotFoundError(f"{argument} does not exist", uri=argument)


def _videos_in(folder: str, recursive: bool, errors: list[FalError]) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        where = str(error.filename)
        errors.append(SourceUnreadableError(f"folder {where}: {(error.strerror or str(error)).lower()}", uri=where))

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if recursive else []
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield os.path.join(parent, name)
