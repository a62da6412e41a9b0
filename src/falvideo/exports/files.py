"""Writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from falvideo.errors import OutputError, OutputExistsError

# What went wrong, and what to do; the class's own remedy where None.
_REASONS: dict[int, tuple[str, str | None]] = {
    errno.ENOSPC: ("the disk is full", "free some space, or write elsewhere"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or write elsewhere"),
    errno.EFBIG: ("the file would be larger than is allowed here", "write elsewhere"),
    errno.EACCES: ("permission denied", "check the folder's permissions, or write elsewhere"),
    errno.EPERM: ("permission denied", "check the folder's permissions, or write elsewhere"),
    errno.EROFS: ("the file system is read-only", "write elsewhere"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
    errno.ENOENT: ("its folder does not exist", "create the folder first"),
    errno.ENOTDIR: ("a part of its path is not a folder", "check the path"),
    errno.EISDIR: ("it is a folder", "give the name of a file"),
    errno.ELOOP: ("its symbolic links go in a circle", "check the path"),
    errno.EIO: ("the disk reports an input/output error", "check the disk"),
}


def write_atomically(path: Path, data: str | bytes, *, overwrite: bool = True) -> None:
    r"""Put ``data`` into the file ``path``: all of it, or nothing and the path is as it was.

    The data goes to a hidden file of a unique name in the same folder, is synced to the disk, and only then
    takes the name ``path``. Whatever happens, Ctrl-C included, the hidden file is removed; a reader sees the
    old file or the new one, and of several writers the last one's file is whole.

    A new file's permissions follow the umask, a replaced file's stay as they were. A symbolic link is
    followed, as ``open`` does. What is neither a file nor a link to one (a device, a pipe) is left alone.

    Args:
        path: of the file; its folder must exist.
        data: text is encoded as UTF-8 and nothing is done to its line ends; bytes are written as they are.
        overwrite: whether a file that is there may be replaced. If not, and several processes write the same
            path at once, exactly one succeeds.

    Raises:
        OutputExistsError: ``overwrite`` is False and something of that name is there.
        OutputError: the file cannot be written; the message says why.
    """
    path = Path(path)
    try:
        payload = data.encode("utf-8") if isinstance(data, str) else data
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        mode = _mode_of_existing(path)
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        # Not made from the target's name: that may already be as long as names can be.
        temporary = target.with_name(f".falvideo-{secrets.token_hex(8)}.tmp")
        try:
            _write_new(temporary, payload, mode)
            if overwrite:
                os.replace(temporary, target)  # noqa: PTH105 (as os.link beside it)
            else:
                _rename_without_replacing(temporary, target)
        finally:
            # By name, and always: an interrupt may come before anything else is known about the file.
            with contextlib.suppress(OSError):
                temporary.unlink()
    except UnicodeEncodeError as error:
        raise _failure(path, "the text holds a lone surrogate, which UTF-8 cannot", None) from error
    except ValueError as error:  # a NUL character in the path
        raise _failure(path, str(error), "check the path") from error
    except OSError as error:
        if error.errno == errno.EEXIST and not overwrite:
            raise OutputExistsError(f"{_shown(path)} already exists", uri=_shown(path)) from error
        raise _failure(path, *_REASONS.get(error.errno or 0, (error.strerror or str(error), None))) from error


def _mode_of_existing(path: Path) -> int | None:
    """Permission bits of the regular file at ``path``; None when nothing is there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        # Renaming over it would put an ordinary file in the place of, say, /dev/null.
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file")
    return stat.S_IMODE(mode) & 0o777


def _write_new(path: Path, payload: bytes, mode: int | None) -> None:
    # os.open and not tempfile: its files are 0600 whatever the umask. The last two flags are not everywhere.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        if mode is not None and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            path.chmod(mode)
        rest = memoryview(payload)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename_without_replacing(temporary: Path, target: Path) -> None:
    """Give ``temporary`` the name ``target``, or raise FileExistsError; there is no moment between."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        # No hard links here (FAT, some network drives): claim the name with an empty file, then replace that.
        # Should the link have failed for another reason, this fails for the same.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            os.replace(temporary, target)  # noqa: PTH105 (as os.link beside it)
        except BaseException:
            with contextlib.suppress(OSError):
                target.unlink()
            raise


def _shown(path: Path) -> str:
    """``path`` on one line; bytes that are no text and control characters are escaped."""
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _failure(path: Path, reason: str, remedy: str | None) -> OutputError:
    return OutputError(f"cannot write {_shown(path)}: {reason}", remedy=remedy, uri=_shown(path))
