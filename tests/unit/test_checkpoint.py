from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from harness import Extractor
from harness.baseline.checkpoint import Checkpoint
from harness.baseline.config import read_config_by_transformers
from harness.baseline.loading import LoadPlan, plain_plan, stock_plan
from harness.baseline.tokenize import from_transformers
from harness.embedded.checkpoints import as_safetensors, embedded, find_checkpoint
from harness.errors import CheckpointError, InputError, PlatformError

WEIGHTS = "pytorch_model.bin"
TEXT, SCHEMA = "屏幕细腻，手感一般，快递太慢，不过客服态度很好。", {"属性词": {"情感词": None}}
HEAD = "plm.encoder.layer.0.output.dense.weight"
Plan = Callable[..., LoadPlan]
each_plan = pytest.mark.parametrize("plan", [plain_plan, stock_plan])


@pytest.fixture
def copy(golden: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(golden, tmp_path / "checkpoint"))


def load(plan: Plan, directory: Path) -> Extractor:
    return plan(directory, device="cpu", start="stock").load()


def change_weights(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    weights = torch.load(directory / WEIGHTS, weights_only=True)
    change(weights)
    torch.save(weights, directory / WEIGHTS)


def change_config(directory: Path, **values: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_a_missing_directory_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"'/nowhere/model' does not exist.*checkpoints\.find_checkpoint\(NAME\)"):
        Extractor.load("/nowhere/model")


def test_a_file_is_no_checkpoint_directory(golden: Path) -> None:
    with pytest.raises(CheckpointError, match=r"vocab\.txt' does not exist"):
        Extractor.load(golden / "vocab.txt")


@pytest.mark.parametrize(
    ("file", "message"), [("config.json", "no config.json"), ("vocab.txt", "no vocab.txt"), (WEIGHTS, "no weights")]
)
def test_an_incomplete_directory_is_refused_with_what_is_missing(copy: Path, file: str, message: str) -> None:
    (copy / file).unlink()
    with pytest.raises(CheckpointError, match=message):
        Extractor.load(copy)


@each_plan
@pytest.mark.parametrize("written", ["", "{", "[]", "\udcff"])
def test_a_configuration_that_is_no_object_is_refused(copy: Path, plan: Plan, written: str) -> None:
    (copy / "config.json").write_bytes(written.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load(plan, copy)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": None}, "config.json: missing or wrong value"),
        ({"num_attention_heads": "many"}, "config.json: missing or wrong value.*many"),
        ({"num_attention_heads": 5}, "hidden_size 32 is not a multiple of 5 heads"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"hidden_size": -32}, "hidden_size"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"num_hidden_layers": 7}, "num_hidden_layers = 7, the weights hold 6 tower .* 6 cross"),
    ],
)
def test_a_configuration_that_fits_no_model_is_refused(copy: Path, values: dict[str, Any], message: str) -> None:
    change_config(copy, **values)
    with pytest.raises(CheckpointError, match=message):
        Extractor.load(copy)


@each_plan
@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda vocabulary: vocabulary.replace(b"[CLS]\n", b"[CLX]\n"),
        lambda vocabulary: vocabulary.replace(b"[UNK]\n", b"[UNX]\n"),
        lambda vocabulary: b"\xff" + vocabulary,
        lambda vocabulary: vocabulary + "鿿\n".encode(),
    ],
    ids=["empty", "without [CLS]", "without [UNK]", "no UTF-8", "longer than the embedding"],
)
def test_a_vocabulary_that_fits_no_model_is_refused(copy: Path, plan: Plan, change: Callable[[bytes], bytes]) -> None:
    path = copy / "vocab.txt"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CheckpointError, match="vocab"):
        load(plan, copy)


@each_plan
def test_a_plain_bert_is_no_siamese_uie(copy: Path, plan: Plan) -> None:
    def to_bert(weights: dict[str, Tensor]) -> None:
        for name in list(weights):
            value = weights.pop(name)
            if name.startswith("plm."):
                weights[name.replace("plm.", "bert.")] = value

    change_weights(copy, to_bert)
    with pytest.raises(CheckpointError, match=r"is not a SiameseUIE: its weights have no crossattention.layer"):
        load(plan, copy)


