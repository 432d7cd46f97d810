"""Exports packed with gzip, as logs come day by day, or alone in a zip, as Google Forms gives them.

They are unpacked to a folder of their own, bounded, and gone after.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from flipstats.errors import InputError
from flipstats.i18n import t

MAX_BYTES = 4 << 30  # unpacked
MAX_RATIO = 200
_SMALL = 1 << 20  # bytes; below, any ratio is harmless
_LONGEST_NAME = 60  # letters of a stem and of a suffix: file systems take 255 bytes
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_BLOCK = 1 << 20


@contextmanager
def plain(file: Path) -> Iterator[Path]:
    """Give a file as it is, or, packed, what is in it: under its name without ``.gz``, or that in the zip.

    A zip of several files is given as it is.

    Raises
    ------
    InputError
        The packed file is cut or damaged, or swells beyond `MAX_BYTES` or `MAX_RATIO`.
    """
    inside = None if file.is_dir() else _inside(file)
    if inside is None:
        yield file
        return
    folder = Path(tempfile.mkdtemp(prefix="flipstats-"))
    try:
        _unpack(file, folder / inside)
        yield folder / inside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _inside(file: Path) -> str | None:
    """Return the name of what is packed in a file, without any folder; None where nothing is."""
    try:
        with open(file, "rb") as stream:
            magic = stream.read(4)
        if magic[:2] == _GZIP:
            return file.name[:-3] if re.fullmatch(r".+\.gz", file.name, re.IGNORECASE) else file.name
        entry = _only(file) if magic == _ZIP else None
    except OSError as problem:
        raise InputError(t("readers.unreadable", file=file.name, problem=problem.strerror)) from problem
    if entry is None:
        return None
    name = re.sub(r"[^\w .()-]", "_", re.split(r"[\\/]", entry.filename)[-1])
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[:_LONGEST_NAME]}{dot}{suffix[:_LONGEST_NAME]}"


def _only(file: Path) -> zipfile.ZipInfo | None:
    """Return the only file of a zip, not encrypted; None where there is another number of them."""
    try:
        with zipfile.ZipFile(file) as archive:
            named = [e for e in archive.infolist() if e.filename]  # is_dir() fails on an empty name
            entries = [e for e in named if not e.is_dir() and "__MACOSX" not in e.filename]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    usable = len(entries) == 1 and re.search(r"[^\s.\\/][^\\/]*$", entries[0].filename[-120:])
    return entries[0] if usable and not entries[0].flag_bits & 1 else None


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    entry = _only(file) if zipfile.is_zipfile(file) else None
    if entry is None:
        with gzip.open(file, "rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(file) as archive, archive.open(entry) as stream:
        yield stream


def _unpack(file: Path, to: Path) -> None:
    limit = min(MAX_BYTES, max(_SMALL, MAX_RATIO * file.stat().st_size))
    total = 0
    try:
        with _opened(file) as source, open(to, "wb") as target:
            while block := source.read(_BLOCK):
                total += len(block)
                if total > limit:
                    raise InputError(
                        t("readers_events.swells", file=file.name, gigabytes=MAX_BYTES >> 30, ratio=MAX_RATIO)
                    )
                target.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as problem:
        raise InputError(t("readers_events.packed_damaged", file=file.name)) from problem
    except OSError as problem:
        raise InputError(t("readers.unreadable", file=file.name, problem=problem.strerror)) from problem
