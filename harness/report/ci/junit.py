"""Findings as JUnit XML: a test case each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

from harness.analyse.gate import Finding
from harness.report.one_line import one_line


def render(findings: Sequence[Finding], against: str, made: datetime) -> str:
    """The file, as Apache Ant's schema has it. What is inconclusive is an error; what only warns fails nothing.

    Args:
        findings: a gate's.
        against: what it compared with.
        made: when.
    """
    findings = [
        replace(one, cell=one_line(one.cell), rule=one_line(one.rule), says=one_line(one.says)) for one in findings
    ]
    hard = [one for one in findings if not one.warns]
    suite_attributes = {
        "id": "0",
        "package": "uiebench",
        "name": f"gate against {one_line(against)}",
        "timestamp": made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": "localhost",
        "tests": str(len(findings)),
        "failures": str(sum(one.verdict == "fail" for one in hard)),
        "errors": str(sum(one.verdict == "inconclusive" for one in hard)),
        "skipped": str(sum(one.verdict == "skipped" for one in findings)),
        "time": "0",
    }
    root = Xml.Element("testsuites")
    suite = Xml.SubElement(root, "testsuite", suite_attributes)
    Xml.SubElement(suite, "properties")
    for one in findings:
        case = Xml.SubElement(suite, "testcase", classname=f"uiebench.{one.cell}", name=one.rule, time="0")
        if one.verdict == "skipped":
            Xml.SubElement(case, "skipped", message=one.says)
        elif one.verdict != "pass" and not one.warns:
            kind = "failure" if one.verdict == "fail" else "error"
            Xml.SubElement(case, kind, message=one.says, type=one.verdict).text = one.says
    said = [f"{one.rule}, {one.cell}: {one.verdict}, {one.says}" for one in findings if one.verdict != "skipped"]
    Xml.SubElement(suite, "system-out").text = "\n".join(said)
    Xml.SubElement(suite, "system-err")
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
