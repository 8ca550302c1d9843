"""Application commands: listed, overwritten, made, changed, deleted; global and per guild."""

from bot.sandbox.model.applications import SLASH, Application, Command
from bot.sandbox.refusals import Refusal
from bot.sandbox.rest.call import Call, Routes
from bot.sandbox.wire import Json

_APPLICATION = "/applications/{application_id}"
_GUILD = _APPLICATION + "/guilds/{guild_id}"


def _scope(call: Call) -> tuple[Application, int | None]:
    app = call.bot
    if call.id("application_id") != app.id:
        raise Refusal(50001)
    return app, call.guild().id if "guild_id" in call.params else None


def _list(call: Call) -> list[Json]:
    app, scope = _scope(call)
    return [command.payload(app.id) for command in app.commands.get(scope, {}).values()]


def _replace(call: Call) -> list[Json]:
    app, scope = _scope(call)
    made = app.replace_commands(scope, call.payload, call.world.hub.new_id)
    call.world.hub.changed(app)
    return [command.payload(app.id) for command in made]


def _create(call: Call) -> Json:
    app, scope = _scope(call)
    key = int(call.body.get("type") or SLASH), str(call.body["name"])
    before = app.commands.get(scope, {}).get(key)
    command = Command(before.id if before else call.world.hub.new_id(), *key, call.body, scope)
    app.put_command(scope, command)
    call.world.hub.changed(app)
    return command.payload(app.id)


def _found(call: Call) -> tuple[Application, Command]:
    app, scope = _scope(call)
    command = app.command_by_id(scope, call.id("command_id"))
    if command is None:
        raise Refusal(10063)
    return app, command


def _get(call: Call) -> Json:
    app, command = _found(call)
    return command.payload(app.id)


def _change(call: Call) -> Json:
    app, before = _found(call)
    body = before.body | call.body
    after = Command(before.id, before.type, str(body["name"]), body, before.guild_id)
    app.drop_command(before)
    app.put_command(before.guild_id, after)
    call.world.hub.changed(app)
    return after.payload(app.id)


def _delete(call: Call) -> None:
    app, command = _found(call)
    app.drop_command(command)
    call.world.hub.changed(app)


ROUTES: Routes = {
    (method, f"{scope}/commands{rest}"): handler
    for scope in (_APPLICATION, _GUILD)
    for method, rest, handler in (
        ("GET", "", _list),
        ("PUT", "", _replace),
        ("POST", "", _create),
        ("GET", "/{command_id}", _get),
        ("PATCH", "/{command_id}", _change),
        ("DELETE", "/{command_id}", _delete),
    )
}
