"""How the painter's page and the server speak with each other. It needs no cookie: the link is all.

Addresses are relative to the page's own (a proxy may put something before them), and nothing comes from elsewhere.
`{token}` is what `bot.services.paintings` signed. What was never valid is answered with 404, a link that has lapsed or
was used with 410; a page in words where a page was asked for, else JSON: `{"said": "a sentence for a person"}`.

`GET /paint/{token}`
    The page: `bot/web/painter/index.html`, to the letter. It can be loaded until it was sent.

`GET /paint/static/{name}`
    The other files of that folder (html, css, js, svg); from the page that is `static/{name}`, because the page's address
    ends without a slash.

`GET /paint/{token}/picture`
    The picture as it goes to the model, JPEG or PNG, upright, of exactly the size in the facts.

`GET /paint/{token}/facts`
    ``{"language": "de",                      # to be the page's `lang`
       "words": {"send": "Make the clip"},    # `bot.web.painter.words.words()`, in that language
       "picture": {"width": 1280, "height": 720},
       "seconds_left": 1740,
       "takes_place_of_question": false,      # true: what is sent changes a question that waits in Discord
       "prompt": "the boat sails",            # as it was asked; may be empty, and may be changed
       "about": "5 s · std",                  # what else was chosen, in words; may be empty
       "models": [{"provider": "local", "model": "local-camera", "name": "Local camera", "price": 5,
                   "price_words": "5 credits", "quality": "std", "cautions": ["…"]}],
       "others": [{"name": "Kling 2.6", "why": ["Kling 2.6 does not take painted motion; leave it out."]}],
       "notes": ["Painted motion cannot go together with an end frame or a camera move."],
       "limits": {"groups": 6, "least_points": 2, "most_points": 77, "sent_points": 10000, "prompt_characters": 2500,
                  "mask_bytes": 1000000, "body_bytes": 8000000}}``
    The first of `models` is the one that is taken if none is named; there is always one. Prices are in credits, 0 is
    free. `sent_points` counts those of all paths together.

`POST /paint/{token}`, `Content-Type: application/json`, at most `body_bytes`
    ``{"still": null | "<PNG in base64>",
       "moving": [{"mask": "<PNG in base64>", "path": [[10, 20], [300.5, 40]]}],
       "prompt": "the boat sails",                               # may be left out: as it was
       "model": {"provider": "local", "model": "local-camera"},  # may be left out or null: the first
       "price": 5}                                               # of that model, as it was shown
    ``
    Masks are PNG of exactly the picture's size, at most `mask_bytes` each before base64; white is painted. Paths are in
    pixels of the picture from its TOP left corner, x to the right and y down, numbers with or without fractions; what
    lies outside is brought to the edge. Something must be painted, and a part that moves has at least two points.

    ``{"outcome": "made" | "asked" | "refused" | "gone", "said": "Job 7 is queued; its card is in #films.",
       "job": 7}``
    200 `made`: it is a job, and the link is used up. 200 `asked`: somebody has to agree to it in Discord; used up
    likewise. 422 `refused`: `said` says why, nothing was charged, and it may be sent again. 410 `gone`: it was sent
    already, or has lapsed. 409 `refused`: it is being sent at this moment. 413 `refused`: more bytes than may be.
    503 `refused`: not now, try again. `job` is there with `made` alone. `price` and `price_words` are there where it
    was refused because it costs more by now: nobody takes more than the page showed.
"""

import base64
import re
from collections.abc import Mapping
from typing import Annotated

import structlog
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast, Field, ValidationError

from bot.domain import painting as rules
from bot.domain.catalogue import Choice
from bot.domain.painting import Drawing, PaintingUnclear, Part
from bot.language import tr, trn
from bot.services.drawings import Facts, Fate, Outcome
from bot.services.paintings import Opened
from bot.web.painter.words import words

log = structlog.stdlib.get_logger(__name__)

MAX_PROMPT = 2500

