"""Small sheets, their mappings, and how the tests read them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from flipstats.readers import sheet
from flipstats.readers.base import Context, Reading

ATTENDANCE = """
read: {encoding: [utf-8, cp1252], delimiter: ";", decimal: ","}
locale: fr_FR
timezone: Europe/Paris
table: attendance
learner: {email: Mail, family_name: Nom, given_name: Prénom}
session:
  key: [Date, Demi-journée]
  start: {date: Date, time: Début, format: "%d/%m/%Y %H:%M"}
  end: {date: Date, time: Fin, format: "%d/%m/%Y %H:%M"}
fields:
  status: {column: Présence, map: {Oui: present, Non: absent, Excusé: excused}}
  late_minutes: {column: Retard, type: int}
  hours_done: {column: Heures, type: decimal}
  signed_at: {column: Signé le, format: "%d/%m/%Y à %Hh%M"}
"""
HEADER = "Mail;Nom;Prénom;Date;Demi-journée;Début;Fin;Présence;Retard;Heures;Signé le"
ROWS = [
    "a@x.org;LEE;Ann;21/03/2024;Matin;09:00;12:30;Oui;;3,5;21/03/2024 à 08h58",
    "B@X.org;CHEN;Bo;21/03/2024;Matin;09:00;12:30;oui;20;3,17;21/03/2024 à 09h20",
    "a@x.org;LEE;Ann;21/03/2024;Après-midi;13:30;17:00;NON;;0;",
    ";DEE;Cy;21/03/2024;Après-midi;13:30;17:00;Excuse;;;",
]
VIDEO = """
timezone: UTC
table: events
learner: {email: Viewer}
resource: {title: Video, kind: video}
traces: [opened, substantial, completed]
fields:
  at: {column: Last viewed, format: "%Y-%m-%d %H:%M:%S"}
  progress: Watched
  seconds: {column: Time, type: duration}
"""
VIDEO_HEADER = "Viewer,Video,Last viewed,Watched,Time"
SCORES = """
timezone: Europe/Paris
table: attempts
learner: {idnumber: Nr, name: Name}
assessment: {title: Test}
fields:
  score: {column: Points, missing: ["", ABS]}
  max: Of
  submitted_at: Done
"""


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def read(folder: Path, mapping: str, lines: list[str], *, encoding: str = "utf-8", **context: str) -> Reading:
    (folder / "map.yaml").write_text(mapping, encoding="utf-8")
    file = folder / "sheet.csv"
    file.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    reading = sheet.read(file, Context(mapping=folder / "map.yaml", **context))
    assert reading.account.balanced
    return reading
