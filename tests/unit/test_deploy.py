from __future__ import annotations

from pathlib import Path

import pytest

from harness.deploy import Deployment, find_deployment
from harness.errors import InputError


def test_a_combination_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b'\xef\xbb\xbfcombination = "batching"\r\ncheckpoint = "\xe6\xa8\xa1\xe5\x9e\x8b"\r\n')
    assert find_deployment(str(path)) == Deployment("batching", checkpoint="模型")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("checkpoint = '我的模型目录'".encode("gbk"), "iconv -f GB18030"),
        (f"combination = {'9' * 5000}".encode(), "combination file"),
        (f"combination = {'[' * 5000}".encode(), "combination file"),
        (b"combination = 1", "combination file"),
        (b"\0\0", "combination file"),
    ],
    ids=["GBK", "many digits", "nested", "a number", "binary"],
)
def test_what_is_no_combination_file_is_refused(tmp_path: Path, written: bytes, said: str) -> None:
    (tmp_path / "c.toml").write_bytes(written)
    with pytest.raises(InputError, match=said):
        find_deployment(str(tmp_path / "c.toml"))
