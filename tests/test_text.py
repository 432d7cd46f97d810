"""Bytes to text to records: what the bytes show, and every record whole or set aside."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats import i18n
from flipstats.errors import FlipstatsError, InputError
from flipstats.readers.records import best_delimiter, chunks, grid
from flipstats.readers.text import normal, open_text

TABLE = "Prénom,Note\nAïcha,8\nZoë,9\n"


def write(folder: Path, data: bytes, name: str = "f.csv") -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


class TestEncodings:
    @pytest.mark.parametrize(
        ("data", "encoding"),
        [
            (TABLE.encode("utf-8"), "utf-8"),
            (TABLE.encode("utf-8-sig"), "utf-8"),
            (TABLE.encode("utf-16"), "utf-16-le"),
            (b"\xfe\xff" + TABLE.encode("utf-16-be"), "utf-16-be"),
            (TABLE.encode("utf-16-le"), "utf-16-le"),
            (TABLE.encode("utf-16-be"), "utf-16-be"),
            (TABLE.encode("cp1252"), "cp1252"),
            (TABLE.replace("\n", "\r\n").encode("utf-8"), "utf-8"),
            (TABLE.replace("\n", "\r").encode("cp1252"), "cp1252"),
        ],
    )
    def test_the_text_is_the_same(self, tmp_path, data, encoding):
        text = open_text(write(tmp_path, data))
        assert text.encoding == encoding
        assert text.content() == TABLE
        assert not text.warnings

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
    def test_blocks_of_any_size_make_the_same_text(self, tmp_path, size, encoding):
        text = open_text(write(tmp_path, TABLE.encode(encoding)))
        blocks = list(text.blocks(size))
        assert "".join(blocks) == TABLE
        assert all(block.endswith("\n") for block in blocks)

    def test_lines_of_another_encoding_among_utf_8(self, tmp_path):
        data = TABLE.encode() * 3 + "Élodie,7\n".encode("cp1252")
        text = open_text(write(tmp_path, data))
        assert text.content().endswith("Élodie,7\n")
        assert text.content().startswith(TABLE)
        assert text.warnings == ("f.csv: 1 line is not UTF-8 like the rest; it was read as Windows-1252.",)

    def test_nul_characters_are_taken_out_and_said(self, tmp_path):
        text = open_text(write(tmp_path, TABLE.encode() * 9 + b"A\0B,1\n"))
        assert text.content().endswith("AB,1\n")
        assert text.warnings == ("f.csv: 1 NUL character was removed.",)

    def test_a_character_cut_in_two_is_the_end_of_a_cut_file(self, tmp_path):
        text = open_text(write(tmp_path, TABLE.encode() + "Élodie,É".encode()[:-1]))
        assert text.encoding == "utf-8"
        assert text.cut_character
        assert grid(text, ",").irregular == [(3, "cut_record")]


class TestRefusals:
    @pytest.mark.parametrize(
        "data", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\n\n  \r\n", b"\0\0\0\0\n" + b" " * 80]
    )
    def test_empty(self, tmp_path, data):
        with pytest.raises(InputError) as raised:
            open_text(write(tmp_path, data))
        assert str(raised.value) == (
            "f.csv is empty. Export it again and check that it opens in a text editor."
        )

    def test_empty_in_french(self, tmp_path):
        with i18n.in_language("fr"), pytest.raises(InputError) as raised:
            open_text(write(tmp_path, b""))
        assert str(raised.value) == (
            "f.csv est vide. Exportez-le de nouveau et vérifiez qu’il s’ouvre dans un éditeur de texte."
        )

    def test_binary(self, tmp_path):
        with pytest.raises(InputError) as raised:
            open_text(write(tmp_path, bytes(range(256)) * 40))
        assert str(raised.value) == (
            "f.csv is not a text file: it holds bytes that no CSV export holds. Export it again as CSV."
        )

    def test_what_it_is_where_that_shows(self, tmp_path):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.csv", TABLE)
        kinds = {
            "a zip archive or a spreadsheet": packed.getvalue(),
            "compressed with gzip": gzip.compress(TABLE.encode()),
            "a PDF": b"%PDF-1.7 ...",
            "an old Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an image": b"\x89PNG\r\n\x1a\n",
        }
        for words, data in kinds.items():
            with pytest.raises(InputError, match=words):
                open_text(write(tmp_path, data, f"{len(data)}.csv"))

    def test_no_such_file_and_a_folder(self, tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            open_text(tmp_path / "none.csv")
        with pytest.raises(InputError, match="cannot be read"):
            open_text(tmp_path)

    def test_damaged_utf_16(self, tmp_path):
        with pytest.raises(InputError, match="begins as UTF-16-LE text"):
            open_text(write(tmp_path, TABLE.encode("utf-16") + b"\x00\xd8a\x00"))

    @settings(deadline=None, max_examples=60)
    @given(st.binary(max_size=300))
    def test_any_bytes_are_text_or_one_clear_error(self, tmp_path_factory, data):
        file = write(tmp_path_factory.mktemp("any"), data)
        try:
            text = open_text(file)
        except FlipstatsError:
            return
        table = grid(text, ",")
        assert table.read == len(table.rows) + len(table.irregular)


class TestRecords:
    def test_header_labels_are_compared_in_one_form(self):
        assert normal("\ufeffNom complet de l’utilisateur\u00a0") == normal("NOM COMPLET DE L'UTILISATEUR")
        assert normal("Achèvement  d'activité") == "achevement d'activite"

    def test_records_are_numbered_below_the_header_and_blank_lines_are_none(self):
        table = grid("\nA,B\n1,2\n\n3,4\n", ",")
        assert table.header == ["A", "B"]
        assert table.rows == [(1, ["1", "2"]), (2, ["3", "4"])]

    def test_line_breaks_and_delimiters_in_quotes(self):
        assert grid('A,B\n"1\n2","a,""b"""\n', ",").rows == [(1, ["1\n2", 'a,"b"'])]

    def test_irregular_records_are_set_aside_with_their_number(self):
        table = grid("A,B,C\n1,2,3\n1,2\n1,2,3,4\n1,2,3,\n,,\n1,2", ",")
        assert table.rows == [(1, ["1", "2", "3"]), (4, ["1", "2", "3"])]
        assert table.irregular == [
            (2, "too_few_cells"), (3, "too_many_cells"), (5, "empty_record"), (6, "cut_record"),
        ]  # fmt: skip

    def test_a_last_line_without_its_end_but_whole_is_kept(self):
        assert grid("A,B\n1,2", ",").rows == [(1, ["1", "2"])]

    def test_a_quote_never_closed_costs_its_own_line(self):
        table = grid('A,B\n1,2\n"x,3\n4,5\n6,7\n', ",")
        assert [number for number, _ in table.rows] == [1, 3, 4]
        assert table.irregular == [(2, "open_quote")]

    def test_a_cell_cut_inside_its_quotes(self):
        assert grid('A,B\n1,2\n"two\nlines', ",").irregular == [(2, "cut_record")]

    def test_a_cell_of_a_megabyte(self):
        table = grid(f"A,B\n1,{'x' * (1 << 20)}\n3,4\n", ",")
        assert table.rows == [(2, ["3", "4"])]
        assert table.irregular == [(1, "cell_too_large")]

    def test_unquoted_exports(self):
        assert grid('A\tB\n"x\t2\n', "\t", quoted=False).rows == [(1, ['"x', "2"])]

    def test_delimiter_by_what_the_header_means(self):
        def score(cells):
            return sum(cell in ("Nom, prénom", "Note") for cell in cells)

        assert best_delimiter("Nom, prénom;Note\n", score)[0] == ";"

    @settings(deadline=None)
    @given(st.text(alphabet='ab",;\n\r', max_size=60), st.sampled_from(",;"))
    def test_every_record_has_one_fate(self, body, delimiter):
        table = grid("A,B\n".replace(",", delimiter) + body, delimiter)
        numbers = [n for n, _ in table.rows] + [n for n, _ in table.irregular]
        assert sorted(numbers) == list(range(1, table.read + 1))
        assert all(len(cells) == 2 for _, cells in table.rows)


