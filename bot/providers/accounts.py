"""Whether an account works and what is left in it, as far as its API tells: by questions alone, which cost nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from bot.domain.provider import Refusal, Unreachable
from bot.providers.http import Account, Call, Reply, dig
from bot.providers.kling_answers import trouble_of

_DAY_MS = 86_400_000
_NOBODY = "kinora-doctor-looks-for-nothing"
_NO_RECORD = "00000000-0000-4000-8000-000000000000"
_DENIED = (401, 403)
_OUT_OF_ORDER = 500
_MOST_PACKS = 1_000
_LARGEST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands."""

    is_accepted: bool | None
    """Whether its key is; None where the API does not tell without being paid."""
    left: str = ""
    """In the provider's own units; empty where it does not tell."""
    trouble: str = ""
    """Why nothing could be learnt; empty where something was."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return self.left.startswith(("0 ", "-"))


async def ask(name: str, account: Account) -> Standing:
    """Ask a provider about our account, in one request that creates nothing."""
    call, read = _QUESTIONS[name]
    try:
        reply = await account.send(call(account.now_ms()), read_timeout_s=15)
    except Unreachable as fault:
        return Standing(None, trouble=f"it cannot be reached ({fault})")
    if reply.status >= _OUT_OF_ORDER:
        return Standing(None, trouble=f"it is out of order (HTTP {reply.status})")
    return read(reply)


def _costs(now_ms: int) -> Call:
    """Kling API, account information: free, at most once a second."""
    query = {"start_time": str(now_ms - 30 * _DAY_MS), "end_time": str(now_ms)}
    return Call("GET", "/account/costs", query=query)


def _kling(reply: Reply) -> Standing:
    trouble = trouble_of(reply)
    if trouble is None:
        return Standing(is_accepted=True, left=_units(reply))
    if trouble.refusal is Refusal.ACCOUNT or reply.status in _DENIED:
        return Standing(is_accepted=False)
    return Standing(None, trouble=f"it does not answer about accounts (HTTP {reply.status})")


def _units(reply: Reply) -> str:
    packs = reply.find("data", "resource_pack_subscribe_infos")
    listed = cast("list[Any]", packs)[:_MOST_PACKS] if isinstance(packs, list) else []
    left = [_amount(dig(pack, "remaining_quantity")) for pack in listed if dig(pack, "status") == "online"]
    return f"{sum(filter(None, left), Decimal(0)):,f} units" if left else ""


def _kkiai(reply: Reply) -> Standing:
    """A task that nobody made is not found, unless the key is not known."""
    trouble = trouble_of(reply)
    denied = reply.status in _DENIED or (trouble is not None and trouble.refusal is Refusal.ACCOUNT)
    return Standing(is_accepted=not denied)


def _aimlapi(reply: Reply) -> Standing:
    if reply.status in _DENIED:
        return Standing(is_accepted=False)
    if not reply.is_success:
        return Standing(None, trouble=f"it does not answer about accounts (HTTP {reply.status})")
    left = _amount(reply.find("current_balance"))
    unit = reply.find("currency")
    unit = unit if isinstance(unit, str) and unit.isalpha() and len(unit) < 10 else "credits"  # noqa: PLR2004
    return Standing(is_accepted=True, left="" if left is None else f"{left:,f} {unit}")


def _onemin(reply: Reply) -> Standing:
    return Standing(is_accepted=False if reply.status in _DENIED else None)


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value)[:50])
    except InvalidOperation:
        return None
    return amount.normalize() if amount.is_finite() and abs(amount) < _LARGEST else None


_QUESTIONS: Mapping[str, tuple[Callable[[int], Call], Callable[[Reply], Standing]]] = {
    "kling": (_costs, _kling),
    "kkiai": (lambda _: Call("GET", f"/v1/videos/text2video/{_NOBODY}"), _kkiai),
    "aimlapi": (lambda _: Call("GET", "/v2/billing"), _aimlapi),  # docs.aimlapi.com, billing
    "onemin": (lambda _: Call("GET", f"/api/ai-records/{_NO_RECORD}"), _onemin),
}
"""What is asked, by provider."""
