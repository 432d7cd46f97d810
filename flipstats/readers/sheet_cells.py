"""The cells of a sheet read by a mapping: found by header, typed by column, and each record's fate."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flipstats import schema
from flipstats.errors import InputError, did_you_mean
from flipstats.i18n import listing, t
from flipstats.readers.base import Account, Context
from flipstats.readers.columns import duration_seconds, numbers, parse_times
from flipstats.readers.mapping_model import ANYTHING_ELSE, Learner, Mapping, Read, When
from flipstats.readers.records import DELIMITERS, Grid, first_records, grid
from flipstats.readers.text import Text, normal, open_text
from flipstats.readers.workbook import is_workbook, sheet_grid, sheets
from flipstats.readers.zones import to_utc, zone_of

HEADER_WITHIN = 15  # lines in which the header is looked for
_YEARS = (1990, 2100)
_WRITTEN_BY_BOOKS = r"^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$"
_UTF8 = ("utf-8", "utf8", "utf-8-sig", "utf_8", "utf_8_sig")
_CLOCK_MARKS = ("%H", "%I", "%R", "%T")
_IDENTITIES = ("email", "idnumber", "id", "username", "name")  # the steadiest first


@dataclass(slots=True)
class Fate:
    """What becomes of each record: kept unless something says otherwise; the first reason holds."""

    records: pl.Series
    outcome: pl.Series = field(init=False)
    reason: pl.Series = field(init=False)
    notes: list[tuple[pl.Series, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outcome = pl.Series([None], dtype=pl.String).new_from_index(0, len(self.records))
        self.reason = self.outcome.clone()

    @property
    def kept(self) -> pl.Series:
        """Which records are kept so far."""
        return self.reason.is_null()

    def aside(self, mask: pl.Series, reason: str, outcome: str = "set_aside") -> None:
        """Set aside (or merge) the records of `mask` that are still kept."""
        new = mask.fill_null(False) & self.kept
        if new.any():
            rows = new.arg_true()
            self.reason = self.reason.scatter(rows, [reason] * len(rows))
            self.outcome = self.outcome.scatter(rows, [outcome] * len(rows))

    def note(self, mask: pl.Series, reason: str) -> None:
        """Say something of the records of `mask`, where they are kept in the end."""
        self.notes.append((mask.fill_null(False), reason))

    def close(self, account: Account) -> None:
        """Write everything into an account."""
        lines = pl.DataFrame({"record": self.records, "outcome": self.outcome, "reason": self.reason})
        for (outcome, reason), rows in lines.drop_nulls("reason").group_by("outcome", "reason"):
            account.add_many(rows["record"].sort(), str(outcome), str(reason))
        for mask, reason in self.notes:
            account.add_many(self.records.filter(mask & self.kept), "note", reason)
        account.kept += int(self.kept.sum())


@dataclass(slots=True)
class Moments:
    """A column of moments: UTC values, null where there is none, and why."""

    values: pl.Series
    blank: pl.Series
    missing: pl.Series
    assumed: pl.Series
    has_clock: bool = True

    @property
    def unreadable(self) -> pl.Series:
        """Which cells hold something that is no time."""
        return self.values.is_null() & ~self.blank & ~self.missing


@dataclass(slots=True)
class Sheet:
    """One sheet as its mapping says to read it: ``frame`` has one text column for each header cell."""

    file: Path
    mapping: Mapping
    context: Context
    header: list[str]
    frame: pl.DataFrame
    fate: Fate
    account: Account
    warnings: list[str]
    book: bool = False  # a workbook: numbers and dates are written in one way, whatever the locale

    def text(self, column: str, missing: tuple[str, ...] = ("",)) -> pl.Series:
        """Return a column's cells, null where blank or one of the `missing` marks."""
        cells = self.frame[f"c{self.header.index(normal(column))}"].str.strip_chars()
        marks = ["", *missing]
        return cells.to_frame("x").select(pl.when(~pl.col("x").is_in(marks)).then(pl.col("x"))).to_series()

    def number(self, column: str, missing: tuple[str, ...] = ("",), *, whole: bool = False) -> pl.Series:
        """Return a column of numbers; a cell that is none is left out, with a note on its record."""
        mark = "auto" if self.book else self.mapping.read.decimal
        values, bad = numbers(
            self.text(column, missing).fill_null(""),
            file=self.file.name,
            column=column,
            mark=None if mark == "auto" else mark,
        )
        if whole:
            broken = (values != values.floor()).fill_null(False)
            values, bad = self._only(values, ~broken), bad | broken
        self.fate.note(bad, "cell_left_out")
        return values

    def length(self, column: str, kind: str, missing: tuple[str, ...], unit: float) -> pl.Series:
        """Return a column of lengths of time in seconds; numbers count `unit` seconds each."""
        if kind != "duration":
            values = self.number(column, missing, whole=kind == "int") * unit
        else:
            cells = self.text(column, missing)
            known = {cell: duration_seconds(cell) for cell in cells.drop_nulls().unique()}
            values = cells.replace_strict(known, default=None, return_dtype=pl.Float64)
            self.fate.note(values.is_null() & cells.is_not_null(), "cell_left_out")
        self.fate.note((values < 0).fill_null(False), "cell_left_out")
        return self._only(values, values >= 0)

    def moments(self, when: When) -> Moments:
        """Return the moments of one column, or of a column of dates and one of times of day."""
        column = when.column or when.date or ""
        cells = self.text(column)
        if self.book:
            cells = cells.str.strip_suffix(" 00:00:00")
        if when.time is not None:
            clock = self.text(when.time)
            cells = pl.DataFrame({"d": cells, "t": clock}).select(pl.col("d") + " " + pl.col("t")).to_series()
        blank = cells.is_null() | cells.is_in(["-", "–"])
        zoned, clock = False, True
        if when.format and not (self.book and cells.str.contains(_WRITTEN_BY_BOOKS).any()):
            local, zoned = _by_format(cells, when.format)
            clock = any(mark in when.format for mark in _CLOCK_MARKS)
        else:
            order = self.context.date_order or self.mapping.date_order
            read = parse_times(cells, file=self.file.name, column=column, order=order)
            local, zoned, clock = read.values, read.zoned, read.has_clock
        if local.null_count() == len(local):
            nothing = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(local))
            return Moments(local.dt.replace_time_zone("UTC"), blank, nothing, nothing)
        instants = to_utc(local, "UTC" if zoned else self.zone)
        return Moments(instants.values, blank, instants.missing, instants.assumed, clock)

    def optional_moments(self, when: When | None) -> pl.Series:
        """Return moments that a record may lack; what cannot be read is left out, with a note."""
        if when is None:
            return pl.Series([None], dtype=pl.Datetime("us", "UTC")).new_from_index(0, self.frame.height)
        found = self.moments(when)
        self.fate.note(found.unreadable | found.missing, "cell_left_out")
        self.fate.note(found.assumed, "repeated_hour")
        return found.values

    @property
    def zone(self) -> str:
        """The zone of local times: the mapping's, else the one given for the file."""
        return self.mapping.timezone or zone_of(self.context, self.file.name)

    def kept(self, columns: dict[str, pl.Series]) -> pl.DataFrame:
        """Return columns of the records kept so far, with their numbers."""
        return pl.DataFrame({**columns, "record": self.frame["record"]}).filter(self.fate.kept)

    def persons(self) -> tuple[pl.Series, list[tuple[str, str, str]]]:
        """Return each record's person key, and rows of the people table."""
        if self.mapping.learner is None:
            return pl.Series([None] * self.frame.height, dtype=pl.String), []
        given = self._identities(self.mapping.learner)
        keys, rows = [], {}
        for values in given.iter_rows(named=True):
            kind = next((k for k in _IDENTITIES if values[k]), None)
            text = values[kind] if kind else None
            key = None if text is None else f"{kind}:{normal(text) if kind == 'name' else text}"
            key = key and key.replace("email:", "mail:", 1)
            keys.append(key)
            if key is not None:
                rows.update({(key, k, v): None for k, v in values.items() if v})
        return pl.Series(keys, dtype=pl.String), list(rows)

    def _identities(self, learner: Learner) -> pl.DataFrame:
        empty = pl.Series([None], dtype=pl.String).new_from_index(0, self.frame.height)
        given = {
            kind: empty if (column := getattr(learner, kind)) is None else self.text(column, ("", "-"))
            for kind in ("email", "id", "idnumber", "username", "name", "group")
        }
        given["email"] = given["email"].str.to_lowercase()
        if learner.name is None and learner.family_name:
            family = self.text(learner.family_name)
            first = self.text(learner.given_name) if learner.given_name else empty
            both = pl.concat_str("first", "family", separator=" ", ignore_nulls=True).str.strip_chars()
            named = pl.DataFrame({"first": first, "family": family}).select(both).to_series()
            given["name"] = self._only(named, named != "")
        return pl.DataFrame(given)

    @staticmethod
    def _only(values: pl.Series, where: pl.Series) -> pl.Series:
        frame = pl.DataFrame({"x": values, "w": where})
        return frame.select(pl.when(pl.col("w")).then(pl.col("x"))).to_series()


