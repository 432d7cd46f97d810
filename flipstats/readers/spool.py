"""Rows that come piece by piece: held in memory, or written where the build gives a folder for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from flipstats.readers.base import Pieces


class Spool:
    """The pieces of one table, in order.

    Parameters
    ----------
    folder : Path or None
        Where to write them; None: hold them.
    name : str
        Of the table; the files are named after it.

    Examples
    --------
    >>> spool = Spool(None, "events")
    >>> spool.add(pl.DataFrame({"n": [1, 2]}))
    >>> len(spool), spool.height, [piece["n"].to_list() for piece in spool]
    (1, 2, [[1, 2]])
    """

    def __init__(self, folder: Path | None, name: str) -> None:
        self._folder, self._name = folder, name
        self._pieces: list[pl.DataFrame | Path] = []
        self.height = 0

    def __len__(self) -> int:
        """Return how many pieces there are."""
        return len(self._pieces)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the pieces."""
        for piece in self._pieces:
            yield pl.read_parquet(piece) if isinstance(piece, Path) else piece

    def add(self, rows: pl.DataFrame) -> None:
        """Take in one more piece."""
        self.height += rows.height
        self._pieces.append(rows)
        self.put(len(self._pieces) - 1, rows)

    def put(self, place: int, rows: pl.DataFrame) -> None:
        """Put a piece of as many rows in the place of one."""
        if self._folder is None:
            self._pieces[place] = rows
        else:
            self._pieces[place] = self._folder / f"{self._name}-{place:06d}.parquet"
            rows.write_parquet(self._pieces[place], compression="lz4")

    def clear(self) -> None:
        """Forget the pieces, and remove their files."""
        for piece in self._pieces:
            if isinstance(piece, Path):
                piece.unlink()
        self._pieces, self.height = [], 0

    def column(self, name: str) -> Column:
        """Return one column, to be gone through as often as needed."""
        return Column(self._pieces, name)

    def given(self) -> tuple[dict[str, pl.DataFrame], dict[str, Pieces]]:
        """Return the table as a reading has it: held, or lying in pieces; nothing where it has no row."""
        if not self.height:
            self.clear()
            return {}, {}
        if self._folder is None:
            return {self._name: pl.concat(self)}, {}
        return {}, {self._name: Pieces(tuple(self._pieces))}


class Column:
    """One column of the pieces of a table."""

    def __init__(self, pieces: list[pl.DataFrame | Path], name: str) -> None:
        self._pieces, self._name = pieces, name

    def __iter__(self) -> Iterator[pl.Series]:
        """Yield it piece by piece."""
        for piece in self._pieces:
            held = pl.read_parquet(piece, columns=[self._name]) if isinstance(piece, Path) else piece
            yield held[self._name]
