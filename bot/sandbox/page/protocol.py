"""What the page and the sandbox say to each other.

JSON texts over the websocket at `GET /page/live?as=<user id>&guild=<guild id>`; without `as` the sandbox proposes who
one is, without `guild` the first of that person's is shown. Ids are texts, times ISO 8601, and whatever Discord has an
object for has Discord's shape ("message", "channel", "component", "application command": Discord API reference).

The page asks, each question with a whole number of its own, and gets one answer in any order:

    {"id": 7, "do": "send", ...}   →   {"re": 7, "value": ...}  or  {"re": 7, "refused": "A sentence for the person."}

What is no question is answered with `"re": null` and a refusal; the connection stands. A text may be a list of several
answers and events, in order.

Verbs
-----

`channel` and `message` are ids. Files are named by the tickets of uploads.

history     {channel, before?, limit?}                   messages, oldest first; limit 1 to 100, 50 by default, and
                                                         this person's ephemeral messages of that time besides; those
                                                         who may not read the history get none
send        {channel, text?, files?, reply_to?, ping?}   the message; files: tickets, ping: true by default
edit        {channel, message, text}                     the message
delete      {channel, message}                           null; an ephemeral message is dismissed
slash       {channel, name, options?}                    {interaction}; name with its sub-commands: "quota me"; options
                                                         by name: texts, numbers, truths, ids of users, roles and
                                                         channels, tickets
complete    {channel, name, options?, focused, value}    choices [{name, value}]; null when a newer question overtook it
menu        {channel, message, name}                     {interaction}
click       {channel, message, custom_id}                {interaction}
choose      {channel, message, custom_id, values}        {interaction}; values as options offer them, or ids
submit      {modal, values?}                             {interaction}; modal: the id of the interaction that opened it,
                                                         values by custom_id: texts, truths, lists of values, ids or
                                                         tickets; a field that is not named keeps its default. A
                                                         submission that was refused or that has failed may be sent
                                                         again
thread      {channel, name, message?, text?}             the channel; text: the first message of a forum's post
archive     {channel, locked?}                           the channel, which is a thread
offer       {channel, message?}                          {commands, menus}: the slash commands that this person may use
                                                         here, as registered, with `application_id`; the names of the
                                                         message's menu commands
backstage   {open}                                       the backstage's description; its events come while it is open
set         {switch, value}                              null; of the backstage

Events
------

hello           {me, people, guild, channels, applications, commands, upload_limit_bytes, time, backstage}
                comes first, and takes the place of all that was known:
                me, people: user objects with `is`: "owner", "moderator" or "member", and with
                `locale`, the language that Discord speaks to them; people are those one may be
                guild: the guild with `roles` and `members` (member objects with `user`)
                channels: those one sees, threads and direct messages too
                applications: [{id, name, user, online}]
                commands: a number that grows when a bot registers anew
                upload_limit_bytes: of one file
                backstage: its description
guild           {me, people, guild, channels, applications, upload_limit_bytes}: roles, members or limits are different;
                takes the place of hello's
message         {message}: a new one
message_update  {message}
message_delete  {channel, message}: ids
channel         {channel}: created or changed
channel_delete  {channel}: the id; deleted, or no longer seen
commands        {revision}: what `offer` said is stale
application     {application}: a bot came or went
interaction     {interaction, state, channel, message?, custom_id?}: about this person's own. state: "thinking" when the
                bot takes its time (message: the one that says so), "answered" when it has answered (message: with what,
                if with one), "failed" when it has not: "The application did not respond". custom_id: what was
                pressed
modal           {interaction, modal}: modal: custom_id, title, components as the bot sent them
backstage       {backstage}: its description, where the backstage is open
restart         {}: the sandbox ends; connect again after a moment

A message has besides Discord's fields
    pings_me    whether it notified this person
    may         {delete, edit, reply, thread}: truths
A channel has besides
    joined      whether this person is in the thread (true for what is no thread)
    may         {read, send, attach, thread, archive}: truths
    recipients  of a direct message: the others
Ephemeral messages come to the person alone for whom they are. Nothing of a channel comes to those who do not see it.

Uploads
-------

`POST /page/files?as=<user id>&channel=<channel id>&name=<file name>` with the bytes as its body answers
`{"ticket", "filename", "size"}`, or 4xx with `{"refused": "..."}`. A ticket is for one person and one use within a
minute; what was refused keeps its tickets. Upload when the rest is ready to be sent.
"""

import json
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json, as_object, dumps

MAX_FRAME_CHARS = 1 << 16
_MAX_ID_DIGITS = 20
_MAX_QUESTION = 1 << 53


class Unreadable(ClientRefused):
    """A text of the page that is no question of this protocol."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the page asks; its fields are read with their types.

    Every reader raises `Unreadable` where the field is missing or of another type.
    """

    number: int
    verb: str
    body: Json

    def text(self, name: str, default: str | None = None) -> str:
        """A text."""
        value = self.body.get(name, default)
        if not isinstance(value, str):
            raise Unreadable(f"{self.verb} needs {name}, a text.")
        return value

    def truth(self, name: str, *, default: bool) -> bool:
        """A truth."""
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            raise Unreadable(f"{self.verb} takes true or false for {name}.")
        return value

    def number_of(self, name: str, default: int) -> int:
        """A whole number."""
        value = self.body.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unreadable(f"{self.verb} takes a whole number for {name}.")
        return value

    def identifier(self, name: str) -> int:
        """An id."""
        found = as_identifier(self.body.get(name))
        if found is None:
            raise Unreadable(f"{self.verb} needs {name}, an id.")
        return found

    def optional_identifier(self, name: str) -> int | None:
        """An id, or None where nothing is given."""
        return None if self.body.get(name) is None else self.identifier(name)

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty where nothing is given."""
        value = self.body.get(name)
        entries = [] if value is None else cast("list[object]", value) if isinstance(value, list) else [value]
        texts = [entry for entry in entries if isinstance(entry, str)]
        if len(texts) != len(entries):
            raise Unreadable(f"{self.verb} takes a list of texts for {name}.")
        return texts

    def fields(self, name: str) -> Json:
        """An object; empty where nothing is given."""
        value: object = self.body.get(name)
        if value is not None and not isinstance(value, dict):
            raise Unreadable(f"{self.verb} takes an object for {name}.")
        return as_object(cast("object", value))


def as_identifier(value: object) -> int | None:
    """The id that a text says; None if it says none."""
    if not isinstance(value, str) or len(value) > _MAX_ID_DIGITS:
        return None
    return int(value) if value.isascii() and value.isdigit() else None


def question(text: str) -> Question:
    """Read a question.

    Raises:
        Unreadable: it is none.
    """
    if len(text) > MAX_FRAME_CHARS:
        raise Unreadable(f"A question has at most {MAX_FRAME_CHARS} characters, not {len(text)}.")
    try:
        body: Any = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable("This is not JSON.") from error
    if not isinstance(body, dict):
        raise Unreadable("A question is an object with id and do.")
    found = as_object(cast("object", body))
    number, verb = found.get("id"), found.get("do")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < _MAX_QUESTION:
        raise Unreadable("A question needs id, a whole number.")
    if not isinstance(verb, str):
        return Question(number, "", found)
    return Question(number, verb, found)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON.")


def answer(number: int, value: object) -> str:
    """What answers a question."""
    return dumps({"re": number, "value": value})


def refusal(number: int | None, sentence: str) -> str:
    """What refuses a question; None where it is not known which."""
    return dumps({"re": number, "refused": sentence})


def event(name: str, **fields: object) -> str:
    """An event."""
    return dumps({"on": name, **fields})
