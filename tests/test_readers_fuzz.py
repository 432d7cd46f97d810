"""Every reader on files that went wrong: a balanced account or one clear refusal, never anything else."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_files import SHIPPED

from flipstats.errors import FlipstatsError
from flipstats.readers import READERS, Context, detect, read

SHARED = Path(__file__).parents[2] / "shared" / "formats"
PARIS = Context(timezone="Europe/Paris")
EXAMPLES = int(os.environ.get("FLIPSTATS_EXAMPLES", "12"))
MUTATED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
BITS = [b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\r", b"\n", b";", b"\t", b"{", b"]", b"=1+1", b"31/02/2024",
        b"9" * 400, b"-1", b"NaN", b"\xe2\x80\xaf", b"<b>", b"a:1:{i:0;O:1:", b"2024-10-27 02:30:00", b"\xc3"]  # fmt: skip


@cache
def seeds() -> dict[str, bytes]:
    """Return one small real-looking export of each format that is a single file."""
    files = [*(SHIPPED / "exports").iterdir(), *(p for p in SHARED.rglob("*") if p.is_file())]
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda p: p.stat().st_size):
        if file.suffix in (".md", ".yaml", ".py") or file.name == "expected.json":
            continue
        try:
            form = detect(file).format
        except FlipstatsError:
            continue
        if form is not None:
            found.setdefault(form, file)
    return {
        form: file.read_bytes()[:20_000] if file.suffix != ".xlsx" else file.read_bytes()
        for form, file in found.items()
    }


@st.composite
def broken(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, flip, insert, repeat and swap in the bytes of an export."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["cut", "flip", "insert", "drop", "twice", "swap", "encode"])):
            case "cut":
                data = data[:at]
            case "flip":
                data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
            case "insert":
                data = data[:at] + draw(st.sampled_from(BITS)) + data[at:]
            case "drop":
                data = data[:at] + data[at + draw(st.integers(1, 60)) :]
            case "twice":
                lines = data.split(b"\n")
                line = draw(st.integers(0, len(lines) - 1))
                data = b"\n".join([*lines[:line], lines[line], *lines[line:]])
            case "swap":
                one, other = draw(st.sampled_from([(b",", b";"), (b"/", b"-"), (b".", b","), (b":", b"h")]))
                data = data.replace(one, other)
            case "encode":
                text = data.decode("utf-8", errors="replace")
                data = text.encode(draw(st.sampled_from(["utf-16", "cp1252", "utf-8-sig"])), errors="replace")
    return data


def hold(file: Path, form: str) -> None:
    """Read a file: every record has one fate, or the file is refused in one message that names it."""
    try:
        reading = read(file, PARIS, format=form)
    except FlipstatsError:
        return
    account = reading.account
    assert account.balanced
    assert account.read == account.kept + account.count("merged") + account.count("set_aside")
    for name, frame in reading.tables.items():
        records = frame["record"].drop_nulls() if "record" in frame.columns else frame.to_series().clear()
        assert not len(records) or 1 <= records.min() <= records.max() <= account.read, name
    str(reading.warnings)


@pytest.mark.parametrize("form", sorted(set(READERS) - {"oulad", "canonical", "sheet"}))
@MUTATED
@given(data=st.data())
def test_a_broken_export_is_read_to_the_last_record_or_refused(form, data, tmp_path_factory):
    if form not in seeds():
        pytest.skip("no export of this format beside this checkout")
    file = tmp_path_factory.mktemp("fuzz") / ("x.xlsx" if seeds()[form][:2] == b"PK" else "x.csv")
    file.write_bytes(data.draw(broken(seeds()[form])))
    hold(file, data.draw(st.sampled_from([form, "auto"])))


@MUTATED
@given(data=st.binary(max_size=400), form=st.sampled_from(sorted(READERS)))
def test_any_bytes_are_refused_or_read(data, form, tmp_path_factory):
    file = tmp_path_factory.mktemp("any") / "x.csv"
    file.write_bytes(data)
    hold(file, form)
