"""The rows of a run from its records: one for each combination, with ratios to stock and to the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, TypeAlias

from msgspec.structs import replace

from harness.analyse.f1 import ScoreDifference, f1_difference
from harness.analyse.percentiles import P50, P95, percentile, percentiles
from harness.analyse.roofline import Share, ceilings_of, share
from harness.analyse.rows import Latency, Row, Throughput, Tried
from harness.analyse.stats import (
    ALPHA,
    RATE_PRIOR,
    TIME_PRIOR,
    Estimate,
    Spreads,
    divided,
    estimate,
    judged_together,
    log_ratio,
    spreads,
)
from harness.analyse.stock import beside_stock
from harness.analyse.targets import judged
from harness.analyse.texts import total_log_ratio
from harness.analyse.winner import named, tried
from harness.record import (
    BASELINE,
    STOCK,
    ClosedLoop,
    ColdStart,
    Difference,
    Failed,
    Header,
    Load,
    Measured,
    Memory,
    Offline,
    Record,
    Samples,
    Scenario,
    Scores,
    SingleStream,
    Skipped,
    can_be_switched_on,
    ordinary,
)
from harness.scenarios import kind_of
from harness.units import NS_PER_S

# The key of a run's environment for the result of `selfcheck`: the sd of log ratios between processes on this machine.
MACHINE_SD = "between_process_sd"
Under: TypeAlias = tuple[Scenario, int]  # a scenario of load, and its number of clients
NOT_RUN = "not run"  # the problem of a combination without rounds


def assumed_sd(environment: Mapping[str, Any]) -> float:
    """The sd between rounds of a combination as fast as stock, assumed before any rounds are seen.

    Different combinations differ at least as much as identical processes (`selfcheck`), because the rest of the machine
    affects different computations differently. So the result of `selfcheck` can only widen the assumption.
    """
    return TIME_PRIOR.at_least(float(environment.get(MACHINE_SD, 0.0))).sd


def streams(records: Iterable[Record]) -> dict[str, list[SingleStream]]:
    """The samples of each combination in the scenario single_stream, one for each ordinary round."""
    return _streams(ordinary(records))


def _streams(records: Iterable[Record]) -> dict[str, list[SingleStream]]:
    found: dict[str, list[SingleStream]] = {}
    for record in records:
        if isinstance(record, Measured) and isinstance(record.samples, SingleStream):
            found.setdefault(record.cell.combination, []).append(record.samples)
    return found


def ratios(records: Iterable[Record]) -> dict[str, list[float]]:
    """The log ratios of each combination to stock, one for each ordinary round."""
    return _log_ratios(streams(records))


def _log_ratios(timed: Mapping[str, Sequence[SingleStream]]) -> dict[str, list[float]]:
    return {name: [log_ratio(one.own_ns, one.partner_ns) for one in rounds] for name, rounds in timed.items()}


def against_stock(header: Header, records: Sequence[Record]) -> dict[str, Estimate]:
    """The ratio of each combination to stock, as in its row."""
    of_rounds = ratios(records)
    spread = spreads(of_rounds, TIME_PRIOR.at_least(assumed_sd(header.environment)))
    return _to_stock(of_rounds, spread, ALPHA / header.looks)


def _to_stock(rounds: Mapping[str, Sequence[float]], spread: Spreads, alpha: float) -> dict[str, Estimate]:
    return judged_together({name: estimate(found, spread.of(name), alpha) for name, found in rounds.items()})


def compare(header: Header, records: Sequence[Record]) -> tuple[list[Row], Spreads]:
    """The rows in the plan's order, and the spreads that their intervals are computed from."""
    measured, of_rounds = streams(records), ratios(records)
    confirming = _log_ratios(_streams(record for record in records if record.confirming))
    assumed = assumed_sd(header.environment)
    time, rates = TIME_PRIOR.at_least(assumed), RATE_PRIOR.at_least(assumed)
    spread = spreads(of_rounds, time)
    totals = {name: [total_log_ratio(one.own_ns, one.partner_ns) for one in found] for name, found in measured.items()}
    of_totals = spreads(totals, time)
    loads = {load: (by_name, spreads(by_name, rates)) for load, by_name in _load_ratios(records).items()}
    alpha = ALPHA / header.looks
    to_stock = _to_stock(of_rounds, spread, alpha)
    to_baseline = judged_together(_to_baseline(of_rounds, spread, alpha))
    of_both = tried(of_rounds, spread, confirming)
    quoted = to_stock | named({name: of for name, of in of_both.items() if can_be_switched_on(name)}, alpha)
    rows = []
    for name, exact in header.exact.items():
        found = measured.get(name, [])
        latency = None
        if found:
            total = estimate(totals[name], of_totals.of(name), alpha)
            latency = _latency(found, to_stock[name], total, to_baseline.get(name), of_both[name], quoted[name])
        of_row = [record for record in records if record.cell.combination == name]
        difference = None if exact else _f1_difference(found, measured.get(BASELINE, []), header.f1_margin)
        to_stocks = {
            load: estimate(by_name[name], of_load.of(name), alpha)
            for load, (by_name, of_load) in loads.items()
            if name in by_name
        }
        row = _row(name, exact, latency, of_row, difference, to_stocks, _roofline(header, found, latency))
        rows.append(judged(row, header.targets))
    return beside_stock(rows, header.texts), spread


