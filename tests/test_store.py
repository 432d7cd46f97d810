"""A saved study is whole or not there at all, coded to integers, and names nobody."""

import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flipstats import schema, store
from flipstats.errors import StudyError
from flipstats.study import Study, open_study

UTC = dt.UTC
NOON = dt.datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


def small(title: str = "small", learners: int = 40) -> Study:
    ids = [f"L{i:03d}" for i in range(learners)]
    return Study.from_frames(
        programme={"id": title, "timezone": "Europe/Paris"},
        cohorts=pl.DataFrame({"cohort_id": ["A", "B"], "arm": ["flipped", "conventional"]}),
        learners=pl.DataFrame({"learner_id": ids, "tracking": ["traced"] * learners}),
        enrolments=pl.DataFrame({"learner_id": ids, "cohort_id": ["A", "B"] * (learners // 2)}),
        resources=pl.DataFrame({"resource_id": ["r1"], "traced": [True]}),
        events=pl.DataFrame(
            {
                "learner_id": [*ids, None],
                "resource_id": ["r1"] * learners + [None],
                "at": [NOON + dt.timedelta(minutes=i) for i in range(learners + 1)],
                "verb": ["viewed"] * learners + ["login_failed"],
            }
        ),
    )


def test_what_is_saved_is_what_is_opened(tmp_path):
    study = small()
    study.save(tmp_path)
    opened = open_study(tmp_path)
    for name in schema.TABLES:
        assert_frame_equal(
            opened.table(name).collect(),
            study.table(name).collect(),
            check_row_order=False,
            check_dtypes=True,
        )
    assert opened.programme.timezone == "Europe/Paris"


def test_on_disk_ids_are_integers_times_are_epoch_and_events_lie_in_learner_buckets(tmp_path):
    small().save(tmp_path)
    lying = store.Store(tmp_path)
    types = lying.physical("events").collect_schema()
    assert types["learner_id"] == pl.UInt32
    assert types["resource_id"] == pl.UInt32
    assert types["at"] == pl.Int64
    assert types["verb"] == pl.UInt8
    homes = [set(pl.read_parquet(file)["learner_id"].drop_nulls()) for file in lying.event_files()]
    assert sum(map(len, homes)) == len(set().union(*homes)) == 40
    assert len([home for home in homes if home]) > 1
    events = lying.physical("events").collect()
    assert events.filter(pl.col("learner_id").is_null())["at"].item() == int(
        (NOON + dt.timedelta(minutes=40)).timestamp() * 1e6
    )


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y", "é", "", None]), st.integers(0, 2**50)), min_size=0, max_size=30
    )
)
def test_coding_and_decoding_are_inverse(rows):
    import tempfile

    ids = sorted({learner for learner, _ in rows if learner is not None})
    study = Study.from_frames(
        learners=pl.DataFrame(
            {"learner_id": ids, "tracking": ["traced"] * len(ids)},
            schema_overrides={"learner_id": pl.String, "tracking": pl.String},
        ),
        events=pl.DataFrame(
            {
                "learner_id": pl.Series([learner for learner, _ in rows], dtype=pl.String),
                "at": pl.Series([at for _, at in rows], dtype=pl.Int64).cast(schema.TIME),
                "verb": pl.Series(["viewed"] * len(rows), dtype=pl.String),
            }
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        study.save(folder)
        back = open_study(folder).table("events").collect()
    assert_frame_equal(back, study.table("events").collect(), check_row_order=False)


def test_saving_twice_keeps_one_current_snapshot_and_one_before(tmp_path):
    for i in range(4):
        small(f"s{i}").save(tmp_path)
    assert len(list((tmp_path / "snapshots").iterdir())) == store.KEPT_SNAPSHOTS
    assert open_study(tmp_path).programme.id == "s3"


@pytest.mark.parametrize("moment", ["write_parquet", "manifest", "replace"])
def test_killed_half_way_the_previous_study_is_intact(tmp_path, moment):
    small("before").save(tmp_path)
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        import polars as pl
        from pathlib import Path
        import test_store
        def die(*a, **k):
            os.kill(os.getpid(), signal.SIGKILL)
        study = test_store.small("after")
        if {moment!r} == "write_parquet":
            real, count = pl.DataFrame.write_parquet, [0]
            def some(self, *a, **k):
                count[0] += 1
                return die() if count[0] > 8 else real(self, *a, **k)
            pl.DataFrame.write_parquet = some
        elif {moment!r} == "manifest":
            Path.write_text = die
        else:
            os.replace = die
        study.save({str(tmp_path)!r})
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert open_study(tmp_path).programme.id == "before"
    small("again").save(tmp_path)
    assert open_study(tmp_path).programme.id == "again"


def test_a_failed_save_leaves_nothing_behind(tmp_path, monkeypatch):
    small("before").save(tmp_path)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_write_buckets", full)
    with pytest.raises(OSError, match="No space left"):
        small("after").save(tmp_path)
    assert open_study(tmp_path).programme.id == "before"
    assert not list((tmp_path / "snapshots").glob(".draft*"))


def test_what_is_not_a_study_is_refused(tmp_path):
    with pytest.raises(StudyError, match="there is no study folder"):
        open_study(tmp_path / "nowhere")
    with pytest.raises(StudyError, match="holds no built study"):
        open_study(tmp_path)
    small().save(tmp_path)
    (tmp_path / "CURRENT").write_text("000009-dead\n")
    with pytest.raises(StudyError, match=r"is damaged \(its current snapshot is missing or unreadable\)"):
        open_study(tmp_path)