class TestChunks:
    def both(self, folder: Path, data: str, width: int = 3):
        file = write(folder, data.encode())
        fast = list(chunks(open_text(file), ",", width))
        slow = grid(open_text(file), ",")
        rows = [row for chunk in fast for row in chunk.frame.rows()]
        irregular = [line for chunk in fast for line in chunk.irregular]
        assert rows == [(number, *cells) for number, cells in slow.rows]
        assert irregular == slow.irregular
        return rows, irregular

    @pytest.mark.parametrize(
        "body",
        [
            "1,2,3\n4,,6\n",
            "1,2,3\r\n4,5,6\r\n",
            '1,"2, ""x""",3\n',
            '1,"two\nlines",3\n4,5,6\n',
            "1,2,3\n4,5\n6,7,8\n",
            "1,2,3\n4,5,6,7\n6,7,8\n",
            "1,2,3\n\n4,5,6\n",
            "1,2,3\n4,5",
            "1,2,3\n4,5,6",
            '1,2,3\n4,"5',
            '1,2,3\n4,"5,6\n7,8,9\n',
            '1,a"b,3\n',
            "",
        ],
    )
    def test_fast_and_careful_reading_agree(self, tmp_path, body):
        self.both(tmp_path, "A,B,C\n" + body)

    @settings(deadline=None, max_examples=60)
    @given(st.text(alphabet='ab",\n\r', max_size=60))
    def test_they_agree_on_anything(self, tmp_path_factory, body):
        self.both(tmp_path_factory.mktemp("any"), "A,B,C\n" + body)

    def test_they_agree_across_blocks(self, tmp_path, monkeypatch):
        monkeypatch.setattr("flipstats.readers.text.Text.utf8_blocks.__defaults__", (16,))
        body = "".join(f"{n},é{n},x\n" for n in range(50)) + '50,"two\nlines",x\n51,a,x\n52'
        rows, irregular = self.both(tmp_path, "A,B,C\n" + body)
        assert len(rows) == 52
        assert irregular == [(53, "cut_record")]


def test_one_line_of_each_encoding_is_mixed_and_said(tmp_path):
    file = tmp_path / "x.csv"
    file.write_bytes("Zoé\n".encode() + "Anaïs\n".encode("cp1252"))
    text = open_text(file)
    assert (text.encoding, text.content()) == ("mixed", "Zoé\nAnaïs\n")
    assert len(text.warnings) == 1
