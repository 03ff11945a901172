"""Rows as plain figures with units in their names, for further calculation."""

from __future__ import annotations

from msgspec import structs

from harness.analyse.percentiles import FEWEST_SAMPLES, Percentile
from harness.analyse.rows import Row
from harness.record import Memory
from harness.scenarios import rate_of

Figure = str | int | float | bool | None


def flat(row: Row) -> dict[str, Figure]:
    """All figures of a combination; None for those that were not measured."""
    return {
        "combination": row.combination,
        "exact": row.exact,
        "problem": row.problem,
        "speed_counts": row.measured and row.sound,
        **_latency(row),
        **_loads(row),
        **{part: getattr(row.memory, part) if row.memory else None for part in _fields(Memory)},
        **_starts(row),
        "energy_j": row.energy_j,
        "useful_work_share": row.roofline.useful if row.roofline else None,
        "roofline_share": row.roofline.of_limit if row.roofline else None,
        **_answers(row),
        **{f"target_{held.name}": held.kept for held in row.targets},
    }


def _latency(row: Row) -> dict[str, Figure]:
    found = row.latency
    shares: dict[str, Percentile | None] = {
        f"p{share * 100:.0f}_ns": found.percentiles.get(share) if found else None for share in FEWEST_SAMPLES
    }
    figures: dict[str, Figure] = {
        "requests": found.requests if found else None,
        "timed_texts": found.texts if found else None,
        "mean_ns": found.mean_ns if found else None,
        "cpu_share": found.cpu_share if found else None,
    }
    for name, one in shares.items():
        figures |= {name: one.value if one else None}
        figures |= {f"{name}_low": one.low if one else None, f"{name}_high": one.high if one else None}
    for name, ratio in (
        ("time_to_stock", found.to_stock if found else None),
        ("time_to_baseline", found.to_baseline if found else None),
    ):
        figures |= {name: ratio.value if ratio else None}
        figures |= {f"{name}_low": ratio.low if ratio else None, f"{name}_high": ratio.high if ratio else None}
        figures |= {f"{name}_verdict": ratio.verdict if ratio else None}
    total = found.total_to_stock if found else None
    figures |= {"total_time_to_stock": total.value if total else None}
    figures |= {"total_time_to_stock_low": total.low if total else None}
    return figures | {"total_time_to_stock_high": total.high if total else None}


def _loads(row: Row) -> dict[str, Figure]:
    return {rate_of(one.scenario).key(one.clients): one.per_second for one in row.loads}


def _starts(row: Row) -> dict[str, Figure]:
    def mean(part: str) -> float | None:
        found = [ns for one in row.starts if (ns := getattr(one, part)) is not None]
        return sum(found) / len(found) if found else None

    parts = ("imports_ns", "context_ns", "weights_ns", "first_call_ns")
    return {"starts": len(row.starts), "cold_start_ns": mean("total_ns"), **{part: mean(part) for part in parts}}


def _answers(row: Row) -> dict[str, Figure]:
    micro, lost = row.scores.micro if row.scores else None, row.f1_difference
    return {
        "f1": micro.f1 if micro else None,
        "precision": micro.precision if micro else None,
        "recall": micro.recall if micro else None,
        "texts": row.texts,
        "texts_that_differ": len(row.broken),
        "ties": len(row.ties),
        "agreement_f1": row.agreement.f1 if row.agreement else None,
        "largest_logit_difference": row.largest_logit_difference,
        "f1_less_baseline": lost.value if lost else None,
        "f1_less_baseline_low": lost.low if lost else None,
        "f1_less_baseline_high": lost.high if lost else None,
    }


def _fields(struct: type[Memory]) -> list[str]:
    return [one.name for one in structs.fields(struct)]