def narrowed(header: Header, records: Sequence[Record], places: Sequence[int]) -> tuple[Header, list[Record]]:
    """The same run, as if `single_stream` had timed only these texts. Its answers and memory are those of all texts.

    Args:
        header: the run's.
        records: the run's.
        places: of the texts in ``header.texts``.
    """

    def of_these(passes: Sequence[Sequence[int]]) -> list[list[int]]:
        return [[times[place] for place in places] for times in passes]

    kept: list[Record] = []
    for record in records:
        if isinstance(record, Measured) and isinstance(record.samples, SingleStream):
            timed = record.samples
            fewer = replace(timed, own_ns=of_these(timed.own_ns), partner_ns=of_these(timed.partner_ns))
            record = replace(record, samples=fewer)
        kept.append(record)
    return replace(header, texts=[header.texts[place] for place in places]), kept


def _row(
    name: str,
    exact: bool,
    latency: Latency | None,
    records: Sequence[Record],
    difference: ScoreDifference | None,
    loads_to_stock: Mapping[Under, Estimate],
    roofline: Share | None,
) -> Row:
    answering = [one.samples for one in records if isinstance(one, Measured) and not isinstance(one.samples, ColdStart)]
    samples = [record.samples for record in ordinary(records) if isinstance(record, Measured)]
    streams = [one for one in samples if isinstance(one, SingleStream)]
    cold = [one for one in samples if isinstance(one, ColdStart)]
    differences = _once(difference for one in answering for difference in one.parity.differences)
    return Row(
        combination=name,
        exact=exact,
        problem=_problem(records),
        latency=latency,
        loads=tuple(_throughput(under, rounds, loads_to_stock[under]) for under, rounds in _under(samples).items()),
        memory=_memory(streams),
        energy_j=_energy(streams),
        starts=tuple(start for one in cold for start in one.own),
        preparing=next((one.preparing for one in cold if one.preparing), None),
        texts=max((one.parity.texts for one in answering), default=0),
        broken=tuple(one for one in differences if not one.tie),
        ties=tuple(one for one in differences if one.tie),
        agreement=next((one.parity.agreement for one in streams), None),
        largest_logit_difference=next((one.parity.largest_logit_difference for one in streams), None),
        roofline=roofline,
        profile=next((one.profile for one in streams if one.profile), None),
        evidence=tuple(streams[0].evidence) if streams else (),  # later rounds take it of few texts
        scores=_scores(streams),
        f1_difference=difference,
    )


def _f1_difference(
    streams: Sequence[SingleStream], baseline: Sequence[SingleStream], margin: float
) -> ScoreDifference | None:
    """Over the texts that both answered; the timed texts come first."""
    ours, theirs = _scores(streams), _scores(baseline)
    if ours is None or theirs is None:
        return None
    both = min(len(ours.by_text), len(theirs.by_text))
    if not both:
        return None
    return f1_difference(ours.by_text[:both], theirs.by_text[:both], margin)


def _scores(streams: Sequence[SingleStream]) -> Scores | None:
    """The scores of the round with the most texts: the first round also answers the texts that are only compared."""
    return max((one.scores for one in streams if one.scores), key=lambda scores: scores.texts, default=None)


def _memory(streams: Sequence[SingleStream]) -> Memory | None:
    """The memory of the last round, with the last known total of the device."""
    weighed = [one.memory for one in streams if one.memory]
    if not weighed:
        return None
    totals = [one.cuda_device_bytes for one in weighed if one.cuda_device_bytes is not None]
    return replace(weighed[-1], cuda_device_bytes=totals[-1] if totals else None)


def _energy(streams: Sequence[SingleStream]) -> float | None:
    """The energy of a request, in joules."""
    counted = [one for one in streams if one.own_energy_mj]
    requests = sum(len(passed) for one in counted for passed in one.own_ns)
    return sum(sum(one.own_energy_mj) for one in counted) / 1000 / requests if requests else None


