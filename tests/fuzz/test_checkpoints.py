"""Broken and hostile checkpoints: whatever is in the directory, it loads or a CheckpointError says why not."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from fuzzing import Fuzz
from mutations import as_json, broken_bytes, encoded, text, value
from safetensors.torch import save_file

from harness.baseline.checkpoint import PICKLE, SAFETENSORS, Checkpoint
from harness.baseline.loading import LoadPlan, plain_plan, stock_plan
from harness.baseline.model import ModelConfig, SiameseUIE
from harness.baseline.save import save
from harness.embedded.cache import clear
from harness.embedded.checkpoints import as_safetensors
from harness.errors import CheckpointError, NonFiniteError

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"华为手机售价九元，。abc", "##a", "\u2028"]
SIZES = ModelConfig(len(TOKENS), hidden=8, heads=2, feed_forward=8, tower_layers=1, cross_layers=1)
LONGEST = 4000  # characters of a message that lists names

Mutation = Callable[[Random, Path], None]

NEAR = (2, 3, 7, 8, -8, 8.0, 8.5, 10**6, 10**9, 10**12, "8", "eight", "gelu", "bert", [8], {"a": 8}, [[[[8]]]])
ENTRIES: tuple[Any, ...] = (
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
)
ODD_TOKENS = ("[UNK]", "[CLS]\x1c", "[SEP] ", "\r", "[PAD]", "##")
CONFIG_KEYS = [
    "vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "model_type", "architectures",
    "torch_dtype", "dtype", "quantization_config", "auto_map", "id2label", "num_labels", "tie_word_embeddings",
    "problem_type", "transformers_version", "pad_token_id", "position_embedding_type", "tokenizer_class",
]  # fmt: skip
TOKENIZER_KEYS = [
    "do_lower_case", "strip_accents", "tokenize_chinese_chars", "cls_token", "unk_token", "mask_token", "auto_map",
    "tokenizer_class", "added_tokens_decoder", "model_max_length", "extra_special_tokens", "chat_template",
    "model", "added_tokens", "normalizer", "version", "truncation", "post_processor", "name_or_path",
]  # fmt: skip


def odd(random: Random) -> Any:
    return random.choice((random.choice(NEAR), value(random)))


def write_json(random: Random, path: Path, data: dict[str, Any]) -> None:
    written = encoded(as_json(random, data))
    path.write_bytes(broken_bytes(random, written) if random.random() < 0.2 else written)


def change_config(random: Random, directory: Path) -> None:
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in random.sample(CONFIG_KEYS, random.choice((1, 1, 2, 3))):
        if random.random() < 0.1:
            config.pop(key, None)
        else:
            config[key] = odd(random)
    write_json(random, path, config)


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


def change_weights(random: Random, directory: Path) -> None:
    weights = torch.load(directory / PICKLE, weights_only=True)
    names = list(weights)
    for name in random.sample(names, random.choice((1, 1, 2, len(names)))):
        kind = random.random()
        if kind < 0.6:
            weights[name] = random.choice(list(TENSORS.values()))(weights[name])
        elif kind < 0.8:
            weights[random.choice(NAMES)(name)] = weights.pop(name)
        elif kind < 0.9:
            weights.pop(name)
        else:
            weights[random.choice(NAMES)(name)] = weights[name]
    torch.save(weights, directory / PICKLE, _use_new_zipfile_serialization=random.random() < 0.8)


class Malice:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def write_other_weights(random: Random, directory: Path) -> None:
    path = directory / PICKLE
    weights = torch.load(path, weights_only=True)
    malice = Malice(directory / "touched")
    choice = random.randrange(6)
    if choice == 0:
        torch.save({**weights, "more": malice}, path)
    elif choice == 1:
        path.write_bytes(pickle.dumps(random.choice((malice, [malice], {"a": 1}, {1, 2}, bytearray(9)))))
    elif choice == 2:
        torch.save(
            random.choice(({"state_dict": weights}, [weights], list(weights.values()), None, SIZES.hidden)), path
        )
    elif choice == 3:
        path.write_bytes(random.choice((b"", b"\0" * 4096, b"PK\x05\x06" + b"\0" * 18, b"\x80\x02.")))
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


def spoil_bytes(random: Random, path: Path) -> None:
    """Change bytes, most of them near the beginning, where the headers are."""
    data = bytearray(path.read_bytes())
    for _ in range(random.choice((1, 3, 30))):
        data[random.randrange(min(random.choice((64, 2000, 10**9)), len(data)))] = random.randrange(256)
    path.write_bytes(data if random.random() < 0.5 else broken_bytes(random, path.read_bytes()))


def spoil_pickle(random: Random, directory: Path) -> None:
    spoil_bytes(random, directory / PICKLE)


def spoil_safetensors(random: Random, directory: Path) -> None:
    spoil_bytes(random, to_safetensors(directory))


def change_header(random: Random, directory: Path) -> None:
    path = to_safetensors(directory)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    entry = header[random.choice(list(header))]
    entry[random.choice(["dtype", "shape", "data_offsets"])] = random.choice((random.choice(ENTRIES), odd(random)))
    written = encoded(as_json(random, header))
    size = random.choice([len(written), len(written), len(written), 2**63, 0, len(written) + 1])
    path.write_bytes(size.to_bytes(8, "little") + written + data[8 + int.from_bytes(data[:8], "little") :])


def spoil_vocabulary(random: Random, directory: Path) -> None:
    path = directory / "vocab.txt"
    sound = path.read_bytes()
    tokens = sound.decode().split("\n")
    for _ in range(random.choice((1, 4))):
        tokens[random.randrange(len(tokens))] = random.choice((random.choice(ODD_TOKENS), text(random)))
    path.write_bytes(random.choice((encoded("\n".join(tokens)), broken_bytes(random, sound), random.randbytes(3000))))


def write_tokenizer_files(random: Random, directory: Path) -> None:
    name = random.choice(["tokenizer_config", "special_tokens_map", "added_tokens", "tokenizer"])
    content = {key: odd(random) for key in random.sample(TOKENIZER_KEYS, random.choice((1, 2, 4)))}
    write_json(random, directory / f"{name}.json", content)


def replace_a_file(random: Random, directory: Path) -> None:
    path = directory / random.choice(["config.json", "vocab.txt", PICKLE])
    path.unlink()
    kind = random.randrange(6)
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
def test_a_broken_checkpoint_loads_or_is_refused(mutation: Mutation, fuzz: Fuzz, sound: Path, tmp_path: Path) -> None:
    directory = tmp_path / "broken"
    refused = []

    def make(random: Random) -> Path:
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(sound, directory)
        mutation(random, directory)
        return directory

    def call(broken: Path) -> None:
        for plan in (plain_plan, lean_plan, stock_plan):
            try:
                plan(broken, device="cpu", start="stock").load().extract("华为九元", {"价格": None})
            except (CheckpointError, NonFiniteError) as error:
                refused.append(said := str(error))
                assert len(said) <= LONGEST
                assert said.isprintable()
        assert not (broken / "touched").exists()

    fuzz(MUTATIONS[mutation], make, call, refusal=())
    clear()
    assert refused
