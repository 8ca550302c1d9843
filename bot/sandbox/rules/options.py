"""The options of a slash command, its subcommands and groups among them."""

from collections.abc import Iterator

from bot.sandbox.rules.shape import (
    Check,
    Json,
    Rule,
    Shape,
    anything,
    as_list,
    as_object,
    at,
    by_type,
    is_whole,
    items,
    repeated,
    text,
    truth,
    whole,
)
from bot.sandbox.rules.values import FILE_TYPES, MAX_INTEGER, choice_value

_SUBCOMMAND, _GROUP, _STRING, _INTEGER, _BOOLEAN, _USER = 1, 2, 3, 4, 5, 6
_CHANNEL, _ROLE, _MENTIONABLE, _NUMBER, _ATTACHMENT = 7, 8, 9, 10, 11
_MAX_OPTIONS, _MAX_LENGTH = 25, 6000
_LOCALES = """
    ar bg cs da de el en-GB en-US es-419 es-ES fi fr he hi hr hu id it
    ja ko lt nl no pl pt-BR ro ru sv-SE th tr uk vi zh-CN zh-TW
"""
LOCALES = frozenset(_LOCALES.split())
# The vowel signs of these two scripts are neither letters nor digits, yet they may stand in names.
_MARKED_SCRIPTS = (range(0x0900, 0x0980), range(0xA8E0, 0xA900), range(0x0E00, 0x0E80))
DESCRIPTION = text(1, 100)


def slash_name(where: str, value: object) -> Iterator[str]:
    """Accept the name of a slash command or of an option."""
    faults = list(text(1, 32)(where, value))
    yield from faults
    if faults or not isinstance(value, str):
        return
    wrong = [c for c in value if not (c in "-_'" or c.isalnum() or any(ord(c) in s for s in _MARKED_SCRIPTS))]
    if wrong:
        yield f"{where} is {value!r}; a name has letters, digits, -, _ and ' only, not {wrong[0]!r}."
    elif value != value.lower():
        yield f"{where} is {value!r}; a name is written in lower case."


def localized(check: Check) -> Check:
    """Accept translations: the locale to a text that passes `check`."""

    def check_all(where: str, value: object) -> Iterator[str]:
        translations = as_object(value)
        if not isinstance(value, dict):
            yield f"{where} must be an object."
        for locale, words in translations.items():
            if locale not in LOCALES:
                yield f"{where} has the locale {locale}, which Discord does not have."
            yield from check(at(where, locale), words)

    return check_all


def name_of(part: Json) -> str:
    """The name, as a text in any case."""
    return str(part.get("name"))


def _choices_agree(where: str, option: Json) -> Iterator[str]:
    choices = [as_object(choice) for choice in as_list(option.get("choices"))]
    if choices and option.get("autocomplete"):
        yield f"{where} cannot have choices together with autocomplete."
    for name in repeated([name_of(choice) for choice in choices]):
        yield f"{at(where, 'choices')} has two choices that are called {name}."
    is_text = option["type"] == _STRING
    for index, choice in enumerate(choices):
        value = choice["value"]
        if isinstance(value, str) != is_text or (option["type"] == _INTEGER and not is_whole(value)):
            yield f"{at(where, 'choices')}[{index}].value is not of the type of its option: {value!r}."


def _bounds_agree(low_key: str, high_key: str) -> Rule:
    def rule(where: str, option: Json) -> Iterator[str]:
        low, high = option.get(low_key), option.get(high_key)
        if low is not None and high is not None and low > high:
            yield f"{at(where, low_key)} is {low}, above {high_key}, which is {high}."

    return rule


def _number(where: str, value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_INTEGER:
        yield f"{where} must be a number between -2^53 and 2^53, not {value!r}."


def _children_agree(where: str, parent: Json) -> Iterator[str]:
    options = [as_object(option) for option in as_list(parent.get("options"))]
    place = at(where, "options")
    yield from together(place, options)


def together(place: str, options: list[Json]) -> Iterator[str]:
    """The rules over the options of one level: different names, required ones first, no mixing."""
    for name in repeated([name_of(option) for option in options]):
        yield f"{place} has two entries that are called {name}."
    seen_optional = ""
    for option in options:
        if not option.get("required"):
            seen_optional = seen_optional or name_of(option)
        elif seen_optional:
            yield f"{place} has {name_of(option)}, which is required, after {seen_optional}, which is not."
    if len({option["type"] in {_SUBCOMMAND, _GROUP} for option in options}) > 1:
        yield f"{place} mixes subcommands with options."


def _shape(*rules: Rule, **fields: Check) -> Shape:
    common: dict[str, Check] = {
        "type": anything,
        "name": slash_name,
        "name_localizations": localized(slash_name),
        "description": DESCRIPTION,
        "description_localizations": localized(DESCRIPTION),
    }
    return Shape(common | fields, frozenset({"type", "name", "description"}), rules)


def _choosable(*rules: Rule, **fields: Check) -> Shape:
    choice = Shape(
        {"name": text(1, 100), "name_localizations": localized(text(1, 100)), "value": choice_value},
        frozenset({"name", "value"}),
    )
    choices = items(choice, 0, 25)
    return _shape(_choices_agree, *rules, required=truth, autocomplete=truth, choices=choices, **fields)


_PLAIN = _shape(required=truth)
_VALUES: dict[int, Check] = {
    _STRING: _choosable(
        _bounds_agree("min_length", "max_length"),
        min_length=whole(0, _MAX_LENGTH),
        max_length=whole(1, _MAX_LENGTH),
    ),
    _INTEGER: _choosable(
        _bounds_agree("min_value", "max_value"),
        min_value=whole(-MAX_INTEGER, MAX_INTEGER),
        max_value=whole(-MAX_INTEGER, MAX_INTEGER),
    ),
    _NUMBER: _choosable(_bounds_agree("min_value", "max_value"), min_value=_number, max_value=_number),
    _CHANNEL: _shape(required=truth, channel_types=items(whole(0, 16), 0, 25, unique=True)),
    _ATTACHMENT: _shape(required=truth, file_types=FILE_TYPES),
    _BOOLEAN: _PLAIN,
    _USER: _PLAIN,
    _ROLE: _PLAIN,
    _MENTIONABLE: _PLAIN,
}
_SUB = _shape(_children_agree, options=items(by_type("an option", _VALUES), 0, _MAX_OPTIONS))
_SUBS = items(by_type("an option", {_SUBCOMMAND: _SUB}), 1, _MAX_OPTIONS)
_EACH = items(
    by_type("an option", {**_VALUES, _SUBCOMMAND: _SUB, _GROUP: _shape(_children_agree, options=_SUBS)}),
    0,
    _MAX_OPTIONS,
)


def options(where: str, value: object) -> Iterator[str]:
    """Accept the options of a command."""
    faults = list(_EACH(where, value))
    yield from faults or together(where, [as_object(option) for option in as_list(value)])
