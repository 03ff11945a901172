"""Suites, rules, combinations, deployments, baselines and records, broken at random: every one is named, none breaks.

`UIEBENCH_FUZZ=10` tries ten times as many; the same number gives the same inputs.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.analyse.baselines import of_run, read_baseline, write_baseline
from harness.analyse.entries import entries
from harness.analyse.gate import Against, judge
from harness.analyse.rules import METRICS, Rule, read_rules
from harness.analyse.runs import side_by_side
from harness.analyse.shifts import Shifts
from harness.analyse.view import view
from harness.deploy import find_deployment
from harness.errors import UiebenchError
from harness.plan.combination import parse, write
from harness.plan.registry import find_optimizations
from harness.plan.suite import Targets, find_suite, suite_names
from harness.record import Measured, Record, SingleStream
from harness.report import html, markdown
from harness.report.ci.baselines import differing, shown
from harness.report.ci.files import FORMATS, render
from harness.report.flat import as_csv, as_json
from harness.report.runs import render as side
from harness.run.ablation import Options, prepare
from harness.run.sound import check_fit
from harness.run.store import read_finished, read_run
from harness.units import parse_bytes, parse_duration

TIMES = int(os.environ.get("UIEBENCH_FUZZ", "1"))
BITS = (
    *"()[]{}=:,'\"\\#*+-@!~|&%",
    *("\0", "\n", "\r", "\ufeff", "\u2028", "\x1b[31m", "é", "\ud800", "\\ud800", "\\N{x}", "\\x1b"),
    *("1e999", "nan", "-inf", "inf", "-1", "0", "1.5", "true", "1j", "None", "...", "1979-05-27", "9" * 5000),
    *("0x" + "f" * 5000, "[" * 1500, "(" * 300, "+a" * 3000, "[]", "{[]:1}", "{1:2}", "**", "*a", "lambda:0", ":="),
    *("'inf%'", "'1e999%'", f"'{'9' * 400}%'", f"'{'9' * 400}GiB'", "'5%'", '"\\u0000"', "'*'", "'['", "[[rule]]\n"),
)
JUNK: Sequence[Any] = (
    *(None, True, 0, -1, 1, 2**63, 2**70, 1e308, -1e308, 1e-300, "", "x", "\ud800", "\0", "\x1b[31m", [], [1], ["x"]),
    *([[]], [[1]], [[0]], [[], []], {}, {"a": 1}, [None], "nan", {"type": "measured"}, {"x": {"y": []}}),
)
COMBINATIONS = (
    "batching(tokens=4096)+dynamic_truncation(multiple=16)",
    "flash_attention(attention_dtype='bfloat16')",
    "pruning(share=0.5)+segmented_forward(tokens=1, queries=2)",
    "baseline",
)
SUITE = """
[combinations]
design = ["full", "fraction"]
optimizations = ["torchscript", "dynamic_truncation", "batching", "flash_attention"]
include = ["dynamic_truncation(multiple=64)"]
fraction = "a b c abc"
effects = "pairs"
[texts]
datasets = ["article"]
count = 1
ids = ["article:article-001"]
schema = '{"a": null}'
[measure]
scenarios = ["single_stream", "closed_loop", "offline", "cold_start"]
only = { closed_loop = ["baseline", "stock", "*batching*"] }
clients = [1, 4]
rounds = 16
precision = 0.03
timeout_s = 600
f1_margin = 0.5
[targets]
max_p95 = "800ms"
max_vram = "2GiB"
min_qps = 20
"""
LIMIT = {"percent": "'5%'", "bytes": "'5MiB'", "time": "'5s'", "number": "0.5"}
RULES = "suite = 's.toml'\nplugins = []\nrounds = 16\n" + "".join(
    f"[[rule]]\nmetric = '{name}'\ncell = '*'\n{limits[0] if limits else ''}\n"
    for name, metric in METRICS.items()
    for limits in [[f"{key} = {LIMIT[of[0]]}" for key, of in metric.limits.items()]]
)
SMALL = {"baseline", "stock", "better", "inexact", "wrong", "broken", "absent"}


def broken(chance: random.Random, text: str) -> str:
    """The text with bits in it, or without some."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        start = chance.randrange(len(text) + 1)
        text = text[:start] + chance.choice(BITS) + text[start + chance.choice((0, 0, 1, 3, 8)) :]
    return text


