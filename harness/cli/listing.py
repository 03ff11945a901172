"""`uiebench list`: the names that the command line takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.cli.options import Plugins

if TYPE_CHECKING:
    from harness.plugin import Optimization


def listing(
    plugin: Plugins = None,
) -> None:
    """List the optimizations, peers, designs, stopping rules, suites, datasets, charts and formats."""
    from harness.analyse.stopping import rules
    from harness.data.dataset import dataset_names
    from harness.data.formats.find import find_formats
    from harness.plan.designs import designs
    from harness.plan.peers import find_peers
    from harness.plan.registry import find_optimizations
    from harness.plan.suite import suite_names
    from harness.record import PEER
    from harness.report.charts import kinds
    from harness.report.formats import formats

    print("optimizations")
    for one in sorted(find_optimizations(plugin or ()).values(), key=lambda one: (one.stage, one.name)):
        first = next(iter(one.documentation.splitlines()), "(no docstring)")
        print(f"  {one.name}  [{one.stage.name}, {_promise(one)}]  {first}")
    print("peers\n  " + "\n  ".join(f"{PEER}{name}" for name in find_peers()))
    print("designs\n  " + "\n  ".join(f"{one.name}  {one.description}" for one in designs().values()))
    print("stopping rules\n  " + "\n  ".join(rules()))
    print("suites\n  " + "\n  ".join(suite_names()))
    print("datasets\n  " + "\n  ".join(dataset_names()))
    print("text formats\n  " + "\n  ".join(f"{one.NAME}  {one.DESCRIPTION}" for one in find_formats().values()))
    print("charts\n  " + "\n  ".join(f"{one.name}  {one.description}" for one in kinds().values()))
    known = formats().values()
    print("report formats\n  " + "\n  ".join(f"{one.name}  {one.description}" for one in known if one.for_reports))
    print("gate formats\n  " + "\n  ".join(f"{one.name}  {one.description}" for one in known if one.for_gates))


def _promise(one: Optimization[Any]) -> str:
    from harness.errors import SuiteError

    try:
        return "exact" if one.exact else "inexact"
    except SuiteError as error:
        return str(error)
