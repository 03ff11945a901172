from __future__ import annotations

from pathlib import Path

import pytest

from harness.analyse.rules import read_rules
from harness.errors import InputError


def read(tmp_path: Path, written: str) -> object:
    path = tmp_path / "gate.toml"
    path.write_text(written)
    return read_rules(path)


def test_limits_have_the_units_of_their_metric(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(
        'suite = "own.toml"\n[[rule]]\nmetric = "latency_ratio"\nmax_increase = "5%"\n'
        '[[rule]]\nmetric = "peak_rss_bytes"\nmax_increase = "64MiB"\ncell = "stock"\nseverity = "warn"\n'
        '[[rule]]\nmetric = "p95"\nmax = "800ms"\n[[rule]]\nmetric = "qps"\nmin = 20\n[[rule]]\nmetric = "parity"\n'
    )
    latency, memory, p95, qps, parity = read_rules(path).rule
    assert (latency.share(), latency.timed, latency.name) == (0.05, True, "latency_ratio max increase 5%")
    assert (memory.amount(), memory.share(), memory.timed, memory.severity) == (64 << 20, None, False, "warn")
    assert (p95.amount(), p95.timed, p95.relative) == (8e8, True, False)
    assert (qps.amount(), qps.timed, qps.relative) == (20, True, False)
    assert (parity.limit, parity.name) == (None, "parity")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", r"has no \[\[rule\]\]"),
        ("rule = []", r"has no \[\[rule\]\]"),
        ("rule = 1", "a rule is a table"),
        ("[[rule]]\nmetric = 'latency'", "unknown metric 'latency'; did you mean 'latency_ratio'"),
        ("[[rule]]\nmetric = 'total_time'\nmax_increase = '5%'", "did you mean 'total_time_ratio'"),
        ("[[rule]]\nmetric = 'texts_time_ratio'\nmax_increase = '5%'", "did you mean 'text_time_ratio'"),
        ("[[rule]]\nmetric = 'text_time_ratio'", r"takes max_increase \(percent\), but has none"),
        ("[[rule]]\nmetric = 'text_time_ratio'\nmax_increase = '40ms'", 'is not percent; write it like "5%"'),
        ("[[rule]]\nmetric = 'total_time_ratio'\nmax = '1s'", "but has max"),
        ("[[rule]]\nmetric = 'total_time_ratio'\nmax_increase = 'nan%'", "is not percent"),
        ("[[rule]]\nmetric = 'parity'\ncells = '*'", "unknown key 'cells'; did you mean 'cell'"),
        ("[[rule]]\nmetric = 'latency_ratio'", r"takes max_increase \(percent\), but has none"),
        ("[[rule]]\nmetric = 'parity'\nmax = 1", "takes no limit, but has max"),
        ("[[rule]]\nmetric = 'latency_ratio'\nmax = '5%'", "has max"),
        ("[[rule]]\nmetric = 'peak_rss_bytes'\nmax = '5%'", "max = '5%' is not bytes; write it like \"64MiB\""),
        ("[[rule]]\nmetric = 'peak_rss_bytes'\nmax_increase = '5'", "is not percent or bytes"),
        ("[[rule]]\nmetric = 'latency_ratio'\nmax_increase = '64MiB'", 'is not percent; write it like "5%"'),
        ("[[rule]]\nmetric = 'p95'\nmax = '1GiB'", 'is not time; write it like "800ms"'),
        ("[[rule]]\nmetric = 'p95'\nmax = '500'", 'is not time; write it like "800ms"'),
        ("[[rule]]\nmetric = 'f1_drop'\nmax = '0.5'", "is not number"),
        ("[[rule]]\nmetric = 'f1_drop'\nmax = -1", "is not number"),
        ("[[rule]]\nmetric = 'f1_drop'\nmax = inf", "max = inf is not number"),
        ("[[rule]]\nmetric = 'f1_drop'\nmax = nan", "max = nan is not number"),
        ("[[rule]]\nmetric = 'f1_drop'\nmax = 101", "max = 101.0 is not number"),
        ("[[rule]]\nmetric = 'qps'\nmin = 1e999", "min = inf is not number"),
        ("[[rule]]\nmetric = 'latency_ratio'\nmax_increase = 'inf%'", "max_increase = 'inf%' is not percent"),
        ("[[rule]]\nmetric = 'latency_ratio'\nmax_increase = '1e999%'", "max_increase = '1e999%' is not percent"),
        (f"[[rule]]\nmetric = 'latency_ratio'\nmax_increase = '{'9' * 400}%'", "is not percent"),
        ("[[rule]]\nmetric = 'latency_ratio'\nmax_increase = '100000%'", "max_increase = '100000%' is not percent"),
        (f"[[rule]]\nmetric = 'peak_rss_bytes'\nmax = '{'9' * 400}GiB'", "is not bytes"),
        (f"[[rule]]\nmetric = 'p95'\nmax = '{'9' * 400}s'", "is not time"),
        (f"[[rule]]\nmetric = 'f1_drop'\nmax = {'9' * 5000}", "is not TOML"),
        (f"[[rule]]\nmetric = 0x{'f' * 5000}", "more than 64 bits"),
        ("[[rule]]\nmetric = ['parity']", r"unknown metric .*parity"),
        ("x = " + "[" * 2000, "is not TOML"),
        ("[[rule]]\nmetric = 'parity'\n[rule", "is not TOML"),
        ("[[rule]]\nmetric = 'qps'\nmax_decrease = '100%'", "max_decrease = '100%' is not percent"),
        ("rounds = 0\n[[rule]]\nmetric = 'parity'", "write one of 1, 2, 3, 4, 8, 16"),
        ("rounds = 10\n[[rule]]\nmetric = 'parity'", "write one of 1, 2, 3, 4, 8, 16"),
        ("suit = 'x'\n[[rule]]\nmetric = 'parity'", "suit"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_refused(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(tmp_path, written)


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gate init"):
        read_rules(tmp_path / "absent.toml")
