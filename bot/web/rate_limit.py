"""Lets requests to Discord's API wait for their turn, just before they are sent."""

import aiohttp
from yarl import URL

from bot.services.rate_limit import RateLimit, Slot

_EXEMPT = ("/interactions/", "/webhooks/")
"""Answers to interactions count in no global limit (Discord, Receiving and Responding, Endpoints), so they never wait."""


def paced(trace: aiohttp.TraceConfig, limit: RateLimit, *, api_url: str) -> None:
    """Let what is sent over a session with this trace wait; before all else that the trace does."""
    base = URL(api_url)

    async def began(_: object, context: object, about: aiohttp.TraceRequestStartParams) -> None:
        if counts(about.url, base):
            context.slot = await limit.take()  # type: ignore[attr-defined] - a namespace

    async def ended(_: object, context: object, __: object) -> None:
        slot: Slot | None = getattr(context, "slot", None)
        if slot is not None:
            slot.answered()

    trace.on_request_start.insert(0, began)
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(ended)


def counts(url: URL, base: URL) -> bool:
    """Whether a request is one of those that Discord counts for the token."""
    if url.origin() != base.origin() or not url.path.startswith(f"{base.path}/"):
        return False
    return not url.path.removeprefix(base.path).startswith(_EXEMPT)
