"""Broken and hostile checkpoints: whatever is in the directory, it loads or a CheckpointError says why not."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from harness.baseline.checkpoint import PICKLE, SAFETENSORS, Checkpoint
from harness.baseline.loading import LoadPlan, plain_plan, stock_plan
from harness.baseline.model import ModelConfig, SiameseUIE
from harness.baseline.save import save
from harness.embedded.cache import clear
from harness.embedded.checkpoints import as_safetensors
from harness.errors import CheckpointError

INPUTS = int(os.environ.get("UIEBENCH_FUZZ", "1"))  # times as many
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"华为手机售价九元，。abc", "##a", "\u2028"]
SIZES = ModelConfig(len(TOKENS), hidden=8, heads=2, feed_forward=8, tower_layers=1, cross_layers=1)
LONGEST = 4000  # characters of a message that lists names

Random = random.Random
Mutation = Callable[[Random, Path], None]

VALUES: list[Any] = [
    None, True, False, 0, 1, 2, 3, 7, -1, -8, 8.0, 8.5, -0.0, 10**6, 10**9, 10**12, 2**31, 2**63, 2**64, 10**400, 1e308,
    float("inf"), float("-inf"), float("nan"), "", "8", "eight", "gelu", "bert", "\ud800", "\0", [], [8], {}, {"a": 8},
    [[[[8]]]],
]  # fmt: skip
ENTRIES = ["F16", "I64", "C64", "BOOL", "F8_E4M3", [10**12, 10**6], [-1], [0], [2**63, 2], [], [0, 8], [0, 2**62]]
ODD_TOKENS = ["", " ", "[UNK]", "[CLS]\x1c", "[SEP] ", "\ufeff", "\0", "\x1b[31m", "##", "x" * 100_000, "\r", "[PAD]"]
RAW = ["1e999", "-1e999", "9" * 5000, "[" * 100_000, '{"a":' * 20_000, "nul", "", '"' + "x" * 100_000 + '"', "1e-999"]
CONFIG_KEYS = [
    "vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "model_type", "architectures",
    "torch_dtype", "dtype", "quantization_config", "auto_map", "id2label", "num_labels", "tie_word_embeddings",
    "problem_type", "transformers_version", "pad_token_id", "position_embedding_type", "tokenizer_class",
]  # fmt: skip


def change_config(chance: Random, directory: Path) -> None:
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in chance.sample(CONFIG_KEYS, chance.choice((1, 1, 2, 3))):
        if chance.random() < 0.1:
            config.pop(key, None)
        else:
            config[key] = chance.choice(VALUES)
    path.write_text(json.dumps(config), encoding="utf-8")


def write_raw_config(chance: Random, directory: Path) -> None:
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config[chance.choice(CONFIG_KEYS)] = "RAW"
    path.write_text(json.dumps(config).replace('"RAW"', chance.choice(RAW)), encoding="utf-8")


def quantized(value: torch.Tensor) -> torch.Tensor:
    return torch.quantize_per_tensor(value.float(), 0.1, 0, torch.qint8)


DTYPES = (
    torch.int64, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.float16, torch.bfloat16, torch.float64,
    torch.float8_e4m3fn,
)  # fmt: skip
TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    **{str(dtype): partial(torch.Tensor.to, dtype=dtype) for dtype in DTYPES},
    "sparse": lambda one: one.to_sparse(),
    "meta": lambda one: one.to("meta"),
    "quantized": quantized,
    "nan": lambda one: one * float("nan"),
    "one infinite": lambda one: torch.cat((one.flatten()[1:], torch.tensor([float("inf")]))).reshape(one.shape),
    "beyond float32": lambda one: torch.full(one.shape, 1e300, dtype=torch.float64),
    "huge": lambda one: torch.full(one.shape, 3e38),
    "expanded": lambda _: torch.zeros(1).expand(10**6, 10**6),
    "expanded in place": lambda one: torch.zeros(1).expand(one.shape),
    "no numbers": lambda _: torch.zeros(0),
    "scalar": lambda _: torch.tensor(1.0),
    "transposed": lambda one: one.t() if one.ndim == 2 else one[None],
    "longer": lambda one: torch.cat((one, one)),
    "strided": lambda one: torch.stack((one, one), -1)[..., 0],
    "parameter": lambda one: torch.nn.Parameter(one),
    "list": lambda one: one.tolist(),
    "dict": lambda one: {"weight": one},
    "None": lambda _: None,
    "number": lambda _: 1.5,
    "text": lambda _: "\ud800",
}  # fmt: skip
NAMES: list[Callable[[str], Any]] = [
    lambda _: 1,
    lambda _: None,
    lambda name: (name,),
    lambda _: "",
    lambda name: f"bert.{name.removeprefix('plm.')}",
    lambda name: f"module.{name}",
    lambda name: name.replace("layer.0", "layer.999999999"),
    lambda name: name.replace("layer.0", f"layer.{'9' * 5000}"),
    lambda name: name.replace("layer.0", "layer.٣"),
    lambda name: name.replace("layer.0", "layer.1"),
    lambda name: f"{name}\0",
    lambda name: f"{name}\x1b[31m" + "x" * 10_000,
    lambda name: name.replace("weight", "gamma"),
]


def change_weights(chance: Random, directory: Path) -> None:
    weights = torch.load(directory / PICKLE, weights_only=True)
    names = list(weights)
    for name in chance.sample(names, chance.choice((1, 1, 2, len(names)))):
        kind = chance.random()
        if kind < 0.6:
            weights[name] = chance.choice(list(TENSORS.values()))(weights[name])
        elif kind < 0.8:
            weights[chance.choice(NAMES)(name)] = weights.pop(name)
        elif kind < 0.9:
            weights.pop(name)
        else:
            weights[chance.choice(NAMES)(name)] = weights[name]
    torch.save(weights, directory / PICKLE, _use_new_zipfile_serialization=chance.random() < 0.8)


class Malice:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def write_other_weights(chance: Random, directory: Path) -> None:
    path = directory / PICKLE
    weights = torch.load(path, weights_only=True)
    malice = Malice(directory / "touched")
    choice = chance.randrange(6)
    if choice == 0:
        torch.save({**weights, "more": malice}, path)
    elif choice == 1:
        path.write_bytes(pickle.dumps(chance.choice((malice, [malice], {"a": 1}, {1, 2}, bytearray(9)))))
    elif choice == 2:
        torch.save(
            chance.choice(({"state_dict": weights}, [weights], list(weights.values()), None, SIZES.hidden)), path
        )
    elif choice == 3:
        path.write_bytes(chance.choice((b"", b"\0" * 4096, b"PK\x05\x06" + b"\0" * 18, b"\x80\x02.")))
    elif choice == 4:
        shutil.make_archive(str(directory / "zip"), "zip", directory, "config.json")
        (directory / "zip.zip").rename(path)
    else:
        with path.open("wb") as file:
            pickle.dump({name: value.numpy() for name, value in weights.items()}, file)


def to_safetensors(directory: Path) -> Path:
    save_file(torch.load(directory / PICKLE, weights_only=True), directory / SAFETENSORS)
    (directory / PICKLE).unlink()
    return directory / SAFETENSORS


def spoil_bytes(chance: Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    if chance.random() < 0.3:
        del data[chance.randrange(len(data)) :]
    else:
        for _ in range(chance.choice((1, 3, 30))):
            data[chance.randrange(min(chance.choice((64, 2000, 10**9)), len(data)))] = chance.randrange(256)
    path.write_bytes(data)


def spoil_pickle(chance: Random, directory: Path) -> None:
    spoil_bytes(chance, directory / PICKLE)


def spoil_safetensors(chance: Random, directory: Path) -> None:
    spoil_bytes(chance, to_safetensors(directory))


def change_header(chance: Random, directory: Path) -> None:
    path = to_safetensors(directory)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    entry = header[chance.choice(list(header))]
    entry[chance.choice(["dtype", "shape", "data_offsets"])] = chance.choice(
        [
            "F16",
            "I64",
            "C64",
            "BOOL",
            "F8_E4M3",
            [10**12, 10**6],
            [-1],
            [0],
            [2**63, 2],
            [],
            [0, 8],
            [0, 2**62],
            *VALUES[:24],
        ]
    )
    written = json.dumps(header).encode()
    size = chance.choice([len(written), len(written), len(written), 2**63, 0, len(written) + 1])
    path.write_bytes(size.to_bytes(8, "little") + written + data[8 + int.from_bytes(data[:8], "little") :])


def spoil_vocabulary(chance: Random, directory: Path) -> None:
    path = directory / "vocab.txt"
    if chance.random() < 0.5:
        spoil_bytes(chance, path) if chance.random() < 0.7 else path.write_bytes(chance.randbytes(3000))
    else:
        tokens = path.read_text(encoding="utf-8").split("\n")
        for _ in range(chance.choice((1, 4))):
            tokens[chance.randrange(len(tokens))] = chance.choice(
                [
                    "",
                    " ",
                    "[UNK]",
                    "[CLS]\x1c",
                    "[SEP] ",
                    "\ufeff",
                    "\0",
                    "\x1b[31m",
                    "##",
                    "x" * 100_000,
                    "\r",
                    "[PAD]",
                ]
            )
        path.write_text("\n".join(tokens), encoding="utf-8")


def write_tokenizer_files(chance: Random, directory: Path) -> None:
    name = chance.choice(["tokenizer_config", "special_tokens_map", "added_tokens", "tokenizer"])
    keys = [
        "do_lower_case", "strip_accents", "tokenize_chinese_chars", "cls_token", "unk_token", "mask_token", "auto_map",
        "tokenizer_class", "added_tokens_decoder", "model_max_length", "extra_special_tokens", "chat_template",
        "model", "added_tokens", "normalizer", "version", "truncation", "post_processor", "name_or_path",
    ]  # fmt: skip
    content = {key: chance.choice(VALUES) for key in chance.sample(keys, chance.choice((1, 2, 4)))}
    path = directory / f"{name}.json"
    path.write_text(chance.choice(RAW) if chance.random() < 0.2 else json.dumps(content), encoding="utf-8")


def replace_a_file(chance: Random, directory: Path) -> None:
    path = directory / chance.choice(["config.json", "vocab.txt", PICKLE])
    path.unlink()
    kind = chance.randrange(6)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to("no/longer/there")
    elif kind == 2:
        os.mkfifo(path)
    elif kind == 3:
        path.symlink_to(path)
    elif kind == 4:
        (directory / f"{SAFETENSORS}.index.json").write_text("{}")
        for part in ("1-of-2", "2-of-2"):
            (directory / f"model-{part}.safetensors").touch()


MUTATIONS: dict[Mutation, int] = {
    change_config: 30,
    write_raw_config: 12,
    change_weights: 40,
    write_other_weights: 12,
    spoil_pickle: 20,
    spoil_safetensors: 12,
    change_header: 12,
    spoil_vocabulary: 15,
    write_tokenizer_files: 15,
    replace_a_file: 10,
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sound")
    torch.manual_seed(0)
    save(directory, SIZES, SiameseUIE(SIZES).state_dict(), TOKENS, file=PICKLE)
    return directory


def lean_plan(directory: Path, **options: Any) -> LoadPlan:
    return plain_plan(as_safetensors(Checkpoint.open(directory)).directory, **options)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.__name__)
@pytest.mark.filterwarnings("ignore")  # torch warns of what it reads
def test_a_broken_checkpoint_loads_or_is_refused(mutation: Mutation, sound: Path, tmp_path: Path) -> None:
    messages: list[str] = []
    for number in range(MUTATIONS[mutation] * INPUTS):
        directory = Path(shutil.copytree(sound, tmp_path / str(number)))
        mutation(random.Random(f"{mutation.__name__} {number}"), directory)
        for plan in (plain_plan, lean_plan, stock_plan):
            try:
                plan(directory, device="cpu", start="stock").load().extract("华为九元", {"价格": None})
            except CheckpointError as error:
                messages.append(str(error))
            except Exception as error:
                raise AssertionError(f"{mutation.__name__} {number}, {plan.__name__}") from error
        assert not (directory / "touched").exists()
        shutil.rmtree(directory)
    clear()
    assert messages
    assert [one for one in messages if len(one) > LONGEST or not one.isprintable()] == []
