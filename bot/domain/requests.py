"""What a person asks for: one frozen value, the same for every provider."""

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from bot.language import marked, tr

_NAME = re.compile(r"[A-Za-z0-9._:-]+(?:/[A-Za-z0-9._:-]+)*")


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_PROBLEMS = {
    "bool_parsing": marked("Input should be a valid boolean, unable to interpret input"),
    "bool_type": marked("Input should be a valid boolean"),
    "enum": marked("Input should be {expected}"),
    "float_parsing": marked("Input should be a valid number, unable to parse string as a number"),
    "finite_number": marked("Input should be a finite number"),
    "greater_than": marked("Input should be greater than {gt}"),
    "greater_than_equal": marked("Input should be greater than or equal to {ge}"),
    "int_parsing": marked("Input should be a valid integer, unable to parse string as an integer"),
    "int_from_float": marked("Input should be a valid integer, got a number with a fractional part"),
    "less_than_equal": marked("Input should be less than or equal to {le}"),
    "string_too_long": marked("String should have at most {max_length} characters"),
    "string_too_short": marked("String should have at least {min_length} character"),
    "too_long": marked("Tuple should have at most {max_length} items after validation, not {actual_length}"),
    "too_short": marked("Tuple should have at least {min_length} item after validation, not {actual_length}"),
}
"""What pydantic says, by its type of error, of what people can get wrong: for other languages than its own."""

_OPTIONS = {
    "prompt": marked("prompt"),
    "negative_prompt": marked("negative prompt"),
    "provider": marked("provider"),
    "model": marked("model"),
    "duration_s": marked("duration"),
    "quality": marked("quality"),
    "aspect": marked("aspect"),
    "guidance": marked("guidance"),
    "camera": marked("camera"),
    "sound": marked("sound"),
    "voices": marked("voices"),
    "shots": marked("shots"),
    "amount": marked("amount"),
}


def first_problem(error: ValidationError) -> str:
    """What is wrong with a value, in a sentence for a person."""
    first = error.errors(include_url=False)[0]
    said = _in_words(first)
    if first["type"] == "value_error" or not first["loc"]:
        return f"{said}."
    name = str(first["loc"][0])
    option = tr(_OPTIONS[name]) if name in _OPTIONS else name.removesuffix("_s").replace("_", " ")
    return f"{option}: {said[0].lower()}{said[1:]}."


def _in_words(problem: ErrorDetails) -> str:
    text = _PROBLEMS.get(problem["type"], "")
    said = tr(text)
    if said == text:  # English, which pydantic speaks itself
        return problem["msg"].removeprefix("Value error, ").rstrip(".")
    known = {
        name: str(value).replace(" or ", f" {tr('or')} ") for name, value in problem.get("ctx", {}).items()
    }
    return said.format(**known)


class Task(StrEnum):
    """What kind of video is made."""

    IMAGE_TO_VIDEO = "image_to_video"
    TEXT_TO_VIDEO = "text_to_video"


class Quality(StrEnum):
    """The rendering mode, in the Kling vocabulary."""

    STD = "std"  # 720p
    PRO = "pro"  # 1080p
    UHD = "4k"


class Aspect(StrEnum):
    """Width to height."""

    WIDE = "16:9"
    TALL = "9:16"
    SQUARE = "1:1"

    @property
    def ratio(self) -> float:
        """Width divided by height."""
        width, height = self.value.split(":")
        return int(width) / int(height)


_MAX_ECHOED = 32


class CameraMove(StrEnum):
    """The six simple moves of the Kling camera, each with an amount of -10 to 10."""

    HORIZONTAL = "horizontal"  # the camera slides left (-) or right (+)
    VERTICAL = "vertical"  # the camera slides down (-) or up (+)
    ZOOM = "zoom"  # the field of view widens (-) or narrows (+)
    PAN = "pan"  # the camera turns left (-) or right (+)
    TILT = "tilt"  # the camera turns down (-) or up (+)
    ROLL = "roll"  # the camera turns about its axis, counter-clockwise (-) or clockwise (+)


class CameraPreset(StrEnum):
    """The four composed moves of the Kling camera; they take no amount."""

    DOWN_BACK = "down_back"  # descends and pulls back
    FORWARD_UP = "forward_up"  # moves in and rises
    RIGHT_TURN_FORWARD = "right_turn_forward"  # turns right while moving in
    LEFT_TURN_FORWARD = "left_turn_forward"  # turns left while moving in