@each_plan
def test_a_missing_weight_is_named_and_never_left_random(copy: Path, plan: Plan) -> None:
    change_weights(copy, lambda weights: weights.pop(HEAD))
    with pytest.raises(CheckpointError, match=f"1 missing: {HEAD}$"):
        load(plan, copy)


@each_plan
def test_a_misnamed_weight_is_named_both_ways(copy: Path, plan: Plan) -> None:
    change_weights(copy, lambda weights: weights.update({f"{HEAD}s": weights.pop(HEAD)}))
    with pytest.raises(CheckpointError, match=f"1 missing: {HEAD}; 1 unexpected: {HEAD}s"):
        load(plan, copy)


@each_plan
def test_a_wrongly_shaped_weight_is_named_with_both_shapes(copy: Path, plan: Plan) -> None:
    change_weights(copy, lambda weights: weights.update({HEAD: weights[HEAD].T.contiguous()}))
    with pytest.raises(CheckpointError, match=rf"1 of the wrong shape: {HEAD} \(64, 32\) instead of \(32, 64\)"):
        load(plan, copy)


def test_many_missing_weights_are_counted(copy: Path) -> None:
    def drop(weights: dict[str, Tensor]) -> None:
        for name in [name for name in weights if name.startswith("plm.encoder.layer.3.")]:
            del weights[name]

    change_weights(copy, drop)
    with pytest.raises(CheckpointError, match=r"16 missing: (plm\S+, ){7}plm\S+ and 8 more"):
        Extractor.load(copy)


@each_plan
def test_what_the_published_checkpoints_hold_and_nothing_uses_is_passed_over(copy: Path, plan: Plan) -> None:
    unused = {"plm.pooler.dense.bias": torch.zeros(32), "plm.embeddings.position_ids": torch.arange(512)[None]}
    before = load(plan, copy).extract(TEXT, SCHEMA)
    change_weights(copy, lambda weights: weights.update(unused))
    assert load(plan, copy).extract(TEXT, SCHEMA) == before != []


@each_plan
@pytest.mark.parametrize("name", ["model.safetensors", "weights.safetensors"])
def test_safetensors_and_pickle_give_the_same_answers(copy: Path, plan: Plan, name: str) -> None:
    pickled = load(plan, copy)
    weights = torch.load(copy / WEIGHTS, weights_only=True)
    save_file({key: value.contiguous() for key, value in weights.items()}, copy / name)
    (copy / WEIGHTS).unlink()
    assert load(plan, copy).extract(TEXT, SCHEMA) == pickled.extract(TEXT, SCHEMA) != []


@pytest.mark.parametrize("name", [WEIGHTS, "model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 half a zip"])
def test_a_damaged_weights_file_is_named(copy: Path, name: str, content: bytes) -> None:
    (copy / WEIGHTS).unlink()
    (copy / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name} cannot be read as weights"):
        Extractor.load(copy)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, torch.zeros(2)])
def test_a_pickle_that_is_no_state_dict_is_refused(copy: Path, content: object) -> None:
    torch.save(content, copy / WEIGHTS)
    with pytest.raises(CheckpointError, match="is not a state dict"):
        Extractor.load(copy)


class Malice:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@each_plan
def test_a_pickle_that_would_run_code_is_refused_before_it_does(copy: Path, plan: Plan) -> None:
    torch.save({"weights": Malice(copy / "touched")}, copy / WEIGHTS)
    with pytest.raises(CheckpointError, match="cannot be read as weights"):
        load(plan, copy)
    assert not (copy / "touched").exists()


