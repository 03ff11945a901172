"""Text that tries to steer whatever shows it, a made-up run that is full of it, and everything that shows a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import made_up
from msgspec.structs import replace

from harness.analyse.gate import Finding
from harness.analyse.view import View, view
from harness.neutral import UNSAFE
from harness.record import Difference, Evidence, Failed, Header, Record, SingleStream, Skipped
from harness.report import html, markdown
from harness.report.formats import Format, Gate, Run, formats
from harness.report.private import without_texts

HOSTILE = {
    "a link for a terminal": "\x1b]8;;http://evil\x07here\x1b]8;;\x07",
    "the clipboard": "\x1b]52;c;ZXZpbA==\x1b\\",
    "an empty screen": "\x1b[2J\x1b[H",
    "colours": "\x1b[31mred\x1b[0m",
    "controls of one byte": "\x9b2J\x9d0;title\x9c",
    "letters turned around": "\u202egnp.exe\u2066",
    "lines": "one\ntwo\r\nthree\rfour\u2028five\x85six\x0bseven",
    "a command of GitHub's": "::error file=x::said",
    "one on a line of its own": "said\n  ::set-output name=x::y\r::stop-commands::z",
    "a command of others": "##[add-mask]x ##vso[task.complete]y ##teamcity[z]",
    "markup of rich": "[red]red[/red] [link=http://evil]here[/link] [/nope] :warning:",
    "a script": "<script>alert(1)</script><!--",
    "an attribute": '" onmouseover="alert(1)" \' onfocus=\'alert(1)',
    "a picture": "![x](http://evil/p.png) <img src=x onerror=alert(1)>",
    "a link": "[here](javascript:alert(1)) [here][1] [1]: http://evil",
    "Markdown": "`code` ~~struck~~ **strong** ```",
    "a heading": "# heading",
    "a cell": r"a | b \| c",
    "a formula": "=cmd|' /C calc'!A0",
    "a sum": "+1+1",
    "a difference": "-1",
    "a function": "@SUM(1)",
    "nothing that XML may hold": "\x00\x08\ufffe\uffff]]>",
    "mathematics": r"$\frac{1}$ $",
    "a template": "{{ 7 * 7 }} {% raw %}",
    "hidden letters": "\U000e0041\U000e0042",
}
MADE = datetime(2026, 3, 1, tzinfo=UTC)
_UNSAFE = re.compile(f"[{UNSAFE}]")
_COMMAND = re.compile(r"^\s*::|##[\w-]*\[", re.MULTILINE)


def run_of(text: str) -> tuple[Header, list[Record]]:
    """The made-up run with this text wherever text is not ours: names, ids, types, spans, messages, facts."""
    chains = [[{"type": f"{text}类型", "span": f"{text}九元", "offset": [0, 2]}]]

    def named(name: str) -> str:
        return name if name in ("baseline", "stock") else f"{text} {name}"

    def of(record: Record) -> Record:
        record = replace(record, cell=replace(record.cell, combination=named(record.cell.combination), dataset=text))
        if isinstance(record, Failed):
            return replace(record, error=f"{text} {record.error}")
        if isinstance(record, Skipped):
            return replace(record, reason=f"{text} {record.reason}")
        samples = record.samples
        if not isinstance(samples, SingleStream):
            return record
        differences = [
            Difference(f"{text} {one.id}", tie=one.tie, expected=chains if one.expected else [], got=chains)
            for one in samples.parity.differences
        ]
        scores = samples.scores and replace(samples.scores, by_type={f"{text}类型": samples.scores.micro})
        evidence = [Evidence(f"{text} {one.optimization}", active=True, summary=text) for one in samples.evidence]
        parity = replace(samples.parity, differences=differences)
        return replace(record, samples=replace(samples, parity=parity, scores=scores, evidence=evidence))

    header = replace(
        made_up.HEADER,
        suite=text,
        command=f"uiebench run {text}",
        checkpoint=text,
        texts=[f"{text} {name}" for name in made_up.HEADER.texts],
        exact={named(name): exact for name, exact in made_up.HEADER.exact.items()},
        environment={"cores": 2, "processor": text, text or "empty": text, "worker": {"gpu": text}},
    )
    return header, [of(record) for record in made_up.RECORDS]


def findings_of(text: str) -> list[Finding]:
    return [Finding(f"{text} rule", f"{text} cell", verdict, text) for verdict in ("pass", "fail", "inconclusive")]


def seen(text: str) -> View:
    return view(*run_of(text), [])


def steering(shown: str) -> list[str]:
    """What of a text is neither letters nor their lines."""
    return _UNSAFE.findall(shown)


def commands(shown: str) -> list[str]:
    """What of a text a CI service takes for a command."""
    return _COMMAND.findall(shown)


Render = Callable[[str], str]


def _of_run(render: Callable[[View], str]) -> Render:
    return lambda text: render(seen(text))


def _file(form: Format) -> Render:
    def render(text: str) -> str:
        if form.for_reports:
            return form.report(Run(*run_of(text), seen(text).rows, MADE))
        assert form.of_gate is not None
        return form.of_gate(Gate(findings_of(text), text, MADE))

    return render


RENDERERS: dict[str, Render] = {
    "markdown": _of_run(markdown.render),
    "html": lambda text: html.render(seen(text), {}, {f"{text} t3": f"{text}九元"}),
    "html without texts": lambda text: html.render(view(run_of(text)[0], without_texts(run_of(text)[1]), []), {}, None),
    **{{"markdown": "summary"}.get(name, name): _file(form) for name, form in formats().items()},
}
