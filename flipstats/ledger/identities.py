"""Who is behind a pseudonym: an encrypted file the organisation keeps, opened only for a signed export."""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from flipstats.build import read_sources
from flipstats.build.people import who_is_who
from flipstats.errors import InputError, ParameterError
from flipstats.i18n import t
from flipstats.privacy import organisation_key
from flipstats.study import Study
from flipstats.studyfile import read_study_file

PASSPHRASE = "FLIPSTATS_IDENTITIES_PASSPHRASE"
_FORMAT = b"flipstats-identities-1"
_COST = {"n": 2**15, "r": 8, "p": 1}
_SHORTEST = 12
People = dict[str, tuple[str, str]]


def identities_of(study: Study, folder: Path) -> People:
    """Read names and addresses from the exports beside `study.toml`, of learners of the study only.

    Returns
    -------
    dict
        Pseudonym to (name, address); what the exports do not tell is empty.
    """
    sources = read_sources(folder, read_study_file(folder / "study.toml"))
    directory = who_is_who([(s.source_id, s.reading.format, s.reading.people) for s in sources])
    ids = directory.learner_ids(organisation_key(folder))
    known = set(study.table("learners").select("learner_id").collect()["learner_id"])
    names: dict[str, Counter] = defaultdict(Counter)
    for source in sources:
        for person, kind, value in source.reading.people.iter_rows():
            index = directory.of_node.get((source.source_id, person))
            if kind == "name" and index is not None:
                names[ids[index]][value.strip()] += 1
    people = zip(ids, directory.people, strict=True)
    return {
        learner: (
            max(names[learner], key=lambda name, n=names[learner]: (n[name], name), default=""),
            min(person.emails, default=""),
        )
        for learner, person in people
        if learner in known
    }


def lock(people: People, file: Path, passphrase: str) -> None:
    """Write identities encrypted (AES-256-GCM, the key from the passphrase by scrypt).

    Raises
    ------
    ParameterError
        The passphrase is too short, or the file exists.
    """
    if len(passphrase) < _SHORTEST:
        raise ParameterError(t("ledger.short_passphrase", n=_SHORTEST))
    if file.exists():
        raise ParameterError(t("ledger.key_exists", file=file))
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_derived(passphrase, salt)).encrypt(nonce, json.dumps(people).encode(), _FORMAT)
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    content = {"format": _FORMAT.decode(), **{k: base64.b64encode(v).decode() for k, v in parts.items()}}
    with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as handle:
        json.dump(content, handle)


def unlock(file: Path, passphrase: str, purpose: str) -> People:
    """Open identities, after the access is written down in the log beside the file.

    Parameters
    ----------
    purpose : str
        What for: the file that is made with them.

    Raises
    ------
    InputError
        The file is damaged, or the passphrase is wrong: a refused attempt is logged too.
    """
    try:
        content = json.loads(file.read_text(encoding="ascii"))
        salt, nonce, sealed = (base64.b64decode(content[k]) for k in ("salt", "nonce", "sealed"))
        log_access(file, purpose, "asked")
        opened = AESGCM(_derived(passphrase, salt)).decrypt(nonce, sealed, _FORMAT)
    except InvalidTag as error:
        log_access(file, purpose, "refused")
        raise InputError(t("ledger.wrong_passphrase", file=file.name)) from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(t("ledger.identities_unreadable", file=file)) from error
    log_access(file, purpose, "opened")
    return {learner: (name, email) for learner, (name, email) in json.loads(opened).items()}


def log_path(file: Path) -> Path:
    """Return where accesses to an identities file are written down: beside it."""
    return file.with_name(file.name + ".log")


def log_access(file: Path, purpose: str, what: str) -> None:
    """Add a line to the log; each holds the hash of the one before, so that none can be taken out unseen."""
    path = log_path(file)
    before = path.read_bytes().splitlines() if path.exists() else []
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "user": getpass.getuser(),
        "what": what,
        "purpose": purpose,
        "before": hashlib.sha256(before[-1]).hexdigest() if before else "",
    }
    with open(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "a", encoding="utf-8") as handle:
        handle.write(json.dumps(line, ensure_ascii=False) + "\n")
        handle.flush()
        os.fsync(handle.fileno())


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode())
