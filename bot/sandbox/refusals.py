"""Discord's refusals: a status, a code, and words.

Refusal           what the API answers with
ClientRefused     what a person's own client would not let them do, so that nothing is sent
"""

from collections.abc import Sequence

from bot.sandbox.wire import Json

_KNOWN = {
    0: (404, "404: Not Found"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10011: (404, "Unknown Role"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    40001: (401, "Unauthorized"),
    40005: (413, "Request entity too large"),
    40058: (400, "Cannot message this channel until a post is made"),
    40060: (400, "Interaction has already been acknowledged."),
    40067: (400, "A tag is required to create a forum post in this channel"),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (403, "Thread is locked"),
    160006: (400, "Maximum number of active threads reached"),
}


class Refusal(Exception):
    """A refusal with one of Discord's codes; `reasons` say what is wrong with the body."""

    def __init__(self, code: int, reasons: Sequence[str] = ()) -> None:
        self.code = code
        self.status, self.message = _KNOWN[code]
        self.reasons = tuple(reasons)
        super().__init__(f"{self.status} {code} {self.message} {' '.join(reasons)}".rstrip())

    @property
    def body(self) -> Json:
        """The answer's JSON."""
        body: Json = {"message": self.message, "code": self.code}
        if self.reasons:
            body["errors"] = {
                str(index): {"_errors": [{"code": "BASE_TYPE_INVALID", "message": reason}]}
                for index, reason in enumerate(self.reasons)
            }
        return body


class ClientRefused(Exception):
    """The person's client does not offer this: no such command, a button that is not there, a wrong value."""
