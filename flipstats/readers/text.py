"""Bytes to text: encodings, line ends, what is not text at all; and how headers are compared.

Nothing is guessed that the bytes do not show: a byte-order mark, the NUL pattern of UTF-16, valid UTF-8, else
Windows-1252. Whatever had to be repaired is said in ``warnings``.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flipstats.errors import InputError
from flipstats.i18n import Notice, language, t

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"PAR1", "parquet"),
)
# Control characters that no text export holds; tab, LF, CR, form feed and NUL are looked at apart.
_CONTROLS = bytes(c for c in range(1, 32) if c not in (9, 10, 11, 12, 13, 26, 27))
_MAX_CONTROL_SHARE = 0.01
_MAX_NUL_SHARE = 0.10  # above it, what is not UTF-16 is not text either
_HEAD = 1 << 16
_BLOCK = 1 << 25
_LONGEST_LINE = 1 << 24  # bytes; that a line of a table goes on beyond a block
_SURVEYED = 1 << 18  # small enough to stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Text:
    """A text file as its bytes show it; nothing of its content is held.

    Attributes
    ----------
    encoding : str
        ``utf-8``, ``utf-16-le``, ``utf-16-be``, ``utf-32-le``, ``cp1252``, or ``mixed`` (UTF-8 with lines
        that are not; each such line is read as Windows-1252).
    start : int
        Bytes of the byte-order mark.
    newline : str
        ``"\\n"`` (also where lines end in CR LF) or ``"\\r"``.
    cut_character : bool
        The file stops in the middle of a character: it was cut.
    plain : bool
        The file can be parsed as it lies: UTF-8, no CR, no NUL.
    lines : int
        How many line ends a plain file has.
    """

    file: Path
    encoding: str
    start: int
    newline: str
    cut_character: bool
    plain: bool = False
    lines: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.file.name

    def blocks(self, size: int = _BLOCK) -> Iterator[str]:
        """Yield the text in pieces of about `size` bytes, each but the last ending at a line end.

        Lines end in ``"\\n"``; the byte-order mark and NUL characters are gone.
        """
        for block in self._whole_lines(size):
            yield self._decode(block)

    def utf8_blocks(self, size: int = _BLOCK) -> Iterator[bytes]:
        """Yield the same pieces, of a table, as bytes of UTF-8; those of a plain file are what it holds.

        Raises
        ------
        InputError
            A line is longer than that of any table.
        """
        if not self.plain:
            for block in self._whole_lines(size, _LONGEST_LINE):
                yield self._decode(block).encode()
            return
        with open(self.file, "rb") as stream:
            stream.seek(self.start)
            while block := stream.read(size):
                rest = stream.readline(_LONGEST_LINE)
                self._refuse_longer(len(rest) + 1, _LONGEST_LINE)
                yield block + rest

    def _refuse_longer(self, length: int, longest: int | None) -> None:
        if longest is not None and length > longest:
            raise InputError(t("readers_large.line_too_long", file=self.name, megabytes=_LONGEST_LINE >> 20))

    def _whole_lines(self, size: int, longest: int | None = None) -> Iterator[bytes]:
        kept: list[bytes] = []
        for chunk in _chunks(self.file, self.start, size):
            cut = _line_end(chunk, self.encoding, self.newline)
            if not cut:
                kept.append(chunk)
                self._refuse_longer(sum(map(len, kept)), longest and longest + size)
                continue
            yield b"".join((*kept, chunk[:cut]))
            kept = [chunk[cut:]]
        if rest := b"".join(kept):
            yield rest

    def head(self, characters: int = _HEAD) -> str:
        """Return the first characters of the text."""
        for block in self.blocks(characters * 4):
            return block[:characters]
        return ""

    def content(self) -> str:
        """Return the whole text."""
        return "".join(self.blocks())

    def _decode(self, data: bytes) -> str:
        text = _decode_mixed(data) if self.encoding == "mixed" else data.decode(self.encoding, "ignore")
        if "\0" in text:
            text = text.replace("\0", "")
        if self.newline == "\r":
            return text.replace("\r", "\n")
        return text.replace("\r\n", "\n") if "\r\n" in text else text


def open_text(file: Path) -> Text:
    """Look at a file's bytes and say how to read it as text.

    Raises
    ------
    InputError
        The file is not there, is empty, or is not text; the message says what it is where that is known.
    """
    try:
        facts = file.stat()
        return _open(file, facts.st_size, facts.st_mtime_ns, language())
    except OSError as problem:
        raise InputError(t("readers.unreadable", file=file.name, problem=problem.strerror)) from problem


@lru_cache(maxsize=16)  # a file is looked at to detect it, and again to read it
def _open(file: Path, size: int, changed: int, language: str) -> Text:  # noqa: ARG001
    with open(file, "rb") as stream:
        head = stream.read(_HEAD)
    refuse_binary(head, file.name)
    encoding, start = _encoding(head)
    encoding, facts = _survey(file, encoding, start)
    if facts.nuls > _MAX_NUL_SHARE * facts.size:
        raise InputError(t("readers.binary", file=file.name))
    if facts.blank:
        raise InputError(t("readers.empty", file=file.name))
    warnings = []
    if encoding == "mixed":
        warnings.append(Notice("readers.mixed_encodings", file=file.name, n=facts.foreign))
    if facts.nuls:
        warnings.append(Notice("readers.nul_removed", file=file.name, n=facts.nuls))
    newline = "\r" if facts.cr and not facts.lines else "\n"
    plain = encoding == "utf-8" and not (facts.cr or facts.nuls or facts.cut)
    return Text(file, encoding, start, newline, facts.cut, plain, facts.lines, tuple(warnings))


def refuse_binary(head: bytes, name: str) -> None:
    """Raise InputError where the first bytes of a file are empty or those of a file that is not text."""
    if not head:
        raise InputError(t("readers.empty", file=name))
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            raise InputError(t(f"readers.binary_{kind}", file=name))
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _MAX_CONTROL_SHARE * len(head) and not _encoding(head)[0].startswith("utf-16"):
        raise InputError(t("readers.binary", file=name))


def closed(header: list[str], file: str) -> list[str]:
    """Return a header whose quotation marks are all closed: an open one takes the records for its last cell.

    Raises
    ------
    InputError
        A cell of the header goes on over a line end.
    """
    if any("\n" in cell or "\r" in cell for cell in header):
        raise InputError(t("readers.open_header", file=file))
    return header


@lru_cache(maxsize=4096)
def normal(label: str) -> str:
    """Return a header label as it is compared: no case, accents, typographic marks or doubled blanks.

    Examples
    --------
    >>> normal("Nom complet de l\\u2019utilisateur\\u00a0"), normal("\\ufeffAchèvement")
    ("nom complet de l'utilisateur", 'achevement')
    """
    text = unicodedata.normalize("NFKC", label).casefold()
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    text = re.sub("[\u2018\u2019\u02bc\u00b4`]", "'", text).replace("\ufeff", "").replace("\u200b", "")
    return " ".join(text.split())


@dataclass(slots=True)
class _Survey:
    size: int = 0
    lines: int = 0
    cr: bool = False
    nuls: int = 0
    blank: bool = True
    cut: bool = False
    foreign: int = 0


def _encoding(head: bytes) -> tuple[str, int]:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, len(mark)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 5 and min(even, odd) < max(even, odd) // 8 + 1:
        return ("utf-16-le" if odd > even else "utf-16-be"), 0
    return "utf-8", 0


def _survey(file: Path, encoding: str, start: int) -> tuple[str, _Survey]:
    """Read the file once: which line ends, how many NULs, and whether it is valid in its encoding."""
    facts = _Survey()
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    for chunk in _chunks(file, start, _SURVEYED):
        facts.size += len(chunk)
        facts.lines += chunk.count(b"\n")
        facts.cr = facts.cr or b"\r" in chunk
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError:
            return _survey_other(file, encoding, start)
        facts.nuls += text.count("\0") if "\0" in text else 0
        facts.blank = facts.blank and not text.strip("\0 \t\r\n\f\v\ufeff")
    facts.cut = bool(decoder.getstate()[0])
    return encoding, facts


def _survey_other(file: Path, encoding: str, start: int) -> tuple[str, _Survey]:
    """Survey bytes that are not valid in `encoding`: UTF-8 with foreign lines, or Windows-1252."""
    if encoding != "utf-8":
        raise InputError(t("readers.bad_encoding", file=file.name, encoding=encoding.upper()))
    facts, valid = _Survey(blank=False), 0
    with open(file, "rb") as stream:
        stream.seek(start)
        for line in stream:
            facts.size += len(line)
            facts.lines += line.endswith(b"\n")
            facts.cr = facts.cr or b"\r" in line
            facts.nuls += line.count(b"\0")
            if not line.isascii():
                good = _is_utf8(line)
                valid, facts.foreign = valid + good, facts.foreign + (not good)
    return ("mixed" if start or valid else "cp1252"), facts  # no line of Windows-1252 is UTF-8 by chance


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_mixed(data: bytes) -> str:
    return "".join(
        line.decode("utf-8") if _is_utf8(line) else line.decode("cp1252", "replace")
        for line in data.splitlines(keepends=True)
    )


def _chunks(file: Path, start: int, size: int) -> Iterator[bytes]:
    size += size % 4  # whole code units of UTF-16 and UTF-32
    with open(file, "rb") as stream:
        stream.seek(start)
        while chunk := stream.read(size):
            yield chunk


def _line_end(chunk: bytes, encoding: str, newline: str) -> int:
    """Return how many bytes of a chunk make whole lines."""
    mark = newline.encode(encoding if encoding.startswith("utf-") else "ascii")
    at = chunk.rfind(mark)
    while at > 0 and at % len(mark):  # a code unit, not two halves of neighbours
        at = chunk.rfind(mark, 0, at + len(mark) - 1)
    return at + len(mark) if at >= 0 else 0
