"""What can be wrong with pictures, clips and their store, as one tree.

::

    MediaError
    ├── PictureRefused       a person's picture cannot be used; nothing was changed
    │   ├── NotAPicture      not a JPEG, PNG, WebP or GIF
    │   ├── Unreadable       cut off or damaged
    │   ├── TooDemanding     decoding it takes too much memory or time
    │   ├── PictureTooBig    too many bytes
    │   ├── TooManyPixels    too many pixels to decode safely
    │   ├── TooSmall         a side is too short
    │   ├── OddShape         too long and thin
    │   ├── MaskMisfit       a mask has another shape than its picture
    │   ├── MaskEmpty        nothing is painted on a mask
    │   └── MaskRefused      a mask cannot be used; says which
    ├── NotAVideo            no picture can be decoded from the file
    ├── CannotFit            no re-encoding is small enough
    ├── ChartFailed          the drawing of a chart was not finished
    └── BlobFault            the store of inputs and clips did not do it
        ├── TooLarge         more bytes than the caller allows
        ├── NoSuchBlob       nothing is kept under this hash
        ├── StoreUnavailable the folder or bucket did not answer
        └── NoDecoder        no process can be had that reads what is kept

The text of each is one sentence for a person that says what to do; the data is in attributes.
"""

from enum import StrEnum
from typing import ClassVar

from bot.language import figures, marked, tr

_MEGABYTE = 1_000_000


class Fit(StrEnum):
    """What may be done to a picture whose size or shape no provider takes."""

    REFUSE = "refuse"  # nothing: say what is wrong
    ENLARGE = "enlarge"  # make a small one larger; its shape stays
    PAD = "pad"  # add a blurred background; enlarge if needed
    CROP = "crop"  # keep the middle; enlarge if needed


class MediaError(Exception):
    """Something is wrong with a picture, a clip or their store."""


class PictureRefused(MediaError):
    """This picture cannot be used."""

    remedies: tuple[Fit, ...] = ()
    """What `normalise` can be asked to do about it."""

    def without_remedies(self) -> "PictureRefused":
        """The same where the picture must stay as it is."""
        return self


class NotAPicture(PictureRefused):
    """It begins like no format that is read here."""

    def __init__(self) -> None:
        super().__init__(tr("This file is not a picture I can read; send a JPEG, PNG, WebP or GIF."))


class Unreadable(PictureRefused):
    """It begins like a picture but does not decode."""

    def __init__(self) -> None:
        super().__init__(tr("This picture is damaged or cut off; save it again and send the new file."))


class TooDemanding(PictureRefused):
    """Decoding it was given up: it took more memory or time than any picture should."""

    def __init__(self) -> None:
        super().__init__(
            tr("This picture takes too much memory or time to read; scale it down or save it as a JPEG.")
        )


class PictureTooBig(PictureRefused):
    """Its file is larger than the limit."""

    def __init__(self, *, size_bytes: int, max_bytes: int) -> None:
        super().__init__(
            tr(
                "This picture is {size} and the limit is {limit}; send a smaller version or save it as a JPEG.",
                size=megabytes(size_bytes),
                limit=megabytes(max_bytes),
            )
        )
        self.size_bytes = size_bytes
        self.max_bytes = max_bytes


class TooManyPixels(PictureRefused):
    """Decoding it would take too much memory. Width and height are None when not even the header is safe."""

    def __init__(self, *, width: int | None, height: int | None, max_pixels: int) -> None:
        size = (
            tr("{width} by {height} pixels", width=width, height=height)
            if width and height
            else tr("far too large")
        )
        super().__init__(
            tr(
                "This picture is {size} and the limit is {limit} megapixels; scale it down and send it again.",
                size=size,
                limit=max_pixels // 1_000_000,
            )
        )
        self.width = width
        self.height = height
        self.max_pixels = max_pixels


class TooSmall(PictureRefused):
    """A side is shorter than providers take."""

    def __init__(self, *, width: int, height: int, min_side_px: int, remedies: tuple[Fit, ...]) -> None:
        advice = tr("let me enlarge it or send a larger one") if remedies else tr("send a larger one")
        super().__init__(
            tr(
                "This picture is {width} by {height} pixels and both sides must have at least {least}; {advice}.",
                width=width,
                height=height,
                least=min_side_px,
                advice=advice,
            )
        )
        self.width = width
        self.height = height
        self.min_side_px = min_side_px
        self.remedies = remedies

    def without_remedies(self) -> PictureRefused:
        """Advises a larger picture."""
        return TooSmall(width=self.width, height=self.height, min_side_px=self.min_side_px, remedies=())


