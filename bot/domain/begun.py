"""Requests that are being put together: what is kept of one between a click and the next."""

from typing import Literal

from pydantic import Field

from bot.domain.flags import escaped
from bot.domain.jobs import Job, Relation
from bot.domain.requests import Asked, Options, Value

MAX_CHOICES = 10
"""Pictures of one message, which is as many as a gallery shows."""


class Candidate(Value):
    """A picture that may be chosen."""

    url: str
    is_spoiler: bool = False


class Begun(Value):
    """A request that is not complete yet. Its links are signed by the CDN, so good for about a day."""

    options: Options = Options()
    text: str = ""
    """What was written so far: a prompt with its flags, or the shots of a storyboard."""
    image_url: str | None = None
    end_frame_url: str | None = None
    from_job_id: int | None = None
    """The job that it comes out of; that one's pictures are used where none are given."""
    relation: Literal["again", "edit", "extend", "final"] | None = None
    choices: tuple[Candidate, ...] = Field(default=(), max_length=MAX_CHOICES)
    """Pictures of which one has to be chosen before it goes on."""
    asked: Asked | None = None
    """The message that asks, where it is one; its answer becomes the card."""

    def with_picture(self, picture: Candidate) -> "Begun":
        """It starts from this one; what comes of a picture that is hidden is hidden as well."""
        options = self.options.model_copy(update={"spoiler": self.options.spoiler or picture.is_spoiler})
        return self.model_copy(update={"image_url": picture.url, "choices": (), "options": options})


def options_of(job: Job) -> Options:
    """What was chosen for a job, beside its pictures."""
    return Options(**{name: getattr(job.request, name) for name in Options.model_fields})


def edit_of(job: Job) -> Begun:
    """A job's request to be changed and asked once more: with the same pictures, unless another one is uploaded."""
    lines = (f"{shot.duration_s} | {shot.prompt}" for shot in job.request.shots)
    return Begun(
        options=options_of(job),
        text="\n".join(lines) or escaped(job.request.prompt),
        from_job_id=job.id,
        relation=Relation.EDIT.value,
    )


def extension_of(job: Job) -> Begun:
    """A job's clip to be gone on with from its last frame, whose shape it then has."""
    options = options_of(job).model_copy(update={"aspect": None, "shots": ()})
    return Begun(
        options=options,
        text=escaped(job.request.prompt),
        from_job_id=job.id,
        relation=Relation.EXTEND.value,
    )
