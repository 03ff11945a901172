"""JSON text that a user wrote: what a plain parser would take in silence is refused."""

from __future__ import annotations

import json
import re
from typing import Any

from harness.errors import InputError

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # half of a character outside of the first 65,536, or half of nothing


def parse_json(text: str) -> Any:
    """The value that a JSON text stands for.

    Raises:
        InputError: it is not JSON, has a key twice in one object (a parser would keep the last), or holds half a
            character. The message goes on after the name of the thing: ``is not JSON: …``.
    """
    try:
        found = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object)
        if _SURROGATE.search(text):
            json.dumps(found, ensure_ascii=False).encode()
    except InputError:
        raise
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise InputError(f"is not JSON: {error.msg} at {line}character {error.colno}") from None
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise InputError(f"holds a lone surrogate ({half!r}), which is not Unicode text; write the character") from None
    except RecursionError:
        raise InputError("is not JSON that can be read: it is nested too deeply") from None
    except ValueError as error:  # a number of too many digits
        raise InputError(f"is not JSON that can be read: {error}") from None
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InputError(f"has the key {twice!r} twice in one object; leave one out")
    return found