def status_of(cells: pl.Series, pairs: dict[str, str]) -> pl.Series:
    """Return the presence that cells tell: by the words of a mapping, else by the schema's own."""
    pairs = pairs or {word: word for word in schema.TABLES["attendance"].by_name["status"].allowed}
    status = meaning(cells.fill_null("") if "" in pairs else cells, pairs)
    other = (status.is_null() & cells.is_not_null()).arg_true()
    return status.scatter(other, pairs[ANYTHING_ELSE]) if ANYTHING_ELSE in pairs and len(other) else status


def meaning(cells: pl.Series, pairs: dict[str, str]) -> pl.Series:
    """Return what words mean; null where a word is not in `pairs`."""
    known = {normal(word): meant for word, meant in pairs.items()}
    meant = {cell: known.get(normal(cell)) for cell in cells.drop_nulls().unique()}
    return cells.replace_strict(meant, default=None, return_dtype=pl.String)


def _by_format(cells: pl.Series, form: str) -> tuple[pl.Series, bool]:
    try:
        if any(mark in form for mark in _CLOCK_MARKS):
            local = cells.str.to_datetime(form, strict=False, exact=True, time_unit="us")
        else:
            local = cells.str.to_date(form, strict=False, exact=True).cast(pl.Datetime("us"))
    except pl.exceptions.PolarsError as error:
        raise InputError(t("readers_more.sheet_format", format=form)) from error
    zoned = "%z" in form
    if zoned:
        local = local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    sane = local.dt.year().is_between(*_YEARS)
    return pl.DataFrame({"x": local, "w": sane}).select(pl.when("w").then("x")).to_series(), zoned


