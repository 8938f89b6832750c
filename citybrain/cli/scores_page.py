"""docs/reference/scores.md: the formulas as they are computed."""

from __future__ import annotations

from collections.abc import Iterable

from citybrain.cli.pages import table
from dispatch.scores.figures import DIMENSIONS
from dispatch.scores.gaming import REASONS
from dispatch.scores.predicates import MEASURES, MOMENTS, PREDICATES
from dispatch.scores.rules import SHIPPED, Index, Numbers, load_rules


def scores_page() -> str:
    """Every figure, and the words that its formula is made of."""
    rules = load_rules()
    parts = [
        "# Figures\n\n"
        f"The shipped formulas (`{SHIPPED}`, version {rules.version}). A city names its own by the setting `scores`.\n"
        "`citybrain score` says version and digest of the file beside the figures: see\n"
        "[check the figures](../how-to/check-the-figures.md). Marks of sources: [V] read in a public source; [M] common\n"
        "practice, text not read; [I] our own choice.\n\n"
        f"Each figure is of the whole city and by {', '.join(f'`{one}`' for one in DIMENSIONS)}. Beside a rate stand the\n"
        "percentiles of the units, counted from the bad end, and the worst unit; beside a time those of the orders.\n\n",
        "## Formulas\n\n",
        table(
            ("figure", "名称", "what", "formula", "left out", "by", "source"),
            [
                (f"`{one.id}`", one.zh, one.en, _formula(one), _words(one.without, ", "), one.by, one.source)
                for one in rules.indices
            ],
        ),
        "\n## Words\n\nA case is in a numerator when all of its words are true of it.\n\n",
        table(("word", "true when"), [(f"`{name}`", said) for name, (said, _) in PREDICATES.items()]),
        "\n## Moments\n\nBy which a case belongs to a month, and to a span of time.\n\n",
        table(("moment", "when"), [(f"`{name}`", said) for name, (said, _) in MOMENTS.items()]),
        "\n## Measures\n\n",
        table(("measure", "what"), [(f"`{name}`", said) for name, (said, _) in MEASURES.items()]),
        "\n## Counted nowhere\n\nHow many there are of each stands beside the figures.\n\n",
        table(("word", "source"), [(f"`{one.predicate}`", one.source) for one in rules.excluded]),
        "\n## Numbers\n\n",
        table(
            ("number", "value", "source"),
            [
                (f"`{name}`", f"{getattr(rules.numbers, name).value:g}", getattr(rules.numbers, name).source)
                for name in Numbers.model_fields
            ],
        ),
        "\n## Signs of figures that are made\n\n"
        "Exact one-sided binomial tests, by unit. A sign is a question to a unit, with the orders to ask about.\n\n",
        table(("sign", "what it says"), [(f"`{name}`", said) for name, said in REASONS.items()]),
        "\n",
        table(
            ("rule", "shows below p", "with at least", "last part of the limit", "source"),
            [
                (
                    f"`{name}`",
                    f"{sign.p:g}",
                    sign.at_least,
                    f"{sign.share:g}" if name in {"bunched_closes", "pauses"} else "",
                    sign.source,
                )
                for name, sign in rules.gaming
            ],
        ),
    ]
    return "".join(parts)


def _formula(index: Index) -> str:
    if index.kind == "rate":
        return f"{_words(index.numerator)} of {_words(index.denominator)}"
    if index.kind == "count":
        return f"number of {_words(index.count)}"
    return f"`{index.measure}` of {_words(index.of)}"


def _words(words: Iterable[str], between: str = " and ") -> str:
    return between.join(f"`{word}`" for word in words)
