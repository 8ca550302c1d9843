"""The pictures of a request: made into what every provider takes, and kept."""

from dataclasses import dataclass

from bot.domain.requests import MotionBrush, Options, Path, Picture, Point, Stroke, VideoRequest
from bot.language import tr
from bot.media.blobs import Blobs
from bot.media.errors import Fit, MaskRefused, PictureRefused
from bot.media.images import Images, NormalisedPicture

MAX_PICTURE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Painted:
    """Motion as it was painted: masks as they were sent, paths in pixels of the picture as it was sent."""

    still: bytes | None = None
    moving: tuple[tuple[bytes, Path], ...] = ()


class Pictures:
    """Prepares pictures as they were sent; what is kept already stays as it is."""

    def __init__(self, images: Images, blobs: Blobs) -> None:
        self._images = images
        self._blobs = blobs

    async def filled_in(
        self,
        options: Options,
        *,
        image: bytes | Picture | None,
        end_frame: bytes | Picture | None,
        motion: Painted | MotionBrush | None,
        fit: Fit,
    ) -> VideoRequest:
        """A request with its pictures, which are kept from here on.

        Raises:
            PictureRefused: a sentence for a person; `remedies` says which `fit` would do.
            pydantic.ValidationError: nothing can be made of it.
        """
        pictures = {
            name: await self._normalised(picture, fit)
            for name, picture in (("image", image), ("end_frame", end_frame))
            if picture is not None
        }
        brush = await self._motion(motion, pictures["image"]) if motion else None
        stored = {name: await self._stored(picture) for name, picture in pictures.items()}
        return VideoRequest.of(options, motion=brush, **stored)

    async def keep_as_sent(self, picture: bytes | Picture) -> str:
        """Keep a picture for later; returns the SHA-256 of its bytes."""
        if isinstance(picture, Picture):
            return picture.blob
        return (await self._blobs.put(picture, max_bytes=MAX_PICTURE_BYTES)).hash

    async def _normalised(self, picture: bytes | Picture, fit: Fit) -> NormalisedPicture | Picture:
        """What is kept already was made acceptable when it came."""
        return picture if isinstance(picture, Picture) else await self._images.normalise(picture, fit=fit)

    async def _motion(
        self, painted: Painted | MotionBrush, picture: NormalisedPicture | Picture
    ) -> MotionBrush:
        if isinstance(painted, MotionBrush):
            return painted
        assert isinstance(picture, NormalisedPicture)  # what is painted comes with its picture
        still = await self._mask(tr("The still mask"), painted.still, picture) if painted.still else None
        moving = [
            Stroke(
                mask=await self._mask(tr("Mask {number}", number=number), mask, picture),
                path=_carried_over(path, picture),
            )
            for number, (mask, path) in enumerate(painted.moving, start=1)
        ]
        return MotionBrush(still=still, moving=tuple(moving))

    async def _mask(self, which: str, data: bytes, picture: NormalisedPicture) -> Picture:
        try:
            return await self._stored(await self._images.mask(data, picture))
        except PictureRefused as refusal:
            raise MaskRefused(which, refusal) from refusal

    async def _stored(self, picture: NormalisedPicture | Picture) -> Picture:
        if isinstance(picture, Picture):
            return picture
        blob = await self._blobs.put(picture.data, max_bytes=MAX_PICTURE_BYTES)
        return Picture(
            blob=blob.hash, media_type=picture.media_type, width=picture.width, height=picture.height
        )


def _carried_over(path: Path, picture: NormalisedPicture) -> Path:
    """A path on the picture as it was sent, on the picture as it is now; what leads outside ends at the edge."""
    along = picture.width / picture.sent.width
    down = picture.height / picture.sent.height
    return tuple(
        Point(
            x=min(round(point.x * along), picture.width - 1),
            y=min(round(point.y * down), picture.height - 1),
        )
        for point in path
    )
