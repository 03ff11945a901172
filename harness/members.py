"""A combination as it is written, taken apart into its optimizations."""

from __future__ import annotations

_OPENING, _CLOSING, _QUOTES, _ESCAPE = "([{", ")]}", "'\"", "\\"


def members(combination: str) -> tuple[str, ...]:
    """The optimizations of a combination, each with its parameters, in the order in which they are written.

    It is cut at each plus outside of brackets and quotes, so the value of a parameter may have one. What names no
    optimization (`baseline`, `stock`, a peer, a pattern of a rule) is taken apart like anything else. If a bracket or
    a quote is never closed, it is cut at each plus.
    """
    found, depth, quote, escaped = [""], 0, "", False
    for sign in combination:
        if quote:
            quote, escaped = ("" if sign == quote and not escaped else quote), sign == _ESCAPE and not escaped
        elif sign in _QUOTES and depth:
            quote = sign
        else:
            depth += (sign in _OPENING and (sign == "(" or depth > 0)) - (sign in _CLOSING and depth > 0)
            if sign == "+" and not depth:
                found.append("")
                continue
        found[-1] += sign
    return tuple(combination.split("+") if depth else found)
