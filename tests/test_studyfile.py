"""`study.toml`: what is wrong is said whole, with the key, the rule and the remedy."""

import pytest

from flipstats.errors import StudyFileError
from flipstats.i18n import in_language
from flipstats.studyfile import parse_study_file, read_study_file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"programme": {"timezon": "UTC"}},
            "study.toml: unknown key programme.timezon; did you mean 'timezone'?",
        ),
        (
            {"desing": {}},
            "study.toml: unknown key desing; did you mean 'design'?",
        ),
        (
            {"sources": [{"file": "a.csv"}, {"file": "b.csv", "fromat": "auto"}]},
            "study.toml: unknown key sources.2.fromat; did you mean 'format'?",
        ),
        (
            {"programme": {"timezone": "Europe/Pari"}},
            "study.toml: programme.timezone: 'Europe/Pari' is not a time zone; use an IANA name such as "
            "'Europe/Paris'; found 'Europe/Pari'",
        ),
        (
            {"design": {"assignment": "random"}},
            "study.toml: design.assignment: must be one of 'random_individual', 'random_cluster', 'nonrandom', "
            "'historical' or 'none'; found 'random'",
        ),
        (
            {"sources": [{}]},
            "study.toml: sources.1.file: is required; found {}",
        ),
        (
            {"thresholds": {"early_day": 3}},
            "study.toml: thresholds: there is no threshold 'early_day'; did you mean early_days?; "
            "found {'early_day': 3}",
        ),
    ],
)
def test_mistakes_are_explained(content, message):
    with pytest.raises(StudyFileError) as refused:
        parse_study_file(content)
    assert str(refused.value) == message


def test_the_same_in_french():
    with in_language("fr"), pytest.raises(StudyFileError) as refused:
        parse_study_file({"programme": {"timezon": "UTC"}})
    assert (
        str(refused.value)
        == "study.toml\u00a0: clé inconnue programme.timezon\u202f; vouliez-vous dire 'timezone'\u202f?"
    )


def test_an_absent_and_a_broken_file(tmp_path):
    with pytest.raises(StudyFileError, match="there is no study file"):
        read_study_file(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_text("[programme\n")
    with pytest.raises(StudyFileError, match=r"^study\.toml is not valid TOML: "):
        read_study_file(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyFileError, match="is not a text file in UTF-8"):
        read_study_file(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_text("[thresholds]\nearly_days = " + "9" * 5000 + "\n")
    with pytest.raises(StudyFileError) as refused:
        read_study_file(tmp_path / "study.toml")
    assert str(refused.value) == "study.toml holds a number of more digits than any setting can have"


def test_thresholds_replace_defaults():
    file = parse_study_file({"thresholds": {"early_days": 10}, "privacy": {"smallest_cell": 8}})
    thresholds = file.all_thresholds()
    assert (thresholds.early_days, thresholds.smallest_cell, thresholds.near_days) == (10, 8, 5)


def test_the_public_study_file_names_nobody():
    file = parse_study_file({"privacy": {"staff": ["sophie@example.org"]}})
    assert "sophie" not in file.public().model_dump_json()