def test_an_unknown_start_names_the_near_one(golden: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'baseline'"):
        Extractor.load(golden, start="base-line")


@pytest.mark.parametrize("device", ["gpu", "", "cpu:x", "mps", "meta"])
def test_a_device_that_is_none_is_refused(golden: Path, device: str) -> None:
    with pytest.raises(PlatformError, match="use cpu, cuda or cuda:N"):
        Extractor.load(golden, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_cuda_without_a_device_says_so(golden: Path) -> None:
    with pytest.raises(PlatformError, match="sees no CUDA device"):
        Extractor.load(golden, device="cuda")


@each_plan
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_are_computed_in_fp32(copy: Path, plan: Plan, dtype: torch.dtype) -> None:
    change_weights(copy, lambda weights: weights.update({name: value.to(dtype) for name, value in weights.items()}))
    extractor = load(plan, copy)
    assert {value.dtype for value in extractor.model.parameters()} == {torch.float32}
    assert extractor.extract(TEXT, SCHEMA) != []


def test_a_users_directory_with_the_caches_name_keeps_its_weights_beside_another_model(
    golden: Path, tmp_path: Path
) -> None:
    mine, other = tmp_path / "modelscope", tmp_path / "safetensors"
    shutil.copytree(golden, mine)
    shutil.copytree(golden, other)
    change_weights(other, lambda weights: weights["head_clsf.bias"].add_(1))
    found, beside = (as_safetensors(Checkpoint.open(directory)) for directory in (mine, other))
    assert found.weights.suffix == beside.weights.suffix == ".safetensors"
    assert torch.equal(
        load(plain_plan, found.directory).model.head_clsf.bias, load(plain_plan, mine).model.head_clsf.bias
    )


def test_the_embedded_ones_are_not_converted_again() -> None:
    entry = embedded("mini")
    assert as_safetensors(Checkpoint.open(entry / "modelscope")).directory.samefile(entry / "safetensors")


def renamed(change: Callable[[str], str]) -> Callable[[dict[str, Any]], object]:
    def rename(weights: dict[str, Any]) -> None:
        for name in list(weights):
            value = weights.pop(name)
            weights[change(name)] = value

    return rename


def to_gamma_and_beta(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


VARIANTS = {
    "bert.": lambda name: name.replace("plm.", "bert."),
    "module.": lambda name: f"module.{name}",
    "gamma and beta": to_gamma_and_beta,
    "all": lambda name: f"module.{to_gamma_and_beta(name.replace('plm.', 'bert.'))}",
}


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_names_that_can_mean_one_thing_only_are_taken_for_it(copy: Path, change: Callable[[str], str]) -> None:
    before = load(plain_plan, copy).model.state_dict()
    change_weights(copy, renamed(change))
    for directory in (copy, as_safetensors(Checkpoint.open(copy)).directory):
        found = load(plain_plan, directory).model.state_dict()
        assert all(torch.equal(value, found[name]) for name, value in before.items())


@each_plan
def test_a_weight_under_two_names_is_refused_with_both(copy: Path, plan: Plan) -> None:
    twin = HEAD.replace("plm.", "bert.")
    change_weights(copy, lambda weights: weights.update({twin: weights[HEAD]}))
    with pytest.raises(CheckpointError, match=f"'{HEAD}' and '{twin}', which are the same weight"):
        load(plan, copy)


def test_a_configuration_without_a_model_type_is_a_bert_whatever_the_directory_is_called(
    golden: Path, tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(golden, tmp_path / "gpt2"))
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["model_type"]
    path.write_text(json.dumps(config), encoding="utf-8")
    stock, plain = (load(plan, directory).extract(TEXT, SCHEMA) for plan in (stock_plan, plain_plan))
    assert stock == plain != []


def test_a_configuration_may_begin_with_a_byte_order_mark(copy: Path) -> None:
    path = copy / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(plain_plan, copy).extract(TEXT, SCHEMA) == load(stock_plan, copy).extract(TEXT, SCHEMA) != []


EVIL = """
from pathlib import Path
Path(__file__).with_name("touched").touch()
class Config: pass
class Tokenizer: pass
"""


@pytest.fixture
def evil(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that brings code, and a user who says yes to everything."""
    (copy / "evil.py").write_text(EVIL)
    monkeypatch.setenv("HF_MODULES_CACHE", str(copy / "modules"))
    return copy


@pytest.mark.parametrize("answer", ["y\n", ""], ids=["yes", "no input"])
@pytest.mark.parametrize("model_type", ["evil", "bert"])
def test_code_that_a_checkpoint_brings_is_neither_run_nor_asked_about(
    evil: Path, model_type: str, answer: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    maps = {"AutoConfig": "evil.Config", "AutoTokenizer": ["evil.Tokenizer", None]}
    change_config(evil, model_type=model_type, auto_map=maps)
    (evil / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Tokenizer", "auto_map": maps}))
    for read in (
        lambda: load(stock_plan, evil),
        lambda: from_transformers(evil),
        lambda: model_type == "evil" and read_config_by_transformers(Checkpoint(evil, evil / WEIGHTS)),
    ):
        with suppress(CheckpointError):
            read()
    assert not list(evil.rglob("touched"))
    assert "[y/N]" not in "".join(capfd.readouterr())


def test_a_program_of_torchscript_is_no_weights_file(copy: Path) -> None:
    class Program(torch.nn.Module):
        def forward(self, one: Tensor) -> Tensor:
            return one

    torch.jit.save(torch.jit.script(Program()), copy / WEIGHTS)
    with pytest.raises(CheckpointError, match="cannot be read as weights"):
        Extractor.load(copy)


UNUSABLE: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "integer": (lambda one: one.long(), "is of int64, not float32, float16"),
    "complex": (lambda one: one.to(torch.complex64), "is of complex64"),
    "sparse": (lambda one: one.to_sparse(), "is sparse; save it dense"),
    "meta": (lambda one: one.to("meta"), "has a shape and no numbers"),
    "expanded": (lambda _: torch.zeros(1).expand(10**6, 10**6), "is an expanded view"),
    "NaN": (lambda one: one * float("nan"), "holds NaN or infinite numbers"),
    "infinite": (lambda one: one / 0, "holds NaN or infinite numbers"),
}


@each_plan
@pytest.mark.parametrize(("change", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_weights_that_cannot_be_computed_with_are_named(
    copy: Path, plan: Plan, change: Callable[[Tensor], Tensor], said: str
) -> None:
    change_weights(copy, lambda weights: weights.update({HEAD: change(weights[HEAD])}))
    for load_it in (lambda: load(plan, copy), lambda: as_safetensors(Checkpoint.open(copy))):
        expected = rf"{WEIGHTS} holds values that cannot be used as weights: {HEAD} {said}"
        with pytest.raises(CheckpointError, match=expected):
            load_it()


@pytest.mark.filterwarnings("ignore")  # torch calls its quantized tensors deprecated
def test_quantized_weights_are_named(copy: Path) -> None:
    change_weights(
        copy,
        lambda weights: weights.update({HEAD: torch.quantize_per_tensor(weights[HEAD], 0.1, 0, torch.qint8)}),
    )
    with pytest.raises(CheckpointError, match=f"{HEAD} is quantized; save the weights before quantization"):
        Extractor.load(copy)


def test_big_finite_weights_are_not_taken_for_infinite(copy: Path) -> None:
    change_weights(copy, lambda weights: weights.update({HEAD: torch.full_like(weights[HEAD], 3e38)}))
    Extractor.load(copy)


@each_plan
@pytest.mark.parametrize("key", [1, None, ("a", 1)], ids=str)
def test_a_key_that_is_not_a_string_is_named(copy: Path, plan: Plan, key: object) -> None:
    change_weights(copy, lambda weights: weights.update({key: weights.pop(HEAD)}))  # type: ignore[dict-item]
    with pytest.raises(CheckpointError, match="is not a name"):
        load(plan, copy)


def test_a_state_dict_inside_of_another_is_pointed_at(copy: Path) -> None:
    torch.save({"state_dict": torch.load(copy / WEIGHTS, weights_only=True)}, copy / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"'state_dict' is OrderedDict.*torch\.save\(loaded\['state_dict'\]"):
        Extractor.load(copy)


def test_a_compressed_zip_is_not_unpacked(copy: Path) -> None:
    path = copy / WEIGHTS
    with zipfile.ZipFile(path) as stored:
        entries = {name: stored.read(name) for name in stored.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in entries.items():
            packed.writestr(name, data)
    with pytest.raises(CheckpointError, match="it is a compressed zip"):
        Extractor.load(copy)


SIZES = ("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers")
OPTIONAL = ("max_position_embeddings", "type_vocab_size", "num_labels")


@pytest.mark.parametrize("name", [*SIZES, *OPTIONAL])
@pytest.mark.parametrize(
    "written",
    [
        "1e999",
        "NaN",
        "-1",
        "12.0",
        '"12"',
        "true",
        "null",
        "[]",
        "1" * 4000,
        "9" * 5000,
        "1000000000000",
        "[" * 100_000,
    ],
    ids=lambda written: written[:20],
)
def test_a_size_that_is_not_a_sensible_whole_number_is_refused(copy: Path, name: str, written: str) -> None:
    change_config(copy, **{name: "RAW"})
    path = copy / "config.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"RAW"', written), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json") as refused:
        Checkpoint.open(copy)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("eps", [float("inf"), float("nan"), 0, -1e-12, True, "1e-12", None, 10**400], ids=str)
def test_an_epsilon_that_is_not_a_small_number_is_refused(copy: Path, eps: object) -> None:
    change_config(copy, layer_norm_eps=eps)
    with pytest.raises(CheckpointError, match=r"layer_norm_eps is .*a number above 0"):
        Checkpoint.open(copy)


@pytest.mark.parametrize(("name", "size"), [("vocab_size", 10**7), ("hidden_size", 2**23)])
def test_no_memory_is_taken_for_sizes_that_the_weights_do_not_have(
    copy: Path, name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_config(copy, **{name: size})

    def filled(layer: torch.nn.Linear) -> None:
        assert layer.weight.is_meta

    monkeypatch.setattr(torch.nn.Linear, "reset_parameters", filled)
    for plan in (plain_plan, stock_plan):
        with pytest.raises(CheckpointError, match="of the wrong shape"):
            load(plan, copy)


@each_plan
@pytest.mark.parametrize("index", ["999999999", "9" * 5000, "٣"], ids=["many", "digits", "Arabic"])
def test_a_layer_of_an_absurd_number_is_refused(copy: Path, plan: Plan, index: str) -> None:
    change_weights(copy, lambda weights: weights.update({HEAD.replace("0", index, 1): weights[HEAD]}))
    with pytest.raises(CheckpointError, match=r"layers|unexpected"):
        load(plan, copy)


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", WEIGHTS])
def test_a_link_that_leads_nowhere_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    (copy / name).symlink_to("../blobs/gone")
    with pytest.raises(CheckpointError, match=rf"{name} is a link to \.\./blobs/gone, which does not exist"):
        Checkpoint.open(copy)


def test_a_directory_in_place_of_a_file_is_named(copy: Path) -> None:
    (copy / "vocab.txt").unlink()
    (copy / "vocab.txt").mkdir()
    with pytest.raises(CheckpointError, match=r"vocab\.txt is a directory"):
        Checkpoint.open(copy)


@pytest.mark.parametrize("index", ["model.safetensors.index.json", "pytorch_model.bin.index.json"])
def test_weights_in_parts_are_refused_with_what_to_do(copy: Path, index: str) -> None:
    (copy / WEIGHTS).unlink()
    (copy / index).write_text("{}")
    (copy / "model-00001-of-00002.safetensors").touch()
    with pytest.raises(CheckpointError, match=rf"in parts \({index}\).*max_shard_size"):
        Checkpoint.open(copy)


def test_of_several_files_of_weights_none_is_chosen(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    for name in ("a.safetensors", "b.safetensors"):
        (copy / name).touch()
    with pytest.raises(CheckpointError, match=r"a\.safetensors, b\.safetensors\); call one model\.safetensors"):
        Checkpoint.open(copy)


def test_a_name_that_no_file_system_takes_is_refused() -> None:
    for find in (Checkpoint.open, find_checkpoint):
        with pytest.raises((CheckpointError, InputError), match="cannot be read: File name too long"):
            find(f"{'x' * 5000}/y")
