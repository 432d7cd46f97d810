"""Files packed with gzip, as platforms deliver logs day by day: unpacked beside, bounded, and gone after."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flipstats.errors import InputError
from flipstats.i18n import t

MAX_BYTES = 4 << 30  # unpacked
MAX_RATIO = 200
_SMALL = 1 << 20  # bytes; below, any ratio is harmless
_MAGIC = b"\x1f\x8b"
_BLOCK = 1 << 20


@contextmanager
def plain(file: Path) -> Iterator[Path]:
    """Give a file as it is, or, packed with gzip, what is in it, under its name without ``.gz``.

    Raises
    ------
    InputError
        The packed file is cut or damaged, or swells beyond `MAX_BYTES` or `MAX_RATIO`.
    """
    if not _packed(file):
        yield file
        return
    name = file.name[:-3] if file.name.casefold().endswith(".gz") and len(file.name) > 3 else file.name
    folder = Path(tempfile.mkdtemp(prefix="flipstats-"))
    try:
        _unpack(file, folder / name)
        yield folder / name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed(file: Path) -> bool:
    if file.is_dir():
        return False
    try:
        with open(file, "rb") as stream:
            return stream.read(2) == _MAGIC
    except OSError as problem:
        raise InputError(t("readers.unreadable", file=file.name, problem=problem.strerror)) from problem


def _unpack(file: Path, to: Path) -> None:
    limit = min(MAX_BYTES, max(_SMALL, MAX_RATIO * file.stat().st_size))
    total = 0
    try:
        with gzip.open(file, "rb") as source, open(to, "wb") as target:
            while block := source.read(_BLOCK):
                total += len(block)
                if total > limit:
                    raise InputError(
                        t("readers_events.swells", file=file.name, gigabytes=MAX_BYTES >> 30, ratio=MAX_RATIO)
                    )
                target.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise InputError(t("readers_events.packed_damaged", file=file.name)) from problem
    except OSError as problem:
        raise InputError(t("readers.unreadable", file=file.name, problem=problem.strerror)) from problem
