"""The benchmark's answer as tables for people."""

import re
from collections.abc import Sequence
from typing import Any

from benchmarks.contenders import SETTINGS
from benchmarks.measuring import Figure

Rows = dict[str, Any]


def sections(result: Rows) -> list[str]:
    """Each table under its heading."""
    machine = ", ".join(f"{name} {version}".strip() for name, version in result["machine"].items())
    runs = f"{result['photos']} photos, median (least-most) of {result['rounds']} runs in turns, one core"
    answer = [f"Measured on\n{result['date']}, {machine}\n{runs}"]
    for settings, heading in SETTINGS.items():
        programs = {name: one for name, one in result["programs"].items() if one["settings"] == settings}
        if programs:
            answer.append("\n".join([heading, *_programs(programs), "", *_ratios(result["ratios"], programs)]).strip())
    answer += ["\n".join([heading, *_rows(rows)]) for heading, rows in result.get("also", {}).items()]
    return answer


def written(page: str, tables: Sequence[str]) -> str:
    """The page with each table in the place of the one that stands there under the same heading."""
    by_heading = {table.partition("\n")[0]: table for table in tables}

    def anew(block: re.Match[str]) -> str:
        table = by_heading.get(block[1].partition("\n")[0], block[1])
        return f"```text\n{table}\n```"

    return re.sub(r"```text\n(.*?)\n```", anew, page, flags=re.DOTALL)


def _programs(programs: Rows) -> list[str]:
    lines = [f"{'program':<34}{'CPU s':>20}{'peak MB':>9}{'MB made':>9}{'SSIM':>8}"]
    for one in programs.values():
        if one["missing"]:
            lines.append(f"{one['title']:<34}  missing: {one['missing']}")
            continue
        cpu = Figure(**one["cpu"])
        spread = f"{cpu.median:.2f} ({cpu.least:.2f}-{cpu.most:.2f})"
        alike = f"{one['similarity']:.4f}" if one["similarity"] else "-"
        lines.append(
            f"{one['title']:<34}{spread:>20}{one['peak_mb']['median']:>9.0f}{one['bytes'] / 1e6:>9.2f}{alike:>8}"
        )
    return lines


def _ratios(ratios: Rows, programs: Rows) -> list[str]:
    lines = [f"{'ours / the other, in each turn':<34}{'ratio':>8}{'at most':>9}"]
    for name, one in ratios.items():
        if name.partition(" / ")[2] in programs:
            most = one["at_most"]
            verdict = "" if most is None else f"{most:9.2f}  {'reached' if one['value'] <= most else 'missed'}"
            lines.append(f"{name:<34}{one['value']:>8.2f}{verdict}")
    return lines if len(lines) > 1 else []


def _rows(rows: Rows) -> list[str]:
    lines: list[str] = []
    for name, row in rows.items():
        if isinstance(row, dict) and any(isinstance(value, dict) for value in row.values()):
            lines += [f"  {name}", *(f"    {each:<56} {in_words(value)}" for each, value in row.items())]
        else:
            lines.append(f"  {name:<58} {in_words(row)}")
    return lines


def in_words(row: Any) -> str:
    """One row of a table: its numbers with their names."""
    if isinstance(row, dict):
        return ", ".join(f"{number(value)} {name}" for name, value in row.items())
    return number(row)


def number(value: Any) -> str:
    """A number with as many digits as mean something."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if 0.9 < value < 1 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
