"""What was read of each export, kept beside the study file: only what changed is read again.

An entry holds what its export holds, names included. The folder is readable by its owner only, is never
part of a study or of an export for a role, and is emptied by every erasure. An entry is found by all that
its reading depends on, and one that is damaged is read anew.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import tempfile
import time
import weakref
from dataclasses import asdict, replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import polars as pl

from flipstats import readers
from flipstats.i18n import Notice, language
from flipstats.readers.base import PIECE, Account, Context, Pieces, Reading

FOLDER = ".readings"
_LIBRARIES = ("polars", "python-calamine", "icalendar")
_DRAFT = ".part-"
_STALE_SECONDS = 86_400
_LARGE = ("events",)  # tables that stay on disk until they are taken, piece by piece
_PLAIN = ("format", "confidence", "language", "timezone", "basis", "levels", "kinds")
_DAMAGED = (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError)


class Readings:
    """The readings of one study folder.

    Attributes
    ----------
    taken, read : int
        How many sources were taken from here, and how many were read.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._fresh = fresh
        self._home = folder / FOLDER
        self._used: set[str] = set()
        self.taken = self.read = 0
        try:
            self._home.mkdir(mode=0o700, exist_ok=True)
            (self._home / ".gitignore").write_text("*\n", encoding="ascii")
        except OSError:  # a folder of exports that nobody may write to: for this run only
            self._home = Path(tempfile.mkdtemp(prefix="flipstats-"))
            weakref.finalize(self, shutil.rmtree, self._home, ignore_errors=True)

    def of(self, path: Path, digest: str, context: Context, form: str) -> Reading:
        """Return the reading of an export with this content: as kept, else read now and kept."""
        name = key_of(path, digest, context, form)
        self._used.add(name)
        entry = self._home / name
        found = None if self._fresh else load(entry)
        if found is not None:
            self.taken += 1
            return found
        self.read += 1
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self._home))
        try:
            write(draft, readers.read(path, replace(context, spool=draft), format=form))
            shutil.rmtree(entry, ignore_errors=True)
            draft.rename(entry)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return _loaded(entry)

    def prune(self) -> None:
        """Remove what no source of the study needs any more, and what a killed run left."""
        for entry in self._home.iterdir():
            if entry.name.startswith(_DRAFT):
                unused = time.time() - entry.stat().st_mtime > _STALE_SECONDS
            else:
                unused = entry.is_dir() and entry.name not in self._used
            if unused:
                shutil.rmtree(entry, ignore_errors=True)


def empty(folder: Path) -> None:
    """Remove every reading kept in a folder: they hold names."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def key_of(path: Path, digest: str, context: Context, form: str) -> str:
    """Return the name of an entry, made of everything its reading depends on."""
    depends = {name: str(value) for name, value in asdict(context).items() if name != "spool"}
    if context.mapping is not None and context.mapping.is_file():
        depends["mapping"] = context.mapping.name + hashlib.sha256(context.mapping.read_bytes()).hexdigest()
    depends |= {"file": path.name, "sha256": digest, "format": form}
    depends |= {"language": language(), "program": program()}
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:40]


@cache
def program() -> str:
    """Return what tells this version of the readers from every other: its own text and its libraries."""
    whole = hashlib.sha256()
    for name in _LIBRARIES:
        whole.update(f"{name} {version(name)}\n".encode())
    home = Path(str(files("flipstats")))
    for file in sorted(p for p in home.rglob("*") if p.suffix in (".py", ".toml", ".yaml")):
        whole.update(file.relative_to(home).as_posix().encode() + file.read_bytes())
    return whole.hexdigest()


# ------------------------------------------------------------------------------------------------ one entry


def write(folder: Path, reading: Reading) -> None:
    """Write a reading into a folder, where pieces of its tables may lie already."""
    tables = {}
    for name, frame in reading.tables.items():
        slices = list(frame.iter_slices(PIECE)) if name in _LARGE else [frame]
        tables[name] = [f"{name}-{i:06d}.parquet" for i in range(len(slices))]
        for file, rows in zip(tables[name], slices, strict=True):
            rows.write_parquet(folder / file, compression="lz4")
    tables |= {name: [file.name for file in pieces.files] for name, pieces in reading.pieces.items()}
    reading.people.write_parquet(folder / "people.parquet", compression="lz4")
    account = _write_account(folder, reading.account)
    body = {
        **{name: getattr(reading, name) for name in _PLAIN},
        **{name: _iso(getattr(reading, name)) for name in ("covers_from", "covers_to")},
        "warnings": [notice.to_dict() for notice in reading.warnings],
        "account": account,
        "tables": tables,
        "files": {file.name: _sha256(file) for file in sorted(folder.iterdir())},
    }
    text = json.dumps(body)
    manifest = {"body": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o600)


def load(entry: Path) -> Reading | None:
    """Return the reading an entry holds; None where there is none, or it is damaged in any way."""
    try:
        return _loaded(entry)
    except _DAMAGED:
        return None


def _loaded(entry: Path) -> Reading:
    manifest = json.loads((entry / "manifest.json").read_text(encoding="utf-8"))
    if hashlib.sha256(manifest["body"].encode()).hexdigest() != manifest["sha256"]:
        raise ValueError(entry)
    body = json.loads(manifest["body"])
    if any(_sha256(entry / name) != digest for name, digest in body["files"].items()):
        raise ValueError(entry)
    plain = {**body, "levels": tuple(body["levels"]), "kinds": tuple(body["kinds"])}
    held = {name: [entry / file for file in names] for name, names in body["tables"].items()}
    return Reading(
        **{name: plain[name] for name in _PLAIN},
        covers_from=_moment(body["covers_from"]),
        covers_to=_moment(body["covers_to"]),
        tables={name: pl.read_parquet(paths) for name, paths in held.items() if name not in _LARGE},
        pieces={name: Pieces(tuple(paths)) for name, paths in held.items() if name in _LARGE},
        account=_read_account(entry, body["account"]),
        people=pl.read_parquet(entry / "people.parquet"),
        warnings=[Notice.from_dict(content) for content in body["warnings"]],
    )


def _write_account(folder: Path, account: Account) -> dict:
    schema = {"record": pl.Int64, "outcome": pl.String, "reason": pl.String}
    lines = pl.DataFrame(account.lines, schema=schema, orient="row")
    lines.write_parquet(folder / "lines.parquet", compression="lz4")
    for number, (records, _, _) in enumerate(account.blocks):
        records.to_frame("record").write_parquet(folder / f"block-{number}.parquet", compression="lz4")
    said = [(outcome, reason) for _, outcome, reason in account.blocks]
    return {"read": account.read, "kept": account.kept, "files": account.files, "blocks": said}


def _read_account(entry: Path, told: dict) -> Account:
    blocks = (pl.read_parquet(entry / f"block-{n}.parquet")["record"] for n in range(len(told["blocks"])))
    return Account(
        read=told["read"],
        kept=told["kept"],
        lines=pl.read_parquet(entry / "lines.parquet").rows(),
        blocks=[(records, *said) for records, said in zip(blocks, told["blocks"], strict=True)],
        files=[tuple(file) for file in told["files"]],
    )


def _iso(when: object) -> str | None:
    return when.isoformat() if isinstance(when, dt.datetime) else None


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
