"""What can be done with answers once they are there: compare, set against attributes, check, and export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from toolkit.display import Result

if TYPE_CHECKING:
    from toolkit.questions.answers import Answers
    from toolkit.questions.compare import Comparison
    from toolkit.questions.crosstab import Crosstab
    from toolkit.questions.reliability import Reliability

__all__ = ["Examined"]


class Examined(Result):
    """Answers to one question, as something to be examined; each method hands on to the module of its name."""

    def compare(
        self,
        human: Any,
        *,
        by: str | None = None,
        weights: Any = None,
        column: str | None = None,
        scale: tuple[float, float] | None = None,
        seed: int | None = None,
        resamples: int = 2000,
    ) -> Comparison:
        """Compare these answers with people's: how far apart, how much of it chance gives, and whether alike.

        Args:
            human: A frame, a column, counts by level, or the path of a CSV file.
            by: Attribute or factor that is a column of the human frame as well: compare within its levels too.
            weights: Column of the human frame with survey weights, or one weight a row.
            column: Column of the human frame that holds the answers, where it has several.
            scale: Ends of the scale, where the answers do not know them.
            seed: Of bootstrap and permutations; the run's when not given.
            resamples: How often respondents are drawn again for the bounds.

        Raises:
            InvalidInput: See ``toolkit.questions.compare.compare``.

        Example:
            >>> panel = generate_personas(8, "us-adults-2012", detail="facts", lab=lab)
            >>> answers = ask(panel, "How good is tea?", answer=Scale(1, 5), lab=lab)
            >>> answers.compare({1: 11, 2: 9, 3: 13, 4: 10, 5: 7}).equivalent
            False
        """
        from toolkit.questions.compare import compare

        return compare(
            cast("Answers", self),
            human,
            by=by,
            weights=weights,
            column=column,
            scale=scale,
            seed=self._seed(seed),
            resamples=resamples,
        )

    def crosstab(self, by: str, *, column: str = "answer", seed: int | None = None) -> Crosstab:
        """Set these answers against an attribute: counts, shares, a test that fits, and the size of the effect.

        Args:
            by: Attribute of the personas, or a factor.
            column: Which column holds the answers.
            seed: Of draws; the run's when not given.

        Raises:
            InvalidInput: See ``toolkit.questions.crosstab.crosstab``.
        """
        from toolkit.questions.crosstab import crosstab

        return crosstab(cast("Answers", self), by, column=column, seed=self._seed(seed))

    def reliability(
        self, *, paraphrase: Answers | None = None, column: str = "answer", seed: int | None = None
    ) -> Reliability:
        """Check these answers against themselves: asked again, in another order of options, in other words.

        Args:
            paraphrase: What the same panel said to the same question in other words.
            column: Which column holds the answers.
            seed: Of draws; the run's when not given.

        Raises:
            InvalidInput: See ``toolkit.questions.reliability.reliability``.
        """
        from toolkit.questions.reliability import reliability

        return reliability(cast("Answers", self), paraphrase=paraphrase, column=column, seed=self._seed(seed))

    def to_csv(self, path: str | Path) -> Path:
        """Write the frame as CSV, in which no text is run as a formula; see ``toolkit.questions.export``."""
        from toolkit.questions.export import to_csv

        return to_csv(self, path)

    def to_parquet(self, path: str | Path) -> Path:
        """Write the frame as Parquet, types and all (extra ``export``)."""
        from toolkit.questions.export import to_parquet

        return to_parquet(self, path)

    def to_excel(self, path: str | Path) -> Path:
        """Write a workbook: answers, codebook, summary, and errors where there are any (extra ``export``)."""
        from toolkit.questions.export import to_excel

        return to_excel(self, path)

    def to_jsonl(self, path: str | Path) -> Path:
        """Write the frame as JSON lines."""
        from toolkit.questions.export import to_jsonl

        return to_jsonl(self, path)

    def to_html(self, path: str | Path) -> Path:
        """Write a report of one file: question, images, figure, summary, answers, errors and provenance."""
        from toolkit.questions.export import to_html

        return to_html(self, path)

    def _seed(self, seed: int | None) -> int:
        if seed is not None:
            return seed
        return self.report.seed if self.report is not None else 0
