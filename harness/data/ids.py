"""Finds duplicate ids of a file's texts; a file may have millions."""

from __future__ import annotations

import sqlite3
from typing import Self

from harness.errors import UiebenchError

_TABLE = (
    "PRAGMA journal_mode = OFF",  # nothing is ever rolled back
    "CREATE TABLE ids (id BLOB PRIMARY KEY) WITHOUT ROWID",
    "BEGIN",
)


class Ids:
    """Ids seen so far. Use it in a ``with`` block.

    They are in a temporary SQLite database: the first 2 MB in memory, the rest in a file. SQLite unlinks the file as
    soon as it is open, so it is gone when the block or the process ends, however that happens.
    """

    def __init__(self) -> None:
        # A generator that holds this may be closed by another thread than the one that started it.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in _TABLE:
            self._database.execute(statement)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget all of them."""
        self._database.close()

    def add(self, id_: str) -> bool:
        """Remember an id; it must not contain lone surrogates.

        Returns:
            Whether it is new.

        Raises:
            UiebenchError: there is no room for it on disk.
        """
        try:
            return self._database.execute("INSERT OR IGNORE INTO ids VALUES (?)", (id_.encode(),)).rowcount == 1
        except sqlite3.OperationalError as error:
            raise UiebenchError(
                f"the ids of the texts cannot be kept in a temporary file: {error}; make room for it, or name a folder "
                "that has some in the variable SQLITE_TMPDIR"
            ) from None
