"""Reports: a notebook run on a study, as one HTML file that opens offline and says what it was made of."""

from __future__ import annotations

from flipstats.report.each import run_each
from flipstats.report.parameters import Parameter, parameters_of
from flipstats.report.provenance import provenance
from flipstats.report.run import notebooks, run_report

__all__ = ["Parameter", "notebooks", "parameters_of", "provenance", "run_each", "run_report"]
