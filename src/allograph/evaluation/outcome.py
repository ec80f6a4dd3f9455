"""The outcome of an evaluation: runs, figures as rows, tables, and the files that show them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allograph.bundle import Bundle
from allograph.evaluation.measures.figures import Figures
from allograph.evaluation.protocols.stored_writers import StoredWriters
from allograph.evaluation.report.answer_tables import answer_tables
from allograph.evaluation.report.predictions import write_predictions
from allograph.evaluation.report.report_folder import write_report
from allograph.evaluation.report.table import Table
from allograph.evaluation.report.table_files import write_tables
from allograph.evaluation.report.wording import headline, run_in_words
from allograph.evaluation.runs import Run, Setup
from allograph.progress import Progress, silent

INTERVALS = ("gain_ci95", "error_cut_ci95")


@dataclass(frozen=True)
class Evaluation:
    """How well methods did on the application writers of a corpus."""

    setup: Setup
    runs: list[Run]
    """One for `Resample` (two where labels are wrong), one a mode for `Sequential`, one a point for `Curve` and `Unlabelled`; the
    last is the one shown in detail."""
    tables: list[Table]
    """The paper's tables 1 to 3, then those beyond the paper."""
    results: dict[str, Any]
    """The content of `results.json`."""
    writers: StoredWriters
    """The writers who were tested, without their embeddings."""
    left_out: dict[str, str]
    """Of `all` methods those that could not be built for the bundle, and why."""

    @property
    def bundle(self) -> Bundle:
        """The bundle of the model and the methods."""
        return self.setup.bundle

    @property
    def figures(self) -> Figures:
        """Those of the last run."""
        return self.runs[-1].figures

    @property
    def headline(self) -> str:
        """The result of the best method in the last run, in one sentence."""
        return headline(self.figures, run_in_words(self.runs[-1]))

    def rows(self) -> list[dict[str, Any]]:
        """The figures as flat rows, one a run and method, as `pandas.DataFrame` takes them; shares are fractions.

        A row has `run`, the run's options (`protocol`, `resamples`, `feedback`, …), `method`, `writers`, `samples`, `base` (the
        base's accuracy), and the fields of `MethodFigures` and `Quality`; the ends of an interval are `…_low` and `…_high`.
        """
        return [
            {
                **_options(number, run),
                "method": name,
                "writers": len(run.figures.writers),
                "samples": run.figures.samples,
                "base": run.figures.base,
                **_without_intervals(asdict(method)),
                **{key: value for key, value in vars(run.qualities[name]).items() if not isinstance(value, list)},
            }
            for number, run in enumerate(self.runs)
            for name, method in run.figures.methods.items()
        ]

    def writer_rows(self) -> list[dict[str, Any]]:
        """The accuracy of each writer as flat rows, one a run, method and writer."""
        return [
            {
                **_options(number, run),
                "method": name,
                "writer": writer.id,
                "samples": writer.samples,
                "base": writer.base,
                "accuracy": share,
                "gain": share - writer.base,
            }
            for number, run in enumerate(self.runs)
            for writer in run.figures.writers
            for name, share in writer.methods.items()
        ]

    def write_report(self, folder: str | Path) -> Path:
        """Write `report.html`, `report.md` and `results.json` into a folder; returns the path of the first."""
        return write_report(folder, self.setup, self.runs, self.tables, self.results)

    def write_tables(self, folder: str | Path) -> None:
        """Write every table, those of confusions and writers too, as CSV and as LaTeX into a folder."""
        write_tables(folder, [*self.tables, *answer_tables(self.runs[-1], self.bundle.alphabet)])

    def write_predictions(self, path: str | Path, progress: Progress = silent) -> None:
        """Write every answer of every run, sample by sample, as Parquet."""
        write_predictions(path, self.setup, self.runs, self.writers, progress)


def _options(number: int, run: Run) -> dict[str, Any]:
    """The number of a run, and its protocol's options."""
    options = run.protocol.as_dict()
    return {"run": number, "protocol": options.pop("name"), **options}


def _without_intervals(figures: dict[str, Any]) -> dict[str, Any]:
    """The same with two numbers in place of each interval."""
    for name in INTERVALS:
        low, high = figures.pop(name) or (None, None)
        figures |= {f"{name}_low": low, f"{name}_high": high}
    return figures
