"""Suites, rules, combinations, deployments, baselines and records, broken: each is named, none breaks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from fuzzing import FACTOR, LIMIT_S, Fuzz, limited
from made_up import HEADER, RECORDS
from msgspec.structs import replace
from mutations import TEXTS, broken_file, broken_toml

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
from harness.report.formats import Run, formats
from harness.report.runs import render as side
from harness.run.ablation import Options, prepare
from harness.run.sound import check_fit
from harness.run.store import read_finished, read_run
from harness.units import parse_bytes, parse_duration

BITS = (  # of what is written in Python's grammar, or with a unit
    *TEXTS,
    *("()[]{}=:,'\"\\#*+-@!~|&%\n\ré"),
    *(
        "\\ud800",
        "\\N{x}",
        "\\x1b",
        "1e999",
        "inf",
        "-inf",
        "-1",
        "0",
        "1.5",
        "true",
        "1j",
        "None",
        "...",
        "1979-05-27",
    ),
    *("0x" + "f" * 5000, "(" * 300, "+a" * 3000, "[]", "{[]:1}", "{1:2}", "**", "*a", "lambda:0", ":="),
)
AROUND = ("batching(tokens={})", "flash_attention(attention_dtype={})", "pruning(share={})", "{}")
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


def with_bits(random: Random, text: str) -> str:
    """The text with bits in it, or without some."""
    for _ in range(random.choice((1, 1, 2, 3))):
        start = random.randrange(len(text) + 1)
        text = text[:start] + random.choice(BITS) + text[start + random.choice((0, 0, 1, 3, 8)) :]
    return text


def as_toml(*texts: str) -> Callable[[Random], bytes]:
    """One of the texts, broken as TOML or anywhere."""
    return lambda random: broken_file(
        random, random.choice(texts).encode(), broken_toml if random.random() < 0.7 else with_bits
    )


@contextlib.contextmanager
def oserror_names_its_file() -> Iterator[None]:
    """A name that no file can have ends in an OSError; the command line makes a message of it."""
    try:
        yield
    except OSError as error:
        if not str(error.filename or "").strip():
            raise


def test_combinations(fuzz: Fuzz) -> None:
    registry = find_optimizations()
    fine = []

    def make(random: Random) -> str:
        if random.random() < 0.5:
            return with_bits(random, random.choice(COMBINATIONS))
        return random.choice(AROUND).replace("{}", random.choice(BITS))

    def call(written: str) -> None:
        found = write(parse(written, registry))
        assert found.encode()
        assert write(parse(found, registry)) == found
        fine.append(written)

    fuzz(500, make, call)
    assert 0 < len(fine) < 500 * FACTOR


def test_suites(fuzz: Fuzz, tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    texts = [SUITE, SUITE, *(find_suite(name).read_text(encoding="utf-8") for name in suite_names())]

    def call(content: bytes) -> None:
        path.write_bytes(content)
        with oserror_names_its_file():
            assert prepare(Options(str(path)), lambda _: None).estimate_s >= 0

    fuzz(60, as_toml(*texts), call)


def test_rules(fuzz: Fuzz, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"

    def call(content: bytes) -> None:
        path.write_bytes(content)
        for rule in read_rules(path).rule:
            assert rule.limit is None or (rule.share() or rule.amount()) < 10**19

    fuzz(150, as_toml(RULES), call)


def test_deployments(fuzz: Fuzz, tmp_path: Path) -> None:
    path, registry = tmp_path / "deployment.toml", find_optimizations()

    def call(content: bytes) -> None:
        path.write_bytes(content)
        with oserror_names_its_file():
            parse(find_deployment(str(path)).combination, registry)

    fuzz(60, as_toml('combination = "batching"\ncheckpoint = "mini"\nplugins = []\n'), call)


@pytest.mark.parametrize("read", [parse_bytes, parse_duration])
def test_durations_and_sizes(read: Callable[[str], float], fuzz: Fuzz) -> None:
    def call(written: str) -> None:
        for name in ("max_p95", "max_vram"):
            with contextlib.suppress(msgspec.ValidationError):
                msgspec.convert({name: written}, Targets)
        assert 0 < read(written) <= 1 << 60

    fuzz(200, lambda random: with_bits(random, random.choice(("800ms", "2GiB", "45m", "1.5h", "4096B"))), call)


def test_baselines(fuzz: Fuzz, tmp_path: Path) -> None:
    path = tmp_path / "baseline.jsonl"
    good = of_run(HEADER, RECORDS, {f"t{i}": [] for i in range(3)}, {"t1"}, "0" * 16, 0.02)
    rules = [Rule("latency_ratio", max_increase="5%"), Rule("qps", max_decrease="5%"), Rule("p95", max="1s")]
    rules += [Rule("cold_start", max_increase="5%"), Rule("f1_drop", max=1), Rule("parity"), Rule("qps", min=1.0)]

    def call(content: bytes) -> None:
        path.write_bytes(content)
        read = read_baseline(path)
        assert "\n".join([*shown(read), *differing(read, good), *differing(good, read)]).encode()
        for new, old in ((good, read), (read, good)):
            against = Against(old.entries, "b", paired=False)
            shifts = Shifts(new.entries, old.entries, paired=False, assumed_sd=0.03)
            assert all(one.says.encode() for one in judge(rules, new.entries, against, shifts))

    write_baseline(path, good)
    sound = path.read_bytes()
    call(sound)
    fuzz(120, lambda random: broken_file(random, sound), call)


def small(record: Record) -> Record:
    """The record as if there were two texts."""
    if not (isinstance(record, Measured) and isinstance(record.samples, SingleStream)):
        return record
    samples = record.samples
    scores = samples.scores and replace(samples.scores, by_text=samples.scores.by_text[:2])
    own, partner = ([times[:2] for times in passes] for passes in (samples.own_ns, samples.partner_ns))
    return replace(record, samples=replace(samples, own_ns=own, partner_ns=partner, scores=scores))


def test_records(fuzz: Fuzz, tmp_path: Path) -> None:
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
    reports = [one for one in formats().values() if one.for_reports]
    assert {"csv", "json", "bencher"} <= {one.name for one in reports}

    def call(content: bytes) -> None:
        (tmp_path / "records.jsonl").write_bytes(content)
        read = read_run(tmp_path, lambda _: None)
        check_fit(*read, tmp_path)
        found = view(*read, read_finished(tmp_path))
        assert markdown.render(found).encode()
        assert html.render(found, {}, {}).encode()
        assert side(side_by_side({"a": found, "b": good}), absolute=True).encode()
        assert entries(*read)
        run = Run(*read, found.rows, datetime(2026, 3, 1, tzinfo=UTC))
        for one in reports:
            assert one.report(run).encode()

    sound = b"".join(msgspec.json.encode(one) + b"\n" for one in (header, *records))
    call(sound)
    fuzz(60, lambda random: broken_file(random, sound), call)


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe{\x00}\x00", b"{}", b"[]", b"null", b"\0" * 100, b"[" * 10**5])
def test_files_of_nothing(data: bytes, record_property: Callable[[str, object], None], tmp_path: Path) -> None:
    for name in ("suite.toml", "records.jsonl"):
        (tmp_path / name).write_bytes(data)
    path = tmp_path / "suite.toml"
    uses: tuple[Callable[[], object], ...] = (
        lambda: prepare(Options(str(path)), lambda _: None),
        lambda: read_rules(path),
        lambda: find_deployment(str(path)),
        lambda: read_baseline(path),
        lambda: read_run(tmp_path, lambda _: None),
    )
    record_property("fuzzed", len(uses))
    for use in uses:
        with limited(LIMIT_S), pytest.raises(UiebenchError, match=r"suite|records"):
            use()