def open_sheet(file: Path, mapping: Mapping, context: Context) -> Sheet:
    """Open a sheet, a text or one of a workbook, and find its header.

    Raises
    ------
    InputError
        The file is neither a workbook nor text in an encoding of the mapping, or lacks a column, or the
        sheet, that the mapping names.
    """
    wanted = {normal(column) for _, column in mapping.columns()}
    book, warnings = is_workbook(file), []
    if book:
        table = _in_book(file, mapping.read, wanted)
    else:
        text = open_text(file)
        content, warnings = _content(text, mapping.read), list(text.warnings)
        start, delimiter = _header(content, mapping.read, wanted)
        table = grid(content[start:], delimiter)
    header = [normal(label) for label in table.header]
    _check_columns(file.name, mapping, header, table.header)
    width = len(header)
    schema = {"record": pl.Int64, **{f"c{i}": pl.String for i in range(width)}}
    frame = pl.DataFrame([(n, *cells) for n, cells in table.rows], schema=schema, orient="row")
    account = Account(read=table.read)
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    return Sheet(file, mapping, context, header, frame, Fate(frame["record"]), account, warnings, book)


def _in_book(file: Path, read: Read, wanted: set[str]) -> Grid:
    """Return the table whose header has most of the columns named, in the sheet named or any."""
    book = sheets(file)
    named = [sheet for sheet in book if read.sheet is None or normal(sheet.name) == normal(read.sheet)]
    if not named:
        known = listing([f"“{sheet.name}”" for sheet in book])
        raise InputError(t("readers_more.sheet_absent", file=file.name, sheet=read.sheet, known=known))
    rows = range(HEADER_WITHIN) if read.header_row == "auto" else (read.header_row - 1,)
    places = [(sheet, at) for sheet in named for at in rows if at < len(sheet.rows)]
    if not places:
        raise InputError(t("readers.empty", file=file.name))
    return sheet_grid(*max(places, key=lambda place: _found(place[0].rows[place[1]], wanted)))


def _found(cells: list[str], wanted: set[str]) -> int:
    return len({normal(cell) for cell in cells} & wanted)


def _content(text: Text, read: Read) -> str:
    """Decode as the mapping says; by the bytes where it says nothing."""
    known = [name.lower() for name in read.encoding]
    own = _UTF8 if text.encoding in ("utf-8", "mixed") else (text.encoding,)
    if not known or any(name in own for name in known):
        return text.content()
    data = text.file.read_bytes()
    for name in read.encoding:
        try:
            return data.decode(name).replace("\r\n", "\n").replace("\r", "\n")
        except (UnicodeDecodeError, LookupError):
            continue
    raise InputError(t("readers_more.sheet_encoding", file=text.name, encodings=listing(list(read.encoding))))


def _header(content: str, read: Read, wanted: set[str]) -> tuple[int, str]:
    """Return where the header begins and the delimiter: where most of the columns named are found."""
    starts, at = [], 0
    for line in content.split("\n")[:HEADER_WITHIN]:
        starts.append((at, bool(line.strip())))
        at += len(line) + 1
    if read.header_row != "auto":
        starts = starts[read.header_row - 1 : read.header_row] or starts[:1]
    delimiters = DELIMITERS if read.delimiter == "auto" else (read.delimiter,)
    best = (-1, 0, delimiters[0])
    for start in (start for start, filled in starts if filled):
        for delimiter in delimiters:
            cells = first_records(content[start : start + 65_536], delimiter, 1)
            found = _found(cells[0], wanted) if cells else 0
            if found > best[0]:
                best = (found, start, delimiter)
    return best[1], best[2]


def _check_columns(file: str, mapping: Mapping, header: list[str], shown: list[str]) -> None:
    missing = [(where, column) for where, column in mapping.columns() if normal(column) not in header]
    if missing:
        where, column = missing[0]
        near = did_you_mean(normal(column), header)
        names = listing([f"“{name}”" for name in dict.fromkeys(column for _, column in missing)])
        problem = t("readers_more.sheet_columns", file=file, n=len(missing), columns=names, where=where)
        if near:
            hint = t("readers_more.mapping_near", near=shown[header.index(near)])
            problem = t("readers_more.sheet_hint", problem=problem, hint=hint)
        raise InputError(problem)
    twice = [column for _, column in mapping.columns() if header.count(normal(column)) > 1]
    if twice:
        raise InputError(t("readers_more.sheet_column_twice", file=file, column=twice[0]))
