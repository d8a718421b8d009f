"""Messages for the errors of pydantic, in the words of the documentation.

The value never appears: it may be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sync_worker.settings.problems import did_you_mean, nearest_name

_EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is required, but missing",
        "int_type": "expected a whole number",
        "int_from_float": "expected a whole number",
        "float_type": "expected a number",
        "finite_number": "expected a number",
        "bool_type": "expected true or false",
        "tuple_type": "expected a list, such as [a, b]",
        "model_type": "expected keys and values",
        "model_attributes_type": "expected keys and values",
        "dict_type": "expected keys and values",
        "mapping_type": "expected keys and values",
        "date_type": "expected a date such as 2020-01-01",
        "is_instance_of": "expected a path",
        "path_type": "expected a path",
        "string_too_short": "must not be empty",
        "too_short": "needs at least one entry",
        "string_pattern_mismatch": "expected a name of lower-case letters, digits and underscores, a letter first",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "union_tag_not_found": "needs type",
    }
)


def explain(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Return one line for `error`, which was found while `model` was built."""
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            known = sorted(_keys_at(model, error["loc"][:-1]))
            return f"unknown key{did_you_mean(str(error['loc'][-1]), known) or '; expected one of ' + ', '.join(known)}"
        case "string_type":
            return "expected text" + ("; put it in quotes" if isinstance(error["input"], int | float) else "")
        case "literal_error" | "union_tag_invalid":
            return _unknown_choice(error["input"], str(context.get("expected", context.get("expected_tags"))))
        case "value_error":
            return str(context["error"])
    expected = _EXPECTED.get(kind)
    return error["msg"] if expected is None else expected.format(**context)


def misspelt(errors: Iterable[ErrorDetails], model: type[BaseModel]) -> set[tuple[str | int, ...]]:
    """Return the locations of the keys that were misspelt, so that these are not reported as missing too."""
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    return {(*loc[:-1], nearest_name(str(loc[-1]), _keys_at(model, loc[:-1])) or "") for loc in unknown}


def _unknown_choice(value: Any, expected: str) -> str:
    value = value.get("type") if isinstance(value, dict) else value
    choices = [choice.strip(" '") for choice in expected.replace(" or ", ", ").split(",")]
    nearest = did_you_mean(value, choices) if isinstance(value, str) else ""
    return f"expected {' or '.join(', '.join(choices).rsplit(', ', 1))}{nearest}"


def _keys_at(model: type[BaseModel], path: tuple[str | int, ...]) -> set[str]:
    """Return the keys allowed at `path`, whose parts are keys, list places, `type`s and names the user chose."""
    models = {model}
    for part in path:
        inner = {found for each in models for found in _models_under(each, part)}
        models = inner or {each for each in models if _has_type(each, part)} or models
    return {field.alias or name for each in models for name, field in each.model_fields.items()}


def _models_under(model: type[BaseModel], key: str | int) -> set[type[BaseModel]]:
    field = next((f for name, f in model.model_fields.items() if key == (f.alias or name)), None)
    return set() if field is None else set(_models_in(field.annotation))


def _has_type(model: type[BaseModel], name: str | int) -> bool:
    return "type" in model.model_fields and name in get_args(model.model_fields["type"].annotation)


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