_MAX_QUOTES = 10_000
"""In a body: a prompt may have some thousands. To tell a million unknown names apart would hold the event loop up."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SAID_AS_REFUSED = (Fate.BUSY, Fate.LATER)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _plain(text: str) -> str:
    """Without what no client of Discord's could send either."""
    return _CONTROLS.sub("", text).strip()


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("no text")  # noqa: TRY004 - pydantic wants this one
    return base64.b64decode(text, validate=True)


_Png = Annotated[bytes, BeforeValidator(_decoded)]
_Text = Annotated[str, Field(max_length=MAX_PROMPT), AfterValidator(_plain)]


class _Part(_Wire):
    mask: _Png
    path: Annotated[tuple[tuple[float, float], ...], Field(max_length=rules.MAX_SENT_POINTS), FailFast()]


class _Model(_Wire):
    provider: Annotated[str, Field(max_length=40)]
    model: Annotated[str, Field(max_length=100)]


class _Drawing(_Wire):
    still: _Png | None = None
    moving: Annotated[tuple[_Part, ...], Field(max_length=rules.MAX_GROUPS), FailFast()] = ()
    prompt: _Text | None = None
    model: _Model | None = None
    price: Annotated[int, Field(ge=0, le=rules.MAX_PRICE)]

    def drawing(self) -> Drawing:
        """The same, as the rest knows it."""
        return Drawing(
            still=self.still,
            moving=tuple(Part(part.mask, part.path) for part in self.moving),
            prompt=self.prompt,
            provider=self.model.provider if self.model else None,
            model=self.model.model if self.model else None,
            price=self.price,
        )


def drawing_in(body: bytes, media_type: str) -> Drawing:
    """What a page has sent.

    Raises:
        PaintingUnclear: no page of ours has.
    """
    if media_type != "application/json" or body.count(b'"') > _MAX_QUOTES:
        raise _unread()
    try:
        return _Drawing.model_validate_json(body).drawing()
    except ValidationError as error:
        log.info("painting not understood", problems=error.error_count())
        raise _unread() from error


def _unread() -> PaintingUnclear:
    return PaintingUnclear(tr("What the page sent cannot be read; load it anew."))


def told_facts(opened: Opened, facts: Facts, *, seconds_left: int) -> Mapping[str, object]:
    """What the page is told before, in the language that is spoken here."""
    request, picture = facts.request, opened.picture
    quality = [request.quality.value] if request.quality else []
    return {
        "language": opened.painting.language,
        "words": words(),
        "picture": {"width": picture.width, "height": picture.height},
        "seconds_left": seconds_left,
        "takes_place_of_question": opened.painting.question_id is not None,
        "prompt": request.prompt,
        "about": " · ".join([trn("{number} second", "{number} seconds", request.duration_s), *quality]),
        "models": [_model(choice) for choice in facts.choices],
        "others": [{"name": one.spec.title, "why": list(one.why)} for one in facts.unable],
        "notes": list(facts.notes),
        "limits": {
            "groups": rules.MAX_GROUPS,
            "least_points": rules.LEAST_POINTS,
            "most_points": rules.MOST_POINTS,
            "sent_points": rules.MAX_SENT_POINTS,
            "prompt_characters": MAX_PROMPT,
            "mask_bytes": rules.MAX_MASK_BYTES,
            "body_bytes": rules.MAX_BODY_BYTES,
        },
    }


def told(outcome: Outcome) -> Mapping[str, object]:
    """What has become of what the page sent."""
    fate = Fate.REFUSED if outcome.fate in _SAID_AS_REFUSED else outcome.fate
    job = {} if outcome.job_id is None else {"job": outcome.job_id}
    price = {} if outcome.price is None else _priced(outcome.price)
    return {"outcome": fate.value, "said": outcome.said, **job, **price}


def _model(choice: Choice) -> dict[str, object]:
    return {
        "provider": choice.spec.provider,
        "model": choice.spec.id,
        "name": choice.spec.title,
        **_priced(choice.price),
        "quality": choice.quality.value if choice.quality else "",
        "cautions": list(choice.cautions),
    }


def _priced(price: int) -> dict[str, object]:
    words = trn("{number} credit", "{number} credits", price) if price else tr("free")
    return {"price": price, "price_words": words}