class OddShape(PictureRefused):
    """It is longer and thinner than providers take."""

    _ADVICE: ClassVar[dict[tuple[Fit, ...], str]] = {
        (Fit.PAD, Fit.CROP): marked("let me pad or crop it, or send another one"),
        (Fit.PAD,): marked("let me pad it or send another one"),
        (): marked("send a larger one that is less narrow"),
    }

    def __init__(self, *, width: int, height: int, max_ratio: float, remedies: tuple[Fit, ...]) -> None:
        super().__init__(
            tr(
                "This picture is {width} by {height} pixels and no side may be more than {ratio} times the other; "
                "{advice}.",
                width=width,
                height=height,
                ratio=figures(max_ratio, "g"),
                advice=tr(self._ADVICE[remedies]),
            )
        )
        self.width = width
        self.height = height
        self.max_ratio = max_ratio
        self.remedies = remedies

    def without_remedies(self) -> PictureRefused:
        """Advises another picture."""
        return OddShape(width=self.width, height=self.height, max_ratio=self.max_ratio, remedies=())


class MaskMisfit(PictureRefused):
    """A mask has another shape than the picture it is for. Sizes are width and height in pixels."""

    def __init__(self, *, mask: tuple[int, int], picture: tuple[int, int]) -> None:
        super().__init__(
            tr(
                "This mask is {mask_width} by {mask_height} pixels and its picture {width} by {height}, which is "
                "another shape; paint it on a copy of the picture.",
                mask_width=mask[0],
                mask_height=mask[1],
                width=picture[0],
                height=picture[1],
            )
        )
        self.mask = mask
        self.picture = picture


class MaskEmpty(PictureRefused):
    """Nothing is painted on a mask."""

    def __init__(self) -> None:
        super().__init__(tr("Nothing is painted on this mask; what is white on it is painted."))


class MaskRefused(PictureRefused):
    """A mask cannot be used; `which` says which, and the cause is chained."""

    def __init__(self, which: str, refusal: PictureRefused) -> None:
        super().__init__(f"{which}: {refusal}")
        self.which = which


class NotAVideo(MediaError):
    """No picture can be decoded from the file."""

    def __init__(self) -> None:
        super().__init__(tr("This file is not a video that can be played; ask for the clip again."))


class CannotFit(MediaError):
    """Even the smallest re-encoding is larger than wanted."""

    def __init__(self, *, smallest_bytes: int, max_bytes: int) -> None:
        super().__init__(
            tr(
                "This clip cannot be made smaller than {smallest} and only {room} fit here; ask for a shorter one "
                "or a lower quality.",
                smallest=megabytes(smallest_bytes),
                room=megabytes(max_bytes),
            )
        )
        self.smallest_bytes = smallest_bytes
        self.max_bytes = max_bytes


class ChartFailed(MediaError):
    """The process that draws charts died, took too long or was closed; where there is a cause, it is chained."""

    def __init__(self) -> None:
        super().__init__(tr("This chart could not be drawn; try again in a minute."))


class BlobFault(MediaError):
    """The store of inputs and clips did not do what was asked."""


class TooLarge(BlobFault):
    """More bytes came than the caller allows; none are kept."""

    def __init__(self, *, max_bytes: int) -> None:
        super().__init__(
            tr("This file is larger than {limit}; send a smaller one.", limit=megabytes(max_bytes))
        )
        self.max_bytes = max_bytes


class NoSuchBlob(BlobFault):
    """Nothing is kept under this hash."""

    def __init__(self, blob: str) -> None:
        super().__init__(tr("This file is no longer kept; send it again."))
        self.blob = blob


class StoreUnavailable(BlobFault):
    """The folder or the bucket failed; the cause is chained."""

    def __init__(self) -> None:
        super().__init__(tr("The file store does not answer; try again in a few minutes."))


class NoDecoder(BlobFault):
    """No process can be started that reads pictures and clips, or the bot is stopping; the cause is chained."""

    def __init__(self) -> None:
        super().__init__(tr("Pictures and clips cannot be read right now; try again in a minute."))


def megabytes(size_bytes: int) -> str:
    """A size as people say it: `9.5 MB`, and `200 kB` below a megabyte."""
    if size_bytes < _MEGABYTE:
        return f"{figures(size_bytes / 1000, '.3g')} kB"
    return f"{figures(size_bytes / _MEGABYTE, '.4g')} MB"
