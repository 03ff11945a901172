"""The conformance kit: what every optimization has to pass, ours and yours.

In a test of your own::

    from harness.testing import CHECKS, check_optimization

    def test_mine_conforms() -> None:
        check_optimization(mine)

or one test a check, by parametrizing over ``CHECKS``. A check that fails raises ``AssertionError`` and names the text.
"""

from harness.testing.checks import CHECKS, Check
from harness.testing.subject import Subject

__all__ = ["CHECKS", "Check", "Subject", "check_optimization"]


def check_optimization(optimization: object, **parameters: object) -> None:
    """Run every check on an optimization, on the CPU and the embedded checkpoint ``mini``.

    Args:
        optimization: what ``@optimization`` made.
        parameters: values of its parameters, where not the defaults.

    Raises:
        AssertionError: it changes an answer it promised to keep, breaks in some company, or its evidence is wrong.
    """
    subject = Subject.of(optimization, **parameters)
    for check in CHECKS:
        check(subject)
