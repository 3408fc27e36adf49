# SPDX-License-Identifier: Apache-2.0
"""Rows of measured values, the targets they are held to, and the table."""

import statistics
from dataclasses import dataclass, field

COLUMNS = ("floor", "ours", "reference", "netavark")


@dataclass(frozen=True)
class Check:
    """A value against its target. A ratio of two series counts only if both ways of forming it meet the target."""

    what: str
    values: tuple
    target: str
    met: bool

    def text(self):
        numbers = [f"{value:.2f}" for value in self.values[:1]] + [f"({value:.2f})" for value in self.values[1:]]
        return " ".join([self.what, *numbers])


def at_most(what, value, limit, unit=""):
    return Check(what, (value,), f"<= {limit:g}{unit}", value <= limit)


@dataclass
class Row:
    """One measure: a series of values per contestant, all taken in the same rounds."""

    name: str
    title: str
    unit: str
    series: dict
    checks: list = field(default_factory=list)
    note: str = ""

    def median(self, contestant):
        return statistics.median(self.series[contestant])

    def ratios(self, above, below):
        """The ratio of the medians, and the median of the ratios of values from the same round."""
        pairs = [a / b for a, b in zip(self.series[above], self.series[below])]
        return self.median(above) / self.median(below), statistics.median(pairs)

    def hold_below(self, above, below, limit):
        values = self.ratios(above, below)
        self.checks.append(Check(f"{above}/{below}", values, f"<= {limit:g}", max(values) <= limit))
        return self

    def hold_above(self, above, below, limit):
        values = self.ratios(above, below)
        self.checks.append(Check(f"{above}/{below}", values, f">= {limit:g}", min(values) >= limit))
        return self

    def miss(self, reason):
        """A target that nothing could be held to."""
        self.checks.append(Check(reason, (), "", False))

    def cell(self, contestant):
        if not self.series.get(contestant):
            return "-"
        value = self.median(contestant)
        return f"{value:.2f}" if self.unit in ("ms", "MB") else f"{value:.0f}"

    def summary(self, contestant):
        values = sorted(self.series[contestant])
        return {
            "runs": len(values),
            "median": statistics.median(values),
            "p10": values[len(values) // 10],
            "p90": values[len(values) * 9 // 10],
        }

    def encoded(self):
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "contestants": {name: self.summary(name) for name, values in self.series.items() if values},
            "checks": [
                {"what": c.what, "values": c.values, "target": c.target, "met": c.met} for c in self.checks
            ],
            "note": self.note,
        }


def print_table(rows):
    layout = "{:<21} {:<41} {:>4} {:>8} {:>8} {:>10} {:>9}  {:<36} {:<9} {}"
    print(layout.format("name", "measure", "unit", *COLUMNS, "ratio", "target", "").rstrip())
    for row in rows:
        head = [row.name, row.title, row.unit, *(row.cell(name) for name in COLUMNS)]
        for check in row.checks or [None]:
            tail = [check.text(), check.target, "PASS" if check.met else "MISS"] if check else [row.note, "", ""]
            print(layout.format(*head, *tail).rstrip(), flush=True)
            head = [""] * len(head)
        if row.checks and row.note:
            print(layout.format(*head, row.note, "", "").rstrip(), flush=True)
    print("Medians. Ratios: of the medians, and in brackets the median of the ratios within each round.")