class CameraControl(Value):
    """One camera move: a simple one with an amount, or a preset without.

    The amount lies in -10 to 10 and is not 0; None goes with a preset.
    """

    move: CameraMove | CameraPreset
    amount: float | None = Field(default=None, ge=-10, le=10)

    @field_validator("move", mode="before")
    @classmethod
    def _is_a_move(cls, move: object) -> object:
        if move is None:
            raise ValueError(tr("Choose the camera move that the amount is for."))
        known = (*CameraMove, *CameraPreset)
        if move not in known:
            words = tr(
                "camera: there is no move {move}; choose one of {known}.",
                move=_harmless(move),
                known=", ".join(known),
            )
            raise ValueError(words)
        return move

    @model_validator(mode="after")
    def _amount_fits_move(self) -> Self:
        if isinstance(self.move, CameraMove) and not self.amount:
            words = tr("Give the {move} move an amount from -10 to 10 that is not 0.", move=self.move.value)
            raise ValueError(words)
        if isinstance(self.move, CameraPreset) and self.amount is not None:
            raise ValueError(tr("The {move} move takes no amount; leave it out.", move=self.move.value))
        return self


def _harmless(typed: object) -> str:
    """Enough of what was typed to know it again; no link, no markup."""
    return "_".join(re.findall(r"[^\W_]+", str(typed)))[:_MAX_ECHOED] or "…"


USUAL_AMOUNT = 5.0
"""How far a simple move goes when nobody says."""


def camera_control(move: str | None, amount: float | None) -> CameraControl | None:
    """A camera move from what a person typed; None where nothing was typed.

    Raises:
        pydantic.ValidationError: no such move, or the amount does not go with it.
    """
    if move is None and amount is None:
        return None
    if move in tuple(CameraMove) and amount is None:
        amount = USUAL_AMOUNT
    return CameraControl.model_validate({"move": move, "amount": amount})


class Picture(Value):
    """An input picture, already normalised and kept in the blob store.

    Its size is in pixels after EXIF rotation; `blob` is the SHA-256 of the stored bytes in hex.
    """

    blob: str = Field(pattern=r"^[0-9a-f]{64}$")
    media_type: Literal["image/jpeg", "image/png"]
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class Point(Value):
    """A place in a picture: whole pixels from its top left corner, as in image files."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)


Path = Annotated[tuple[Point, ...], Field(min_length=1, max_length=77)]
"""Where something moves, from its first point to its last (at most 77 points: Kling, for a clip of 5 s)."""


class Stroke(Value):
    """One thing that moves: the mask that covers it, and its path."""

    mask: Picture
    path: Path


class MotionBrush(Value):
    """What must stand still and what must move. Masks have exactly the size of the picture they are for."""

    still: Picture | None = None
    moving: tuple[Stroke, ...] = Field(default=(), max_length=6)

    @model_validator(mode="after")
    def _something_painted(self) -> Self:
        if not self.still and not self.moving:
            raise ValueError(tr("Paint what stands still or what moves."))
        return self

    @property
    def masks(self) -> tuple[Picture, ...]:
        """Every mask, the still one first."""
        still = (self.still,) if self.still else ()
        return (*still, *(stroke.mask for stroke in self.moving))


class Shot(Value):
    """One shot of several in a clip."""

    prompt: str = Field(min_length=1, max_length=512)
    duration_s: int = Field(ge=1, le=60)


class Options(Value):
    """What can be chosen for a clip beside its pictures. None means the model's own default."""

    prompt: str = Field(default="", max_length=2500)
    negative_prompt: str | None = Field(default=None, max_length=2500)
    provider: str | None = Field(default=None, max_length=40)
    model: str | None = Field(default=None, max_length=100)
    duration_s: int = Field(default=5, gt=0, le=60)
    quality: Quality | None = None
    aspect: Aspect | None = None
    guidance: float | None = Field(default=None, ge=0, le=1)
    camera: CameraControl | None = None
    sound: bool = False
    voices: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=2)
    """Ids of voices; the prompt refers to them as `<<<voice_1>>>` and `<<<voice_2>>>`."""
    shots: tuple[Shot, ...] = Field(default=(), max_length=6)
    """A clip of several shots; they take the place of the prompt."""
    watermark: bool = False
    """With the maker's mark."""
    draft: bool = False
    spoiler: bool = False

    @field_validator("provider", "model")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError(tr("The names of models and providers are letters, digits and . _ : / - only."))
        return name

    @model_validator(mode="after")
    def _shots_fill_the_clip(self) -> Self:
        total_s = sum(shot.duration_s for shot in self.shots)
        if self.shots and total_s != self.duration_s:
            raise ValueError(
                tr(
                    "The shots last {total} seconds together, but the clip {whole}.",
                    total=total_s,
                    whole=self.duration_s,
                )
            )
        return self


