"""Findings as JUnit XML: a test case each."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from harness.analyse.gate import Finding


def render(findings: Sequence[Finding], against: str) -> str:
    """The file. What is inconclusive is an error, what only warns a pass with a word on it."""
    hard = [one for one in findings if not one.warns]
    counts = {
        "tests": len(findings),
        "failures": sum(one.verdict == "fail" for one in hard),
        "errors": sum(one.verdict == "inconclusive" for one in hard),
        "skipped": sum(one.verdict == "skipped" for one in findings),
    }
    attributes = {"name": f"uiebench gate against {against}", **{name: str(count) for name, count in counts.items()}}
    root = Xml.Element("testsuites")
    suite = Xml.SubElement(root, "testsuite", attributes, time="0")
    for one in findings:
        case = Xml.SubElement(suite, "testcase", classname=f"uiebench.{one.cell}", name=one.rule, time="0")
        if one.verdict == "skipped":
            Xml.SubElement(case, "skipped", message=one.says)
        elif one.verdict != "pass" and not one.warns:
            kind = "failure" if one.verdict == "fail" else "error"
            Xml.SubElement(case, kind, message=one.says, type=one.verdict).text = one.says
        else:
            Xml.SubElement(case, "system-out").text = f"{one.verdict}: {one.says}"
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
