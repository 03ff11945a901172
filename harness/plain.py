"""Checks that a value is one of Python's own plain ones, which a record can hold and give back unchanged."""

from __future__ import annotations

import math

_LARGEST_WHOLE = 2**53  # a figure is read back as a float, which holds no larger whole numbers exactly


def check_type(value: object, wanted: type, what: str) -> None:
    """Refuse a value of another type, a subclass too: numpy's numbers are subclasses of Python's.

    Raises:
        TypeError: it is of another type; the message names what it is.
    """
    if type(value) is not wanted:
        raise TypeError(f"{what} is {_kind(value)}; it must be a {wanted.__name__} of Python's")


def check_text(value: object, what: str) -> None:
    """Refuse what is not text that can be written.

    Raises:
        TypeError: it is of another type.
        ValueError: it holds half a character.
    """
    check_type(value, str, what)
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} holds a lone surrogate and cannot be written: {value!a}") from None


def check_figure(value: object, what: str) -> None:
    """Refuse what is not a finite number.

    Raises:
        TypeError: it is of another type.
        ValueError: it is not finite, or a whole number that is too large.
    """
    if type(value) is int:
        if abs(value) > _LARGEST_WHOLE:
            raise ValueError(f"{what} is beyond 2**53, which a record cannot hold exactly; give it as a float")
    elif type(value) is not float:
        raise TypeError(f"{what} is {_kind(value)}; it must be a number of Python's, as float(...) or int(...) gives")
    elif not math.isfinite(value):
        raise ValueError(f"{what} is {value}; give a finite number, or leave the figure out")


def _kind(value: object) -> str:
    kind = type(value)
    if value is None:
        return "None"
    return f"of type {kind.__name__ if kind.__module__ == 'builtins' else f'{kind.__module__}.{kind.__name__}'}"
