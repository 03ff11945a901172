"""Vocabularies of all sorts: a line is a token, its number the id, and both tokenizers say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from published import LINE_SEPARATOR, TOKENS, vocabulary

from harness.baseline.tokenize import from_transformers, from_vocabulary
from harness.baseline.vocabulary import check_vocabulary, read_vocabulary, write_vocabulary
from harness.errors import CheckpointError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
AFTER = ["一", "二", "##三", "a", "##b"]
TEXTS = ["一二三", "ab a", f"一{LINE_SEPARATOR}二\x85一\x1c\x0c二", "[MASK]一[PAD] [mask]", "", "四", "\ufeff一"]
# What str.splitlines takes for line ends, and white space that tokenizers take off a token's end.
ODD = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r", "\t", "\u3000", "\xa0", "\ufeff", "\0"]


def write(directory: Path, data: bytes | list[str], **files: object) -> Path:
    data = data if isinstance(data, bytes) else "".join(f"{token}\n" for token in data).encode()
    (directory / "vocab.txt").write_bytes(data)
    (directory / "config.json").write_text('{"model_type": "bert"}')
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return directory


def ids(directory: Path) -> list[list[int]]:
    """What both tokenizers make of the texts."""
    plain, stock = from_vocabulary(directory), from_transformers(directory)
    found = [[list(tokenizer.text(text).ids) for text in TEXTS] for tokenizer in (plain, stock)]
    assert found[0] == found[1]
    return found[0]


def test_the_published_vocabularys_tokens_have_their_lines_numbers(tmp_path: Path) -> None:
    tokens = vocabulary()
    write(tmp_path, tokens)
    assert read_vocabulary(tmp_path / "vocab.txt") == tokens
    check_vocabulary(tmp_path / "vocab.txt", TOKENS)
    after = [number for number, token in enumerate(tokens) if "\u4e00" <= token < "\u9fa6"]
    assert after == list(range(tokens.index("一"), tokens.index("一") + 20_902))
    assert tokens.index(LINE_SEPARATOR) < after[0]
    text = "".join(tokens[number] for number in after)
    expected = (tokens.index("[CLS]"), *after, tokens.index("[SEP]"))
    for tokenizer in (from_vocabulary(tmp_path), from_transformers(tmp_path)):
        assert tokenizer.text(text).ids == expected


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_an_odd_token_is_one_line(tmp_path: Path, odd: str) -> None:
    write(tmp_path, [*SPECIAL, odd, f"##{odd}", *AFTER])
    check_vocabulary(tmp_path / "vocab.txt", len(SPECIAL) + 2 + len(AFTER))
    assert ids(tmp_path)[0] == [2, 7, 8, 1, 3]


@pytest.mark.parametrize(
    "data",
    [
        "\r\n".join([*SPECIAL, *AFTER, ""]).encode(),
        "\n".join([*SPECIAL, *AFTER]).encode(),
        b"\xef\xbb\xbf" + "\n".join([*SPECIAL, *AFTER, ""]).encode(),
        "\n".join([*SPECIAL, "一\r", "二 ", *AFTER[2:], ""]).encode(),
        "\n".join([*SPECIAL, *AFTER, "", "", ""]).encode(),
    ],
    ids=["CR LF", "no end of line", "byte order mark", "mixed", "blank lines at the end"],
)
def test_however_its_lines_end_the_ids_are_the_same(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, [*SPECIAL, *AFTER])
    expected = ids(tmp_path)
    assert ids(write(tmp_path, data)) == expected


def test_a_blank_line_has_an_id_and_of_a_token_on_two_lines_the_last_counts(tmp_path: Path) -> None:
    write(tmp_path, [*SPECIAL, "", "一", "", "一", *AFTER[1:]])
    assert ids(tmp_path)[0] == [2, 8, 9, 1, 3]
    check_vocabulary(tmp_path / "vocab.txt", 13)
    with pytest.raises(CheckpointError, match="13 tokens, more than the vocab_size 12"):
        check_vocabulary(tmp_path / "vocab.txt", 12)


@pytest.mark.parametrize("left_out", ["[MASK]", "[PAD]"])
def test_no_id_is_beyond_the_vocabulary(tmp_path: Path, left_out: str) -> None:
    tokens = [token for token in (*SPECIAL, *AFTER) if token != left_out]
    write(tmp_path, tokens)
    if left_out == "[PAD]":
        with pytest.raises(CheckpointError, match=r"lacks \[PAD\]"):
            check_vocabulary(tmp_path / "vocab.txt", len(tokens))
    else:
        assert max(map(max, ids(tmp_path))) < len(tokens)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": False},
        {"do_lower_case": True, "tokenize_chinese_chars": False},
        {"model_max_length": 5, "truncation_side": "left"},
        {"auto_map": {"AutoTokenizer": ["code.Tokenizer", None]}},
    ],
    ids=str,
)
def test_what_a_directory_says_of_letters_holds_for_both(tmp_path: Path, settings: dict[str, object]) -> None:
    write(tmp_path, [*SPECIAL, *AFTER, "A", "é"], tokenizer_config=settings)
    plain, stock = from_vocabulary(tmp_path), from_transformers(tmp_path)
    assert plain.text("Aa é 一二").ids == stock.text("Aa é 一二").ids
    assert plain.text("A").ids == (2, 10 if settings.get("do_lower_case") is False else 8, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("special_tokens_map", {"cls_token": "一"}),
        ("tokenizer_config", {"added_tokens_decoder": {"50": {"content": "四", "special": True}}}),
        ("tokenizer_config", {"tokenizer_class": "T5Tokenizer"}),
        ("tokenizer_config", {"do_lower_case": "no"}),
        ("tokenizer_config", [1]),
        ("tokenizer", {}),
        ("tokenizer", {"model": {"type": "BPE"}, "added_tokens": []}),
    ],
    ids=str,
)
def test_files_that_make_another_tokenizer_are_named(tmp_path: Path, name: str, content: object) -> None:
    write(tmp_path, [*SPECIAL, *AFTER], **{name: content})
    with pytest.raises(CheckpointError, match=f"{name}.json"):
        from_transformers(tmp_path)


def test_a_tokenizer_file_that_cuts_texts_is_refused(tmp_path: Path) -> None:
    backend = from_vocabulary(write(tmp_path, [*SPECIAL, *AFTER])).backend
    backend.save(str(tmp_path / "tokenizer.json"))
    from_transformers(tmp_path)
    backend.enable_truncation(3)
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match=r"makes another tokenizer than vocab\.txt"):
        from_transformers(tmp_path)


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    tokens = [*vocabulary(), "", "\u2029", "\x85", "\x0b\x1c"]
    write_vocabulary(path, tokens)
    assert read_vocabulary(path) == tokens


@pytest.mark.parametrize("token", ["a\nb", "a\r", "\ufeffa"])
def test_a_token_that_would_read_back_as_another_is_not_written(tmp_path: Path, token: str) -> None:
    with pytest.raises(ValueError, match="would be read as another"):
        write_vocabulary(tmp_path / "vocab.txt", [token, "b"])
    assert not (tmp_path / "vocab.txt").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("\n".join([*SPECIAL, "一种商品的价格"]).encode("gbk"), "iconv -f GB18030"),
        ("\n".join([*SPECIAL, "一"]).encode("utf-16"), "UTF-16"),
        (bytes(range(256)) * 4, "vocab.txt"),
        (b"", r"lacks \[PAD\], \[UNK\], \[CLS\], \[SEP\]"),
        ("\n".join(["x", *SPECIAL[1:]]).encode(), r"lacks \[PAD\],"),
        ("\n".join(["[PAD]", "[UNK]", "[CLS]\x1c", "[SEP]"]).encode(), r"lacks \[CLS\],"),
    ],
    ids=["GBK", "UTF-16", "binary", "empty", "without [PAD]", "a separator behind [CLS]"],
)
def test_what_is_no_vocabulary_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "vocab.txt").write_bytes(data)
    with pytest.raises(CheckpointError, match=said):
        check_vocabulary(tmp_path / "vocab.txt", 10_000)


def test_a_vocabulary_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    write(tmp_path, SPECIAL)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CheckpointError, match=r"vocab\.txt cannot be read: Permission denied"):
        check_vocabulary(tmp_path / "vocab.txt", 10)
