"""A Discord that runs on the loopback, for tests and demonstrations.

REST API, gateway and CDN are good enough for an unmodified discord.py client, and strict enough that a
bot which works here works there. `Sandbox` is the whole of it; people are driven through what it returns:

    sandbox = Sandbox()
    async with sandbox.serve():
        app = sandbox.add_application("Kinora", token="secret")
        guild = sandbox.add_guild("Film club", app=app)
        channel, mia = guild.add_channel("general"), guild.add_member("mia")
        await app.ready()
        used = await mia.slash("animate", channel, image=File("cat.png", data))
        message = await used.response(until=lambda found: found.files)

It knows nothing of the rest of the bot, and the bot may run in another process.
"""

from bot.sandbox.driver.forms import Modal
from bot.sandbox.driver.person import Choice, Person
from bot.sandbox.driver.server import App, Server
from bot.sandbox.driver.used import Used, shows
from bot.sandbox.faults import Answer, Delay, Drop, Fault, Hold, TooMany
from bot.sandbox.model.attachments import Attachment, File
from bot.sandbox.model.channels import Channel, Kind
from bot.sandbox.model.messages import Message
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import ClientRefused, Refusal
from bot.sandbox.rest.call import Request
from bot.sandbox.server import Sandbox
from bot.sandbox.waiting import NothingCame

__all__ = [
    "Answer",
    "App",
    "Attachment",
    "Channel",
    "Choice",
    "ClientRefused",
    "Delay",
    "Drop",
    "Fault",
    "File",
    "Hold",
    "Kind",
    "Message",
    "Modal",
    "NothingCame",
    "Permission",
    "Person",
    "Refusal",
    "Request",
    "Sandbox",
    "Server",
    "TooMany",
    "Used",
    "shows",
]
