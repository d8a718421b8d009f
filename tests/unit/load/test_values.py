from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.catalog.spec import FieldType
from sync_worker.load.values import CONVERTERS, MISFIT


def convert(type_: FieldType, sent: str) -> object:
    return CONVERTERS[type_](sent.encode())


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_integer_fits(number: int) -> None:
    assert convert(FieldType.INTEGER, str(number)) == number


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_keep_every_digit_as_sent(number: Decimal) -> None:
    assert convert(FieldType.DECIMAL, f'"{number}"') == str(number)
    assert convert(FieldType.DECIMAL, str(number)) == str(number)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_text_is_stored_as_sent(text: str) -> None:
    assert convert(FieldType.STRING, json.dumps(text)) == text


@pytest.mark.parametrize(
    ("type_", "sent", "stored"),
    [
        (FieldType.STRING, "-0.10", "-0.10"),
        (FieldType.STRING, "1E400", "1E400"),
        (FieldType.STRING, "9" * 5000, "9" * 5000),
        (FieldType.STRING, "true", "true"),
        (FieldType.BOOLEAN, "true", True),
        (FieldType.BOOLEAN, "false", False),
        (FieldType.DATE, '"2024-02-29"', "2024-02-29"),
        (FieldType.DATE, '"2024-05-01T00:00:00Z"', "2024-05-01"),
        (FieldType.DATE, '"2024-05-01T00:00:00.000-07:00"', "2024-05-01"),
        (FieldType.DATETIME, '"2024-05-01T12:00:00Z"', "2024-05-01T12:00:00Z"),
        (FieldType.DATETIME, '"2024-05-01T12:00:00.250Z"', "2024-05-01T12:00:00.250Z"),
        (FieldType.DATETIME, '"2024-05-01T12:00:00-05:00"', "2024-05-01T17:00:00Z"),
        (FieldType.DECIMAL, '"99999999999999999.98"', "99999999999999999.98"),
        (FieldType.DECIMAL, "0.10", "0.10"),
        (FieldType.OBJECT, '{"a": 1.10}', '{"a": 1.10}'),
        (FieldType.ARRAY, "[1, 2.50]", "[1, 2.50]"),
    ],
)
def test_a_value_that_fits_is_stored_in_the_contracts_form(type_: FieldType, sent: str, stored: object) -> None:
    assert convert(type_, sent) == stored


@pytest.mark.parametrize(
    ("type_", "sent"),
    [
        (FieldType.INTEGER, str(2**63)),
        (FieldType.INTEGER, "9" * 5000),
        (FieldType.INTEGER, "1.5"),
        (FieldType.INTEGER, '"12"'),
        (FieldType.STRING, '{"a":1}'),
        (FieldType.STRING, "[12]"),
        (FieldType.BOOLEAN, '"true"'),
        (FieldType.DATE, '"0000-00-00"'),
        (FieldType.DATE, '"20260-01-01"'),
        (FieldType.DATE, '"2024-05-01T07:00:00Z"'),
        (FieldType.DATE, '"2024-05-01T00:00:00 noon"'),
        (FieldType.DATETIME, '"2024-13-01T00:00:00Z"'),
        (FieldType.DATETIME, '"2024-05-01T00:00:00"'),
        (FieldType.DATETIME, '"0001-01-01T00:00:00+14:00"'),
        (FieldType.DATETIME, "1714557600"),
        (FieldType.DECIMAL, '"1,200.00"'),
        (FieldType.DECIMAL, '"NaN"'),
        (FieldType.OBJECT, "[]"),
        (FieldType.OBJECT, '"text"'),
        (FieldType.ARRAY, "{}"),
    ],
)
def test_a_value_that_does_not_fit_is_no_value_of_the_column(type_: FieldType, sent: str) -> None:
    assert convert(type_, sent) is MISFIT
