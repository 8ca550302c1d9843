"""Who the bot is, where its gateway is, its DMs."""

from bot.sandbox.refusals import Refusal
from bot.sandbox.rest.call import Call, Routes
from bot.sandbox.wire import Json


def _me(call: Call) -> Json:
    return call.bot.user.payload() | {"verified": True, "mfa_enabled": False, "flags": 0, "email": None}


def _application(call: Call) -> Json:
    return call.bot.payload()


def _user(call: Call) -> Json:
    found = call.world.users.get(call.id("user_id"))
    if found is None:
        raise Refusal(10013)
    return found.payload()


def _direct(call: Call) -> Json:
    found = call.world.users.get(int(call.body["recipient_id"]))
    if found is None or found.is_bot:
        raise Refusal(50007 if found else 10013)
    return call.world.direct_channel(call.bot.user, found).payload()


def _none(call: Call) -> list[Json]:
    del call
    return []


ROUTES: Routes = {
    ("GET", "/users/@me"): _me,
    ("GET", "/users/{user_id}"): _user,
    ("POST", "/users/@me/channels"): _direct,
    ("GET", "/oauth2/applications/@me"): _application,
    ("GET", "/applications/@me"): _application,
    ("GET", "/applications/{application_id}/entitlements"): _none,
    ("GET", "/applications/{application_id}/skus"): _none,
    ("GET", "/applications/{application_id}/emojis"): lambda call: {"items": _none(call)},
}