def another_value(chance: random.Random, text: str) -> str:
    """TOML with another value on one of its lines."""
    lines = text.split("\n")
    place = chance.choice([place for place, line in enumerate(lines) if "=" in line] or [0])
    lines[place] = f"{lines[place].partition('=')[0]}= {chance.choice(BITS)}"
    return "\n".join(lines)


def encoded(chance: random.Random, text: str) -> bytes:
    """Mostly as UTF-8, sometimes in another encoding, sometimes cut."""
    name = chance.choice(("utf-8",) * 20 + ("utf-8-sig", "gb18030", "utf-16", "latin-1"))
    data = text.encode(name, "surrogatepass" if name.startswith("utf") else "replace")
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.03 else data


def tomls(seed: int, texts: Sequence[str], count: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count * TIMES):
        text = chance.choice(texts)
        text = another_value(chance, text) if chance.random() < 0.6 else broken(chance, text)
        yield encoded(chance, text)


def other_json(chance: random.Random, value: Any) -> Any:
    """A copy with something else at one place."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        key = chance.choice(list(value) if isinstance(value, dict) else range(min(3, len(value))))
        copied: Any = copy.copy(value)
        if chance.random() < 0.05:
            del copied[key]
        else:
            copied[key] = other_json(chance, value[key])
        return copied
    return copy.deepcopy(chance.choice(JUNK))


def jsonl(seed: int, lines: Sequence[str], count: int) -> Iterator[bytes]:
    """Lines of which one is something else, sometimes one twice, gone or out of order."""
    chance = random.Random(seed)
    for _ in range(count * TIMES):
        others, place = list(lines), chance.randrange(len(lines))
        if chance.random() < 0.8:
            others[place] = json.dumps(other_json(chance, json.loads(others[place])))
        else:
            others[place] = broken(chance, others[place])
        change = chance.random()
        if change < 0.1:
            others.insert(chance.randrange(len(others)), chance.choice(lines))
        elif change < 0.15:
            del others[chance.randrange(len(others))]
        elif change < 0.2:
            chance.shuffle(others)
        yield encoded(chance, "\n".join(others) + "\n")


def refused_or_fine(use: Callable[[], object]) -> bool:
    """Whether it is fine; what is wrong has to be said in words that can be printed."""
    said: str | None = None
    try:
        use()
    except UiebenchError as error:
        said = str(error)
    except OSError as error:  # a name that no file can have; the command line says so
        said = error.filename
    assert said is None or said.strip()
    return said is None


def test_combinations() -> None:
    registry, chance = find_optimizations(), random.Random(1)

    def use(written: str) -> None:
        found = write(parse(written, registry))
        assert found.encode()
        assert write(parse(found, registry)) == found

    for bit in BITS:
        for around in ("batching(tokens={})", "flash_attention(attention_dtype={})", "pruning(share={})", "{}"):
            refused_or_fine(lambda: use(around.replace("{}", bit)))  # noqa: B023
    fine = [refused_or_fine(lambda: use(broken(chance, chance.choice(COMBINATIONS)))) for _ in range(300 * TIMES)]
    assert 0 < sum(fine) < len(fine)


def test_suites(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    texts = [SUITE, SUITE, *(find_suite(name).read_text(encoding="utf-8") for name in suite_names())]
    for data in tomls(2, texts, 60):
        path.write_bytes(data)
        refused_or_fine(lambda: prepare(Options(str(path)), lambda _: None).estimate_s)


def test_rules_and_deployments(tmp_path: Path) -> None:
    path, registry = tmp_path / "file.toml", find_optimizations()

    def rules() -> None:
        for rule in read_rules(path).rule:
            assert rule.limit is None or (rule.share() or rule.amount()) < 10**19

    for data in tomls(3, [RULES], 150):
        path.write_bytes(data)
        refused_or_fine(rules)
    for data in tomls(4, ['combination = "batching"\ncheckpoint = "mini"\nplugins = []\n'], 60):
        path.write_bytes(data)
        refused_or_fine(lambda: parse(find_deployment(str(path)).combination, registry))


def test_durations_and_sizes() -> None:
    chance = random.Random(5)
    for _ in range(300 * TIMES):
        written = broken(chance, chance.choice(("800ms", "2GiB", "45m", "1.5h", "4096B")))
        for read in (parse_bytes, parse_duration):
            if refused_or_fine(lambda: read(written)):  # noqa: B023
                assert 0 < read(written) <= 1 << 60
        for name in ("max_p95", "max_vram"):
            with contextlib.suppress(msgspec.ValidationError):
                msgspec.convert({name: written}, Targets)


def test_baselines(tmp_path: Path) -> None:
    path = tmp_path / "baseline.jsonl"
    good = of_run(HEADER, RECORDS, {f"t{i}": [] for i in range(3)}, {"t1"}, "0" * 16, 0.02)
    rules = [Rule("latency_ratio", max_increase="5%"), Rule("qps", max_decrease="5%"), Rule("p95", max="1s")]
    rules += [Rule("cold_start", max_increase="5%"), Rule("f1_drop", max=1), Rule("parity"), Rule("qps", min=1.0)]

    def use() -> None:
        read = read_baseline(path)
        assert "\n".join([*shown(read), *differing(read, good), *differing(good, read)]).encode()
        for new, old in ((good, read), (read, good)):
            against = Against(old.entries, "b", paired=False)
            shifts = Shifts(new.entries, old.entries, paired=False, assumed_sd=0.03)
            assert all(one.says.encode() for one in judge(rules, new.entries, against, shifts))

    write_baseline(path, good)
    use()
    for data in jsonl(6, path.read_text(encoding="utf-8").splitlines(), 120):
        path.write_bytes(data)
        refused_or_fine(use)


def small(record: Record) -> Record:
    """The record as if there were two texts."""
    if not (isinstance(record, Measured) and isinstance(record.samples, SingleStream)):
        return record
    samples = record.samples
    scores = samples.scores and replace(samples.scores, by_text=samples.scores.by_text[:2])
    own, partner = ([times[:2] for times in passes] for passes in (samples.own_ns, samples.partner_ns))
    return replace(record, samples=replace(samples, own_ns=own, partner_ns=partner, scores=scores))


def test_records(tmp_path: Path) -> None:
    environment: Mapping[str, Any] = {
        "cores": 2,
        "threads": 1,
        "processor": "p",
        "between_process_sd": 0.02,
        "worker": {"gpu": None, "ceilings": {"flops_per_s": {"float32": 1e12}, "bytes_per_s": 1e10}},
    }
    exact = {name: one for name, one in HEADER.exact.items() if name in SMALL}
    header = replace(HEADER, texts=["t0", "t1"], text_characters=[3, 4], exact=exact, environment=dict(environment))
    records = [small(one) for one in RECORDS if one.cell.combination in SMALL]
    good = view(header, records, [])

    def use() -> None:
        read = read_run(tmp_path, lambda _: None)
        check_fit(*read, tmp_path)
        found = view(*read, read_finished(tmp_path))
        assert markdown.render(found).encode()
        assert html.render(found, {}, {}).encode()
        assert (as_csv(found.rows) + as_json(found.header, found.rows)).encode()
        assert side(side_by_side({"a": found, "b": good}), absolute=True).encode()
        assert entries(*read)
        for name in FORMATS:
            assert render(name, *read).encode()

    lines = [msgspec.json.encode(one).decode() for one in (header, *records)]
    (tmp_path / "records.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    use()
    for data in jsonl(7, lines, 60):
        (tmp_path / "records.jsonl").write_bytes(data)
        refused_or_fine(use)


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe{\x00}\x00", b"{}", b"[]", b"null", b"\0" * 100, b"[" * 10**5])
def test_files_of_nothing(data: bytes, tmp_path: Path) -> None:
    for name in ("suite.toml", "records.jsonl"):
        (tmp_path / name).write_bytes(data)
    path = tmp_path / "suite.toml"
    for use in (
        lambda: prepare(Options(str(path)), lambda _: None),
        lambda: read_rules(path),
        lambda: find_deployment(str(path)),
        lambda: read_baseline(path),
        lambda: read_run(tmp_path, lambda _: None),
    ):
        with pytest.raises(UiebenchError, match=r"suite|records"):
            use()
