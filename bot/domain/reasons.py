"""Why a clip was not made: kept in English with the job, and said in the language of whoever reads it.

Reasons of our own are translated as they stand. Providers put their name into theirs, and often what the vendor said
behind a colon, which stays in the vendor's words.
"""

import re

from bot.language import ENGLISH, marked, spoken, tr

_OF_PROVIDERS = (
    marked("{provider} takes no more clips right now."),
    marked("{provider} is taking no more jobs right now."),
    marked("{provider} is busy."),
    marked("{provider} is out of order."),
    marked("{provider} could not be reached."),
    marked("{provider} could not make this clip."),
    marked("{provider} did not make the clip."),
    marked("{provider} finished the clip but gave no link to it."),
    marked("{provider} finished the clip, but gave no link to it."),
    marked("{provider} does not allow this content."),
    marked("{provider} refused the content."),
    marked("{provider} does not accept this request."),
    marked("{provider} does not offer this model for such a clip."),
    marked("{provider} does not know this model."),
    marked("{provider} takes only a prompt, guidance and simple camera moves with a picture."),
    marked("{provider} takes no requests of this bot right now; its operator has to see to that."),
    marked("{provider} is no longer at hand here, and nobody else can make this for what it costs."),
    marked("The operator's account at {provider} has no credit left."),
    marked("The operator's account at {provider} may not be used for this."),
    marked("The pictures are too large for {provider}."),
    marked("The pictures are too large for {provider}; use smaller ones."),
    marked("The provider could not be reached."),
    marked("The local renderer could not make this clip."),
    marked("The unfinished clip is no longer on this machine."),
)


def _pattern(template: str) -> re.Pattern[str]:
    words = re.escape(template.removesuffix(".")).replace(r"\{provider\}", r"(?P<provider>[^:]+?)")
    return re.compile(rf"{words}(?:\.|: (?P<words>.+))", re.DOTALL)


_PATTERNS = [(_pattern(template), template) for template in _OF_PROVIDERS]


def retold(reason: str) -> str:
    """A reason that was written down in English, in the language that is spoken here; unknown ones stay as they are."""
    if spoken() == ENGLISH:
        return reason
    for pattern, template in _PATTERNS:
        if found := pattern.fullmatch(reason):
            places = found.groupdict()
            words = places.pop("words")
            said = tr(template, **places)
            return f"{said.removesuffix('.')}: {words}" if words else said
    return tr(reason)
