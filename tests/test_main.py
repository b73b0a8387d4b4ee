"""The command line: train and record (data stl10 is tested in tests/data)."""

import contextlib
import io
import json
import random
import sys
from dataclasses import fields

import pytest
import torch._inductor.exc
from PIL import Image

from resnet_helpers import __main__ as command_line
from resnet_helpers.experiments import Recipe
from resnet_helpers.experiments.recordings import RECORDINGS


def test_the_full_notes_recipe_runs_end_to_end_on_a_few_images(tmp_path, capsys):
    folder = tmp_path / "out"
    arguments = ["--data", "sample", "--epochs", "1", "--limit", "4", "--out", str(folder)]
    command_line.main(["train", "--recipe", "notes", *arguments])
    settings = json.loads((folder / "history.json").read_text())["settings"]
    assert (settings["network"], settings["image_size"]) == ("resnet50", 224)
    assert "test accuracy" in capsys.readouterr().out


def test_a_readers_own_photographs_of_all_sizes_train_with_one_command(tmp_path):
    rng = random.Random(0)
    for k, name in enumerate(("cats", "dogs", "axolotls")):
        folder = tmp_path / "mine" / name
        folder.mkdir(parents=True)
        for i in range(20):
            size = (rng.randint(20, 60), rng.randint(20, 60))
            Image.new("RGB", size, (80 * k, 5 * i, 7 * i)).save(folder / f"{i}.png")
    with contextlib.chdir(tmp_path):
        command_line.main(["train", "--recipe", "smoke", "--data", "folder:mine"])
    card = (tmp_path / "trained" / "smoke-mine" / "README.md").read_text()
    assert "trained on folder:mine" in card and "(axolotls, cats, dogs)" in card


def test_each_setting_has_its_option_and_its_help(capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main(["train", "--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for field in fields(Recipe):
        assert f"--{field.name.replace('_', '-')}" in shown, field.name
    assert "let sgd's momentum look one step ahead" in shown
    assert "of the triangle schedule: the share of all steps" in shown


def test_settings_take_the_place_of_the_recipes(tmp_path):
    options = "--epochs 1 --limit 70 --no-flip --optimizer sgd --nesterov --precision bfloat16"
    arguments = ["train", "--recipe", "smoke", "--data", "sample", *options.split()]
    command_line.main([*arguments, "--out", str(tmp_path / "out")])
    settings = json.loads((tmp_path / "out" / "history.json").read_text())["settings"]
    assert (settings["epochs"], settings["limit"], settings["flip"]) == (1, 70, False)
    assert (settings["nesterov"], settings["precision"]) == (True, "bfloat16")
    assert settings["network"] == "cifar_resnet8"


def test_what_is_wrong_is_told_in_one_line(tmp_path, capsys):
    train = ["train", "--recipe", "smoke", "--data", "sample", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit, match=r"^error: epochs=0: expected at least 1$"):
        command_line.main([*train, "--epochs", "0"])
    with pytest.raises(SystemExit, match=r"^error: unknown recording 'huge': choose one of deg"):
        command_line.main(["record", "huge", "--data", "sample"])
    with pytest.raises(SystemExit):
        command_line.main([*train, "--precision", "float16"])
    assert "invalid choice: 'float16'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"^error: unknown data set '': choose 'sample'"):
        command_line.main(["train", "--recipe", "smoke", "--data", ""])


@pytest.mark.trouble("one file's fault")
def test_lack_of_memory_and_other_faults_of_the_machine_are_told_in_one_line(tmp_path, monkeypatch):
    train = ["train", "--recipe", "smoke", "--data", "sample", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(command_line, "load", lambda *_, **__: None)  # it fails before it trains
    unknown = "CUDA error: no kernel image is available for execution on the device\nCompile with"
    allocator = "[enforce fail at alloc_cpu.cpp:127] err == 0. can't allocate memory: you tried to"
    compiler = torch._inductor.exc.InvalidCxxCompiler()
    for error, told in (
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "CUDA out .*a smaller --batch-size"),
        (RuntimeError(allocator), "not enough memory .*a smaller --batch-size"),
        (MemoryError(), r"not enough memory \(MemoryError\): .*a smaller --batch-size"),
        (RuntimeError(unknown), "no kernel image is .* goes without a GPU by --device cpu"),
        (compiler, "torch.compile fails on this machine .*by --no-compile"),
        (RuntimeError("of any other kind\nin two lines"), "of any other kind"),
    ):

        def fail(*_, error=error, **__):
            raise error

        monkeypatch.setattr(command_line, "train_to_folder", fail)
        with pytest.raises(SystemExit, match=f"^error: .*{told}$") as ended:
            command_line.main(train)
        assert "\n" not in ended.value.code


@pytest.mark.trouble("paths and letters")
def test_where_the_terminal_knows_ascii_alone_nothing_fails(tmp_path, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    options = "--recipe smoke --epochs 1 --limit 40 --data sample"
    command_line.main(["train", *options.split(), "--out", str(tmp_path / "out")])
    out.flush()
    assert b"% \\xb1 " in out.buffer.getvalue()


def test_the_device_is_an_option_of_the_training_and_no_setting(tmp_path):
    options = "--recipe smoke --epochs 1 --limit 40 --data sample --device cpu"
    command_line.main(["train", *options.split(), "--out", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out" / "history.json").read_text())
    assert result["provenance"]["device"] == "cpu" and "device" not in result["settings"]


def test_record_lists_what_there_is_and_what_it_needs(capsys):
    command_line.main(["record", "--list"])
    lines = capsys.readouterr().out.splitlines()
    runs = sum(len(recording.runs) for recording in RECORDINGS.values())
    assert len(lines) == runs + len(RECORDINGS)
    assert "replay-sample: needs the sample set: --data sample" in lines
    assert "    plain-20-seed0: recorded" in lines