class VideoRequest(Options):
    """A request for one clip, complete."""

    image: Picture | None = None
    end_frame: Picture | None = None
    motion: MotionBrush | None = None

    @model_validator(mode="after")
    def _something_to_show(self) -> Self:
        if self.end_frame and not self.image:
            raise ValueError(tr("An end frame needs a picture to start from."))
        if not self.image and not self.shots and not self.prompt.strip():
            raise ValueError(tr("Say in the prompt what the video shows."))
        return self

    @model_validator(mode="after")
    def _brush_fits_the_picture(self) -> Self:
        if self.motion is None:
            return self
        if self.image is None:
            raise ValueError(tr("Motion is painted on a picture; add one."))
        size = (self.image.width, self.image.height)
        if any((mask.width, mask.height) != size for mask in self.motion.masks):
            raise ValueError(
                tr("Each mask must have the picture's size, {width}x{height}.", width=size[0], height=size[1])
            )
        for stroke in self.motion.moving:
            if any(point.x >= size[0] or point.y >= size[1] for point in stroke.path):
                raise ValueError(
                    tr(
                        "A path leaves the picture, which is {width}x{height} pixels.",
                        width=size[0],
                        height=size[1],
                    )
                )
        return self

    @classmethod
    def of(
        cls,
        options: Options,
        *,
        image: Picture | None = None,
        end_frame: Picture | None = None,
        motion: MotionBrush | None = None,
    ) -> Self:
        """Join options and pictures; raises `pydantic.ValidationError` when nothing can be made of them."""
        return cls(**dict(options), image=image, end_frame=end_frame, motion=motion)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture that a provider needs for it."""
        frames = tuple(filter(None, (self.image, self.end_frame)))
        return frames + (self.motion.masks if self.motion else ())

    @property
    def task(self) -> Task:
        """Which of a provider's tasks this request is."""
        return Task.IMAGE_TO_VIDEO if self.image else Task.TEXT_TO_VIDEO


class Asked(Value):
    """A request as it came in, before its pictures are ours. Ids are Discord snowflakes."""

    request_key: str
    """The id of the interaction, or of the message, that asks: the card is the message that answers it."""
    is_message: bool = False
    """Whether it was asked in a message and not by an interaction."""
    is_perhaps_made: bool = False
    """Whether it was noted in a backup that was put back: it may have become a job since, which nobody knows now."""
    guild_id: int
    channel_id: int
    parent_id: int | None
    user_id: int
    upload_limit: int
    options: Options
    image_url: str | None
    """Signed by the CDN, so good for about a day."""
    end_frame_url: str | None
    still_mask_url: str | None = None
    moving_urls: tuple[str, ...] = Field(default=(), max_length=6)
    """One mask for each of `paths`."""
    paths: tuple[Path, ...] = Field(default=(), max_length=6)
    """In pixels of the picture as it was sent."""
    painting_id: int | None = None
    """The painting that was sent: picture and motion are those below, and the card is a message of its own."""
    image: Picture | None = None
    """As it is kept already, where it came before the rest."""
    motion: MotionBrush | None = None
    """Likewise, painted on that."""
    agreed_credits: int | None = None
    """What the page showed that it costs, on the button that sent it; None where it came another way."""
    after_id: int | None = None
    """The newest message of its channel when it was sent from a page; None where there is none, or it came another way."""
    offer_id: int | None = None
    """The offer that was taken up: options and pictures are in there."""
    fit: Literal["enlarge", "pad", "crop"] | None = None
    """How to make the offer's pictures fit."""
    roles: tuple[int, ...] = ()
    """What the member had at that moment."""
    manages: bool = False
    """Whether the member might manage the server."""
    is_age_restricted: bool = False
    """Whether the channel was only for adults at that moment."""
    is_private: bool = False
    """Whether it is asked in a thread that only some see."""
    language: str = "en"
    """Of the server, as Discord says."""
    from_job_id: int | None = None
    """The job that this comes out of; its pictures are used where none are given."""
    relation: Literal["again", "edit", "extend", "final"] | None = None
