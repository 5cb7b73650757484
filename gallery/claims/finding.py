"""What becomes of a claim: the claim, the tests of it, and what each found, as values.

    finding = Finding("improved-500 against original-500", HOLDS, "9.3 against 10.6 dE", {"improved-500": 9.3})
    finding.sentence        # the same in words, for a table

Sentences are made last, of the values; nothing reads a sentence.
"""

from dataclasses import dataclass, field

from core.metrics.paired_test import Comparison

NOT_YET = "not measured yet"
NOT_CLAIMED = "not claimed"
SIZES = ("500", "1000")  # images that the report's two models are trained on


@dataclass(frozen=True)
class Finding:
    """What one test of a claim found.

    Attributes:
        case: which models, which mode.
        verdict: `holds`, `does not hold`, `cannot be told`, `not measured yet` or `not claimed`.
        text: the values in words, with their unit; or what is missing.
        values: the numbers, by what they are of.
        test: the paired test, where there was one over pairs of photo and painting.
        over: what other tests found, in words, as over seeds; empty where there were none.
        caution: why the verdict is more careful than the test; empty where it is not.
        pairs: of photo and painting, over how many; None where the claim is not about pictures.
    """

    case: str
    verdict: str
    text: str
    values: dict[str, float] = field(default_factory=dict)
    test: Comparison | None = None
    over: str = ""
    caution: str = ""
    pairs: int | None = None

    @property
    def tested(self) -> str:
        """What the tests found, in words, with the caution; empty where nothing was tested."""
        summary = self.test.summary() if self.test else self.over
        return "; ".join(part for part in (summary, self.caution) if part)

    @property
    def sentence(self) -> str:
        """All of it in words, but for the case and the verdict."""
        return "; ".join(part for part in (self.text, self.tested) if part)


def needs(case: str, *missing: str) -> Finding:
    """The finding of a test for which something is missing."""
    return Finding(case, NOT_YET, f"needs {', '.join(dict.fromkeys(missing))}")


@dataclass(frozen=True)
class Claim:
    """A claim of the report with all its tests.

    Attributes:
        says: the claim.
        where: in the report.
        how: what is measured for it.
    """

    says: str
    where: str
    how: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Section:
    """Claims that belong together, under a title."""

    title: str
    text: str
    claims: tuple[Claim, ...]
