"""Every error falvideo raises on purpose.

    FalError                        exit 1   http 500
    |-- UsageError                  exit 2   http 400   an option or argument is wrong
    |   |-- UnknownFormatError      exit 2   http 400   no such output format
    |   |-- UnknownDeviceError      exit 2   http 400   no such compute device, or it is not there
    |   `-- MissingExtraError       exit 2   http 501   an optional dependency is not installed
    |-- ModelError                  exit 2   http 400   the model cannot be used
    |   |-- ModelNotFoundError      exit 2   http 404   no model under that name or path
    |   `-- ModelConfigError        exit 2   http 400   a field of the model's configuration is wrong
    |-- SourceError                 exit 1   http 422   one input file; the others go on
    |   |-- SourceNotFoundError     exit 1   http 404   no such file or folder
    |   |-- NoVideosFoundError      exit 1   http 404   a folder or pattern without videos
    |   |-- SourceUnreadableError   exit 1   http 403   the operating system does not let us read it
    |   |-- NotAVideoError          exit 1   http 415   not a container we open (text, playlist, script, image)
    |   |-- NoVideoStreamError      exit 1   http 415   sound only, or cover art only
    |   |-- NoFramesError           exit 1   http 422   a video stream from which no frame can be decoded
    |   |-- SourceLimitError        exit 1   http 413   over a cap on pixels, frames, duration or decoding time
    |   `-- TimeRangeError          exit 1   http 416   --start or --end outside of the video
    `-- OutputError                 exit 1   http 507   a result could not be written
        `-- OutputExistsError       exit 1   http 409   it is already there and --overwrite was not given

The message says what is wrong with which file; ``remedy`` says what to do about it. Only ``cli``,
``serving`` and ``labeling.batch`` catch these. A keyboard interrupt is not an error of this tree: the
command ends with exit code 130.
"""

from __future__ import annotations

from typing import ClassVar


class FalError(Exception):
    """Base of every deliberate error.

    Args:
        message: what is wrong, naming the file or field.
        remedy: what the user can do about it; the class's own advice when not given.
        uri: the input or output concerned, when there is one.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    default_remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str | None = None, uri: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = self.default_remedy if remedy is None else remedy
        self.uri = uri

    def __str__(self) -> str:
        """One line: what, then what to do."""
        text = f"{self.message}: {self.remedy}" if self.remedy else self.message
        return " ".join(text.split())

    def __reduce__(self) -> tuple[object, ...]:
        """Keyword arguments survive pickling, so that errors cross process boundaries whole."""
        return _rebuild, (type(self), self.message, self.remedy, self.uri)


def _rebuild(kind: type[FalError], message: str, remedy: str, uri: str | None) -> FalError:
    return kind(message, remedy=remedy, uri=uri)


class UsageError(FalError):
    """An option or argument is wrong."""

    exit_code = 2
    http_status = 400
    default_remedy = "see --help"


class UnknownFormatError(UsageError):
    """No such output format."""


class UnknownDeviceError(UsageError):
    """No such compute device, or it is not there."""


class MissingExtraError(UsageError):
    """An optional dependency is not installed."""

    http_status = 501


class ModelError(FalError):
    """The model cannot be used."""

    exit_code = 2
    http_status = 400


class ModelNotFoundError(ModelError):
    """No model under that name or path."""

    http_status = 404
    default_remedy = "run `falvideo models` to see what -m takes"


class ModelConfigError(ModelError, ValueError):
    """A field of the model's configuration, or an input's shape, is wrong; the message names it."""


class SourceError(FalError):
    """Something is wrong with one input; a run over several goes on with the rest."""

    http_status = 422


class SourceNotFoundError(SourceError):
    """No such file or folder."""

    http_status = 404
    default_remedy = "check the path"


class NoVideosFoundError(SourceError):
    """A folder or pattern without videos."""

    http_status = 404
    default_remedy = "add --recursive to look into subfolders, or name the files"


class SourceUnreadableError(SourceError):
    """The operating system does not let us read the file."""

    http_status = 403
    default_remedy = "check the permissions"


class NotAVideoError(SourceError):
    """Not a container we open: text, a playlist, a script, an image, garbage."""

    http_status = 415
    default_remedy = "give a video file (mp4, mov, mkv, webm, avi, mpeg, ts, flv, wmv, ogv, gif)"


class NoVideoStreamError(SourceError):
    """Sound only, or cover art only."""

    http_status = 415
    default_remedy = "give a file that has a video track"


class NoFramesError(SourceError):
    """A video stream from which no frame can be decoded."""

    default_remedy = "the file may be truncated, encrypted or corrupt: re-export or re-download it"


class SourceLimitError(SourceError):
    """Over a cap on pixels, frames, duration or decoding time."""

    http_status = 413
    default_remedy = "re-encode it smaller; in Python, open_video takes other limits"


class TimeRangeError(SourceError):
    """The range asked for lies outside of the video."""

    http_status = 416


class OutputError(FalError):
    """A result could not be written."""

    http_status = 507
    default_remedy = "check the folder's permissions and free space"


class OutputExistsError(OutputError):
    """The output is already there."""

    http_status = 409
    default_remedy = "add --overwrite to replace it"