def _latency(
    streams: Sequence[SingleStream],
    to_stock: Estimate,
    total: Estimate,
    to_baseline: Estimate | None,
    of_both: Tried,
    quoted: Estimate,
) -> Latency:
    requests = [ns for one in streams for passed in one.own_ns for ns in passed]
    return Latency(
        requests=len(requests),
        texts=len(streams[0].own_ns[0]),
        mean_ns=fmean(requests),
        percentiles=percentiles([one.own_ns for one in streams]),
        cpu_share=sum(sum(one.own_cpu_ns) for one in streams) / sum(requests),
        to_stock=to_stock,
        total_to_stock=total,
        to_baseline=to_baseline,
        tried=of_both,
        named=quoted,
    )


def _under(samples: Iterable[Samples]) -> dict[Under, list[ClosedLoop | Offline]]:
    """The samples under each load, one for each round."""
    found: dict[Under, list[ClosedLoop | Offline]] = {}
    for one in samples:
        if isinstance(one, ClosedLoop | Offline):
            found.setdefault((kind_of(one).name, one.clients), []).append(one)
    return found


def _load_ratios(records: Iterable[Record]) -> dict[Under, dict[str, list[float]]]:
    """For each load and combination, the log ratios of rates to stock, one for each round.

    A rate is the inverse of a time: stock's time over the combination's.
    """
    samples: dict[str, list[Samples]] = {}
    for record in records:
        if isinstance(record, Measured):
            samples.setdefault(record.cell.combination, []).append(record.samples)
    found: dict[Under, dict[str, list[float]]] = {}
    for name, of_name in samples.items():
        for under, rounds in _under(of_name).items():
            found.setdefault(under, {})[name] = [log_ratio(_walls(one.partner), _walls(one.own)) for one in rounds]
    return found


def _walls(passes: Iterable[Load]) -> list[list[int]]:
    return [[load.wall_ns] for load in passes]


def _throughput(under: Under, rounds: Sequence[ClosedLoop | Offline], to_stock: Estimate) -> Throughput:
    passes = [load for one in rounds for load in one.own]
    requests = [ns for load in passes for ns in load.request_ns]
    texts = rounds[0].parity.texts
    batches = [size for load in passes for size in load.batch_sizes]
    return Throughput(
        scenario=under[0],
        clients=under[1],
        per_second=_rate(texts, passes),
        rates=tuple(_rate(texts, one.own) for one in rounds),
        to_stock=to_stock,
        p50_ns=percentile(requests, P50) if requests else None,
        p95_ns=percentile(requests, P95) if requests else None,
        mean_batch=fmean(batches) if batches else None,
        longest_wait_ns=max((ns for load in passes for ns in load.wait_ns), default=None),
        cuda_peak_bytes=max((peak for load in passes if (peak := load.cuda_peak_bytes)), default=None),
        cuda_allocated_peak_bytes=max(
            (peak for load in passes if (peak := load.cuda_allocated_peak_bytes)), default=None
        ),
    )


def _rate(texts: int, passes: Sequence[Load]) -> float:
    return texts * len(passes) / sum(load.wall_ns for load in passes) * NS_PER_S


def _to_baseline(rounds: Mapping[str, Sequence[float]], spread: Spreads, alpha: float) -> dict[str, Estimate]:
    """(X / stock) / (baseline / stock) for all but the baseline. For stock, the numerator is 1, without error."""
    if BASELINE not in rounds:
        return {}
    against, theirs = rounds[BASELINE], spread.of(BASELINE)
    return {
        name: estimate([-ratio for ratio in against], theirs, alpha)
        if name == STOCK
        else divided(found, spread.of(name), against, theirs, alpha)
        for name, found in rounds.items()
        if name != BASELINE
    }


def _once(differences: Iterable[Difference]) -> list[Difference]:
    """One difference for each text: a real one if any round found one, else a tie."""
    by_id: dict[str, Difference] = {}
    for one in differences:
        if one.id not in by_id or (by_id[one.id].tie and not one.tie):
            by_id[one.id] = one
    return list(by_id.values())


def _problem(records: Sequence[Record]) -> str | None:
    for record in records:
        if isinstance(record, Skipped):
            return f"skipped: {record.reason}"
        if isinstance(record, Failed):
            return f"failed ({record.kind}) in round {record.round}: {record.error}"
    return None if records else NOT_RUN


def _roofline(header: Header, streams: Sequence[SingleStream], latency: Latency | None) -> Share | None:
    ceilings = ceilings_of(header)
    work = next((one.work for one in streams if one.work), None)
    if ceilings is None or work is None or latency is None:
        return None
    traffic = next((one.profile.traffic for one in streams if one.profile), [])
    return share(work, len(header.texts), latency.mean_ns / NS_PER_S, ceilings, traffic)
