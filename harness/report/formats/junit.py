"""Findings as JUnit XML: a test case each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Literal, TypeAlias
from xml.etree import ElementTree as Xml

from harness.analyse.gate import Finding
from harness.analyse.verdict import judged_anything, unexcused
from harness.report.ci.words import NOTHING_JUDGED, sentence
from harness.report.formats import Gate
from harness.report.one_line import one_line

DESCRIPTION = "findings as JUnit XML, a test case each"
Result: TypeAlias = Literal["failure", "error", "skipped"]
_NONE = Finding("any rule", "gate", "inconclusive", NOTHING_JUDGED)


def of_gate(gate: Gate) -> str:
    """The file, as Apache Ant's schema has it.

    An inconclusive finding is an error. So is a skipped one that keeps the gate from passing. A finding that only warns
    fails nothing.
    """
    verdict = sentence(gate.findings)
    findings = [
        replace(one, cell=one_line(one.cell), rule=one_line(one.rule), says=one_line(one.says)) for one in gate.findings
    ]
    cases = [*findings, *([] if judged_anything(findings) else [_NONE])]
    results = [_result(one) for one in cases]
    suite_attributes = {
        "id": "0",
        "package": "uiebench",
        "name": f"gate against {one_line(gate.against)}",
        "timestamp": gate.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": "localhost",
        "tests": str(len(cases)),
        "failures": str(results.count("failure")),
        "errors": str(results.count("error")),
        "skipped": str(results.count("skipped")),
        "time": "0",
    }
    root = Xml.Element("testsuites")
    suite = Xml.SubElement(root, "testsuite", suite_attributes)
    Xml.SubElement(suite, "properties")
    for one, result in zip(cases, results, strict=True):
        case = Xml.SubElement(suite, "testcase", classname=f"uiebench.{one.cell}", name=one.rule, time="0")
        if result == "skipped":
            Xml.SubElement(case, result, message=one.says)
        elif result is not None:
            Xml.SubElement(case, result, message=one.says, type=one.verdict).text = one.says
    said = [f"{one.rule}, {one.cell}: {one.verdict}, {one.says}" for one in findings if one.verdict != "skipped"]
    Xml.SubElement(suite, "system-out").text = "\n".join([verdict, *said])
    Xml.SubElement(suite, "system-err")
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _result(one: Finding) -> Result | None:
    """The result of a test case; None if it passes."""
    if one.verdict == "skipped":
        return "error" if unexcused(one) else "skipped"
    if one.verdict == "pass" or one.warns:
        return None
    return "failure" if one.verdict == "fail" else "error"
