"""Commands in the language of whoever looks at them, as Discord keeps them: by locale, beside the English."""

from discord import Locale, app_commands
from discord.app_commands import TranslationContextLocation as At

from bot.language import ENGLISH, language_of, speaking, tr, trp

COMMAND = "command"
"""In the catalogues: that a text names a command or one of its options, in lower case and without spaces."""
CHOICE = "choice"
MENU = "menu"

_CONTEXTS = {
    At.command_name: COMMAND,
    At.group_name: COMMAND,
    At.parameter_name: COMMAND,
    At.choice_name: CHOICE,
}


class Translator(app_commands.Translator):
    """Looks names and descriptions up in the catalogues; what stands in none stays English."""

    async def translate(
        self, string: app_commands.locale_str, locale: Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """The text for a locale; None where it is the English one."""
        language = language_of(locale.value)
        if language == ENGLISH:
            return None
        kind = _CONTEXTS.get(context.location)
        if isinstance(context.data, app_commands.ContextMenu):
            kind = MENU
        with speaking(language):
            said = tr(string.message) if kind is None else trp(kind, string.message)
        return None if said == string.message else said
