"""What may be opened: plain regular files, of plain container formats, within limits.

A video file is the least trusted input there is. FFmpeg, left to itself, follows addresses found inside
a playlist and renders text files named by a concat script. So every file passes here first, whatever the
backend: it is opened by us (never by name by FFmpeg), must be a regular file, must not begin like text, and
is then read only by the demuxers named in ``FORMATS``.

This module knows nothing about FFmpeg's programming interface: only its format names and options.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from io import FileIO

from falvideo.errors import (
    NotAVideoError,
    NoVideoStreamError,
    SourceError,
    SourceLimitError,
    SourceNotFoundError,
    SourceUnreadableError,
)


@dataclass(frozen=True)
class Limits:
    """Caps that keep one hostile or broken file from taking the machine.

    Attributes:
        max_pixels: per frame, width times height as stored (8K is 2**25).
        max_frames: of the whole file.
        max_duration: seconds, declared or found by timestamps.
        max_decode_seconds: of decoding one pass, not counting the time spent on the frames outside.
    """

    max_pixels: int = 2**26
    max_frames: int = 50_000_000
    max_duration: float = 7 * 86400.0
    max_decode_seconds: float = 86400.0

    def check_pixels(self, shown: str, width: int, height: int) -> None:
        """Raise SourceLimitError when a ``width`` x ``height`` frame is over the cap."""
        if width * height > self.max_pixels:
            raise SourceLimitError(
                f"{shown}: frames of {width}x{height} are over the limit of {self.max_pixels} pixels"
            )

    def check_duration(self, shown: str, seconds: float) -> None:
        """Raise SourceLimitError when the video lasts longer than the cap."""
        if seconds > self.max_duration:
            raise SourceLimitError(f"{shown}: lasts {seconds:.0f} s, over the limit of {self.max_duration:.0f} s")

    def check_frames(self, shown: str, frames: int) -> None:
        """Raise SourceLimitError when the video has more frames than the cap."""
        if frames > self.max_frames:
            raise SourceLimitError(f"{shown}: has more than the limit of {self.max_frames} frames")

    def check_decode_seconds(self, shown: str, seconds: float) -> None:
        """Raise SourceLimitError when decoding took longer than the cap."""
        if seconds > self.max_decode_seconds:
            raise SourceLimitError(f"{shown}: decoding took longer than the limit of {self.max_decode_seconds:g} s")


DEFAULT_LIMITS = Limits()

FORMATS: tuple[str, ...] = (
    "mov", "mp4", "m4a", "3gp", "3g2", "mj2",  # one demuxer; external data references stay off
    "matroska", "webm",  # one demuxer; FFmpeg has no segment linking
    "avi",
    "mpegts",  # broadcast, CCTV and screen recorders; self-contained
    "mpeg",  # program streams: DVD and old camcorders
    "mpegvideo",  # bare MPEG-1/2 video, often called .mpg, too
    "flv",  # old web video
    "asf",  # .wmv; its playlists (.asx) are another format
    "ogg",  # .ogv
    "gif",
    "mxf",  # broadcast cameras; FFmpeg reads the essence inside the file only
)  # fmt: skip
"""FFmpeg's names of the demuxers allowed: containers that carry everything in one file. Playlists (hls,
dash), scripts (concat), descriptions (sdp), image sequences (image2), devices and text formats stay out."""

OPTIONS: dict[str, str] = {
    "format_whitelist": ",".join(FORMATS),
    # No protocol is needed, as FFmpeg is given an open file; "file" is the least that can be named.
    "protocol_whitelist": "file",
}
"""Options for opening a container. Both are needed: a concat script gets past the second one alone."""

_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_HEAD = 4096

_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*", b"8BPS")
_PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"avif")
_SOUNDS = (b"ID3", b"fLaC", b"FORM", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"#!AMR")
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof")
_CONTAINERS = (
    (b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (b"FLV", "FLV"),
    (b"OggS", "Ogg"),
    (b"GIF8", "GIF"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF (wmv)"),
    (b"\x00\x00\x01\xba", "MPEG"),
)


def shown(uri: str) -> str:
    """The path as given, made safe to print on one line of any terminal."""
    return "".join(c if c.isprintable() else "?" for c in uri)


def open_regular(source: str | os.PathLike[str]) -> tuple[FileIO, str]:
    """Open a regular file for reading, and nothing else; never waits.

    The caller closes it. What begins as text, as a picture or as sound is refused here already, so that
    FFmpeg does not get to see it.

    Returns:
        the open file, positioned at 0, and the path as given.

    Raises:
        SourceError: an address instead of a path.
        SourceNotFoundError: no such file.
        SourceUnreadableError: no permission, a loop of links, a failing disk.
        NotAVideoError: a folder, a pipe, a device, an empty file, text, a picture.
        NoVideoStreamError: a sound file.
    """
    uri = os.fspath(source)
    name = shown(uri)
    if _URL.match(uri):
        raise SourceError(f"{name}: addresses are not opened", remedy="download it first, then give the file", uri=uri)
    try:
        # Looking before opening, as opening some devices does something; and after it, as the name may by
        # then belong to something else. Without O_NONBLOCK a pipe would wait for its writer for ever.
        _check_regular(os.stat(uri).st_mode, name, uri)  # noqa: PTH116  Path() alters some names
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = FileIO(os.open(uri, flags | getattr(os, "O_CLOEXEC", 0)), "rb")
    except (OSError, ValueError) as error:
        raise _unopened(error, name, uri) from error
    try:
        _check_regular(os.fstat(file.fileno()).st_mode, name, uri)
        _check_head(file.read(_HEAD), name, uri)
        file.seek(0)
    except OSError as error:
        file.close()
        raise _unopened(error, name, uri) from error
    except BaseException:
        file.close()
        raise
    return file, uri


def not_opened(head: bytes, name: str, uri: str, reason: str) -> SourceError:
    """The error for a file that no allowed demuxer could open."""
    kind = _container(head)
    if kind is None:
        return NotAVideoError(f"{name}: is not in a video format that is opened ({reason})", uri=uri)
    return NotAVideoError(
        f"{name}: looks like {kind} but cannot be opened ({reason})",
        remedy="the file is truncated or damaged, or still being written: re-export or re-download it",
        uri=uri,
    )


def _check_regular(mode: int, name: str, uri: str) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise NotAVideoError(f"{name}: is a folder", remedy="name the video files in it", uri=uri)
    raise NotAVideoError(
        f"{name}: is a pipe, socket or device, not a file", remedy="save the video to a file first", uri=uri
    )


def _unopened(error: OSError | ValueError, name: str, uri: str) -> SourceError:
    code = getattr(error, "errno", None)
    # ValueError: a NUL in the name.
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG) or isinstance(error, ValueError):
        return SourceNotFoundError(f"{name}: no such file", uri=uri)
    if code == errno.ELOOP:
        return SourceUnreadableError(
            f"{name}: is a symbolic link that leads back to itself", remedy="repair the link", uri=uri
        )
    reason = (getattr(error, "strerror", None) or "cannot be read").lower()
    return SourceUnreadableError(f"{name}: {reason}", uri=uri)


def _check_head(head: bytes, name: str, uri: str) -> None:
    """Refuse what is certainly not a video by its first bytes."""
    if not head:
        raise NotAVideoError(
            f"{name}: the file is empty", remedy="re-export or re-download it, then try again", uri=uri
        )
    if head.startswith(_SOUNDS) or (head[:4] == b"RIFF" and head[8:12] == b"WAVE"):
        raise NoVideoStreamError(f"{name}: is a sound file without a picture", uri=uri)
    picture = (
        head.startswith(_PICTURES)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS)
    )
    if picture:
        raise NotAVideoError(f"{name}: is a still picture", uri=uri)
    kind = _text_kind(head)
    if kind is not None:
        raise NotAVideoError(f"{name}: is {kind}", uri=uri)


_TEXTS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"#extm3u",), "a playlist"),
    ((b"ffconcat",), "a script that joins other files"),
    ((b"<mpd", b"<asx"), "a playlist"),
    ((b"<!doctype", b"<html", b"<?xml", b"<svg"), "a web page or XML document"),
    ((b"%pdf",), "a PDF document"),
    ((b"pk\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"rar!"), "an archive"),
)


def _text_kind(head: bytes) -> str | None:
    """What a file is that begins like a document; ``None`` for what may be a video."""
    lower = head[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginnings, kind in _TEXTS:
        if lower.startswith(beginnings):
            return f"{kind}, not a video"
    if lower.startswith(b"v=0") and b"o=" in lower:
        return "a description of a stream (SDP), not a video"
    # No container begins with printable characters only: each has zero bytes in its header.
    if any(byte in _CONTROL for byte in head):
        return None
    try:
        head[: max(1, len(head) - 4)].decode("utf-8")  # the last character may be cut
    except UnicodeDecodeError:
        return None
    return "a text file, not a video"


_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b")) + b"\x7f"


def _container(head: bytes) -> str | None:
    if head[4:8] in _MP4_BOXES:
        return "MP4 or MOV"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    return next((kind for magic, kind in _CONTAINERS if head.startswith(magic)), None)
