"""`uiebench cache`: list or clear what the tool keeps in the user's cache."""

from __future__ import annotations

import typer

from harness.units import format_bytes

cache = typer.Typer(help="List or clear what uiebench keeps in your cache directory.", no_args_is_help=True)


@cache.command(name="list")
def listing() -> None:
    """List the entries and their sizes."""
    from harness.embedded.cache import cache_directory, entries

    found = entries()
    for entry in found:
        print(f"{entry.name}  {format_bytes(entry.bytes)}")
    print(f"{len(found)} entries in {cache_directory()}")


@cache.command()
def clear() -> None:
    """Delete every entry. An entry is made again when it is next needed."""
    from harness.embedded.cache import cache_directory, clear

    print(f"{format_bytes(clear())} freed in {cache_directory()}")
