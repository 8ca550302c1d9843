"""What log channels are told of requests: who asked for what, where and for how much, and what was refused."""

from bot.domain.content import MAX_REASON
from bot.domain.jobs import Job
from bot.language import speaking, tr
from bot.services.policy import RefusedRequest
from bot.services.request_log import Told
from bot.ui.cards import asked_for, came_out_of, describe_request
from bot.ui.text import inline, link_to, quoted


def request_words(told: Told) -> str:
    """A few lines about one request in its server's language; in a message that mentions nobody, it pings nobody."""
    if isinstance(told, RefusedRequest):
        with speaking(told.language):
            return "\n".join(_refused(told))
    with speaking(told.origin.language):
        return "\n".join(_accepted(told))


def _accepted(job: Job) -> list[str]:
    origin = job.origin
    card = link_to(origin.guild_id, origin.channel_id, origin.card_id)
    name = tr("job {id}", id=job.id)
    asks = tr(
        "{member} asks in {channel}: {job}",
        member=f"<@{origin.user_id}>",
        channel=f"<#{origin.channel_id}>",
        job=f"[{name}](<{card}>)",
    )
    lineage = [f"-# {came_out_of(origin.lineage)}"] if origin.lineage else []
    words = [_unsaid()] if origin.is_private else asked_for(job.request)
    return [asks, *words, f"-# {describe_request(job)}", *lineage]


def _refused(request: RefusedRequest) -> list[str]:
    who, where = f"<@{request.user_id}>", f"<#{request.channel_id}>"
    rule = inline(request.rule.thing, length=MAX_REASON)
    return [
        tr("{member} asks in {channel}: refused by the rule {rule}", member=who, channel=where, rule=rule),
        _unsaid() if request.is_private else quoted(request.text),
        "-# " + tr("Nothing was charged."),
    ]


def _unsaid() -> str:
    """In the place of words that only some were to read."""
    return "-# " + tr("What was asked for stays in its private thread.")
