"""From rows to tasks, and what is told of bad ones before anything starts."""

import json
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from csgaussian_ns.core.asked import CODERS
from csgaussian_ns.core.errors import ConfigError, CsgError, DataError
from csgaussian_ns.fleet.commands import step_of
from csgaussian_ns.fleet.options import Options
from csgaussian_ns.fleet.plan import Plan, shard_of, stages_of
from csgaussian_ns.fleet.task import STAGES, Task
from tests.fleet.quick_steps import put_capture

KNOWN = ("--pipeline.model.lambda-rate", "--pipeline.model.plan", "--max-num-iterations", "--a.sh", "--b.sh")


def ask(question: Any) -> dict[str, Any]:
    """As ``ns.options``, of one method."""
    if question["method"] != "csgaussian-lite":
        return {"methods": ["csgaussian-lite", "nerfacto"]}
    if question["arguments"] is None:
        return {"options": list(KNOWN)}
    if question.get("rate") == 9:
        return {"error": "lambda 9 lies outside of 0.002..0.016"}
    return {"error": "could not convert string to float: 'much'" if "much" in question["arguments"] else None}


def test_a_row_of_each_kind_of_file(write_manifest, plan_of, tmp_path: Path):
    write_manifest({"lambda-rate": 0.004, "target-size": "1MB", "name": "a"}, {"output": "b", "flag": True})
    (tmp_path / "scenes.csv").write_text(
        "data,name,lambda-rate,target-size,output,flag\ndata,a,0.004,1MB,,\ndata,,,,b,true\n"
    )
    (tmp_path / "scenes.yaml").write_text(
        "defaults: {data: data}\nrows:\n- {name: a, lambda-rate: 0.004, target-size: 1MB}\n- {output: b, flag: true}\n"
    )
    plans = [plan_of(tmp_path / f"scenes.{ending}") for ending in ("jsonl", "csv", "yaml")]
    tasks = [list(plan.tasks()) for plan in plans]
    assert tasks[0] == tasks[1] == tasks[2] and len({task.key for task in tasks[0]}) == 2
    first, second = tasks[0]
    assert (first.name, first.options, first.export) == ("a", {"lambda-rate": 0.004}, {"target-size": "1MB"})
    assert second.output == str(tmp_path / "out" / "b") and second.options == {"flag": True}
    assert first.data == str(tmp_path / "data") and Task.of(json.loads(json.dumps(first.facts()))) == first


def test_sweeps_expand(write_manifest, plan_of):
    path = write_manifest({"lambda-rate": [0.002, 0.004], "target-size": ["1MB", "2MB"], "widths": [[1, 2]]})
    tasks = list(plan_of(path).tasks())
    assert [task.name for task in tasks] == [
        f"data-lambda-rate={rate}-target-size={size}" for rate in (0.002, 0.004) for size in ("1MB", "2MB")
    ]
    assert len({task.key for task in tasks}) == 4 and tasks[0].options["widths"] == (1, 2)
    assert Task.of(json.loads(json.dumps(tasks[0].facts()))) == tasks[0]


def test_the_key_is_of_what_the_result_depends_on(write_manifest, plan_of):
    path = write_manifest({"name": "a", "x": 1}, {"name": "b", "x": 1}, {"name": "c", "x": 2})
    keys = [task.key for task in plan_of(path).tasks()]
    assert keys[0] == keys[1] != keys[2]
    assert next(task.key for task in plan_of(path, ("train",)).tasks()) != keys[0]


def test_shards_share_all_tasks(write_manifest, plan_of):
    path = write_manifest(*({"name": f"s{number}"} for number in range(40)))
    parts = [{task.name for task in plan_of(path, shard=(number, 3)).tasks()} for number in range(3)]
    assert all(parts) and sum(map(len, parts)) == 40 and len(set.union(*parts)) == 40
    assert sum(plan_of(path, shard=(number, 3)).check() for number in range(3)) == 40
    more = write_manifest(*({"name": f"s{number}"} for number in range(50)))
    again = {task.name for task in plan_of(more, shard=(1, 3)).tasks()}
    assert parts[1] <= again, "a row stays in its shard when others are added"


def test_options_get_their_full_names(write_manifest, plan_of):
    path = write_manifest({"lambda_rate": 0.01, "--max-num-iterations": 9, "options": {"plan": "quick"}})
    (task,) = plan_of(path, options=Options(ask)).tasks()
    assert task.options == {
        "pipeline.model.lambda-rate": 0.01, "max-num-iterations": 9, "pipeline.model.plan": "quick"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"data": None}, r"row 2: expected data, as every row has it.*got .*data"),
        ({"data": 3}, "row 2: expected data to be a path or an address, got 3"),
        ({"data": "nowhere"}, "row 2: there is no /.*nowhere; paths are relative to the manifest"),
        ({"name": "first"}, "row 2: the output .*/first' is that of an earlier row, too"),
        ({"output": "first", "name": "x"}, "row 2: the output .*/first' is that of an earlier row"),
        ({"lamda-rate": 1}, "row 2: csgaussian-lite has no option 'lamda-rate'; did you mean lambda-rate?"),
        ({"targetsize": 1}, "row 2: .* no option 'targetsize'; did you mean target-size?"),
        ({"pipeline.model.lamda-rate": 1}, "row 2: .*; did you mean pipeline.model.lambda-rate?"),
        ({"sh": 1}, "row 2: several options of csgaussian-lite end in sh; expected one of a.sh, b.sh"),
        ({"method": "csgaussian-light"}, "row 2: there is no method 'csgaussian-light'; did you mean csgaussian-lite?"),
        ({"lambda-rate": "much"}, "row 2: csgaussian-lite cannot take --pipeline.model.lambda-rate much: could not"),
        ({"lambda-rate": []}, "row 2: pipeline.model.lambda-rate: expected values, got an empty list"),
        ({"lambda-rate": {"a": 1}}, "row 2: pipeline.model.lambda-rate: expected a text, a number"),
        ({"lambda-rate": [1, 1]}, "row 2: pipeline.model.lambda-rate: a value is given twice"),
        ({"target-size": "big"}, "row 2: target-size 'big': expected a size"),
        ({"target-psnr": "high"}, "row 2: expected target-psnr to be a number, got 'high'"),
        ({"options": 3}, "row 2: expected options to be names with values, got 3"),
        ({"options": {"plan": "x"}, "plan": "y"}, "row 2: plan is given twice, beside options and in them"),
        ({"name": "n" * 300}, "row 2: expected a name of at most 200 letters, got 300"),
        ({"outptu": "x"}, "row 2: .* no option 'outptu'; did you mean output?"),
        ({"output": "first/run", "name": "x"}, "row 2: the output .* lies in that of an earlier row; give each row"),
        ({"output": "first/", "name": "x"}, "row 2: the output .* is that of an earlier row, too"),
        ({"output": ".", "name": "x"}, "row 2: the output .* holds the batch, or that of an earlier row"),
        ({"name": "survey"}, "row 2: survey in .*out is the batch's own; choose another name or output"),
        ({"output": "results.jsonl/x"}, "row 2: results.jsonl in .* is the batch's own"),
        ({"data": "empty"}, "row 2: .*empty is no capture; expected a folder with transforms.json, "),
        ({"data": "odd"}, "row 2: .*transforms.json: expected a transforms.json of nerfstudio; it has no list"),
        ({"data": "bare"}, "row 2: .*the first photo, .*images/a.png, does not exist; restore the photos"),
        ({"data": "blender"}, "row 2: .*blender holds no transforms.json, which training reads"),
        ({"data": "nothing://bucket/x"}, "row 2: nothing://bucket/x: .*nothing"),
        ({"data": "memory://x"}, "row 2: memory://x: that is the memory of one process"),
        ({"data": "local:///nowhere/at/all"}, "row 2: there is no local:///nowhere/at/all"),
        ({"output": "memory://x/y"}, "row 2: memory://x/y: that is the memory of one process"),
        ({"name": ["a", "b"]}, "row 2: expected name to be a text, got"),
        ({"step-scale": -3}, r"row 2: the step scale is -3; expected 1 \(as trained\) to 4"),
        ({"step-scale": True}, "row 2: expected step-scale to be a number, got True"),
        ({"target-psnr": -1}, "row 2: target-psnr -1: expected decibels above 0"),
        ({"target-psnr": 30, "target-size": "1MB"}, "row 2: target-size 1MB and target-psnr 30: each says how large"),
        ({"coder": "zip"}, "row 2: expected coder to be one of rans, torchac, got 'zip'"),
        ({"text-weights": "none.pt"}, "row 2: text-weights: there is no file /.*/none.pt; paths are relative"),
        ({"lpips-weights": "none.pt"}, "row 2: lpips-weights: there is no file /.*/none.pt; paths are relative"),
        ({"lambda-rate-of-file": 0}, "row 2: expected lambda-rate-of-file to be above 0, got 0"),
        ({"lambda-rate-of-file": 9}, "row 2: csgaussian-lite cannot take lambda-rate-of-file 9: lambda 9 lies outside"),
        ({"output-dir": "x"}, "row 2: the option output-dir is decided by the batch; leave it out"),
    ],
)
def test_a_row_that_cannot_be(write_manifest, plan_of, tmp_path: Path, row: dict, told: str):
    (tmp_path / "empty").mkdir()
    (put_capture(tmp_path / "odd") / "transforms.json").write_text("{}")
    (put_capture(tmp_path / "bare") / "images/a.png").unlink()
    (tmp_path / "blender").mkdir()
    (tmp_path / "blender/transforms_train.json").write_text("{}")
    path = write_manifest({"name": "first"}, row)
    with pytest.raises(CsgError, match=told):
        plan_of(path, options=Options(ask)).check()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", "", "expected a manifest that ends in .jsonl, .csv, .yaml or .yml"),
        ("a.jsonl", "", "expected at least one row, got none"),
        ("a.jsonl", '{"data": "."}\n{"data"\n', "line 2: expected a JSON object"),
        ("a.jsonl", "[1]\n", "row 1: expected names with values"),
        ("a.csv", "data,b\nx,y,z\n", "row 1: expected as many cells"),
        ("a.yaml", "rows: 3\n", "expected a list of rows"),
        ("a.yaml", "- [\n", "expected YAML"),
        ("a.yaml", "defaults: {options: 3}\nrows: [{data: x}]\n", "defaults: expected options to be names with values"),
        ("a.yaml", "- {data: x, options: 3}\n", "row 1: expected options to be names with values, got 3"),
        ("a.yaml", "- {data: x, options: {1: 2}}\n", "row 1: expected options to be names with values, got {1: 2}"),
        ("a.yaml", "{1: 2, a: 3}\n", "expected a list of rows, or defaults and rows, got ['1', 'a']"),
        ("a.yaml", "- {1: 2, data: x}\n", "row 1: expected names with values, got {1: 2"),
        ("a.yaml", "- data: 2026-02-31\n", "expected YAML (day is out of range"),
        ("a.csv", "data\n\0\n", "a.csv, row 1: "),
        ("a.csv", f"data\n{'x' * 140_000}\n", "row 1: expected a table of texts (field larger"),
        ("a.jsonl", f"{'[' * 100_000}\n", "line 1: expected a JSON object"),
        ("a.yaml", "all: []\n", "expected a list of rows, or defaults and rows, got"),
    ],
)
def test_a_file_that_is_no_manifest(plan_of, tmp_path: Path, name: str, content: str, told: str):
    put_capture(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises((ConfigError, DataError), match=re.escape(told)):
        plan_of(tmp_path / name).check()


def test_words_of_the_command_line():
    assert stages_of("train, export") == ("train", "export") and shard_of("3/4") == (3, 4)
    for text in ("", "evaluate,train", "train,evaluate", "cook"):
        with pytest.raises(ConfigError, match="--run"):
            stages_of(text)
    for text in ("4/4", "1", "-1/4", "a/b", "0/0"):
        with pytest.raises(ConfigError, match="--shard"):
            shard_of(text)


def test_stages_that_need_something_else(write_manifest, plan_of):
    with pytest.raises(DataError, match=r"row 1: expected config, as --run export,evaluate needs a run's config.yml"):
        plan_of(write_manifest({}), ("export", "evaluate")).check()
    with pytest.raises(DataError, match="row 1: expected file, as --run evaluate needs a scene"):
        plan_of(write_manifest({}), ("evaluate",)).check()


def peak(rows: int, plan_of: Callable[..., Plan], tmp_path: Path) -> int:
    path = tmp_path / f"{rows}.jsonl"
    with open(path, "w") as file:
        for number in range(rows):
            file.write(json.dumps({"data": "data", "name": f"scene_{number:06d}", "lambda-rate": 0.004}) + "\n")
    tracemalloc.start()
    try:
        assert plan_of(path).check() == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)  # every call is checked, and every allocation traced
def test_checking_ten_thousand_rows_takes_no_more_memory_than_ten(plan_of, tmp_path: Path):
    put_capture(tmp_path / "data")
    few, many = peak(10, plan_of, tmp_path), peak(10_000, plan_of, tmp_path)
    assert many - few < 3_000_000, (few, many)


def test_captures_that_are_fine(write_manifest, plan_of, tmp_path: Path):
    """Photos of which only smaller copies are there; folders of others; and what is measured may be of any kind."""
    data = put_capture(tmp_path / "small", "a[1]", "b")
    (data / "images").rename(data / "images_2")
    (tmp_path / "blender").mkdir()
    (tmp_path / "blender/transforms_train.json").write_text("{}")
    (tmp_path / "odd").mkdir()
    assert plan_of(write_manifest({"data": "small"}, {"data": "small/transforms.json", "name": "b"})).check() == 2
    assert plan_of(write_manifest({"data": "odd", "method": "nerfacto"}), ("train",)).check() == 1
    evaluated = {"file": "small/transforms.json"}
    rows = ({"data": "blender", **evaluated}, {"data": f"local://{tmp_path}/blender", "name": "far", **evaluated})
    assert plan_of(write_manifest(*rows), ("evaluate",)).check() == 2
    with pytest.raises(DataError, match=r"row 1: local://.*/blender is no capture; expected a folder with transforms"):
        plan_of(write_manifest({"data": f"local://{tmp_path}/blender"})).check()


def test_a_folder_may_be_called_7(plan_of, tmp_path: Path):
    put_capture(tmp_path / "7")
    (tmp_path / "a.csv").write_text("data,name,x\n7,1e3,1e3\n")
    plan = plan_of(tmp_path / "a.csv")
    [task] = plan.tasks()
    assert plan.check() == 1 and (task.data, task.name, task.options) == (str(tmp_path / "7"), "1e3", {"x": 1000.0})


def test_what_a_row_says_counts_before_defaults(plan_of, tmp_path: Path):
    put_capture(tmp_path / "data")
    (tmp_path / "a.yaml").write_text(
        "defaults: {data: data, y: 1, options: {x: 1, z: 1}}\n"
        "rows:\n- {name: a}\n- {name: b, x: 2}\n- {name: c, options: {y: 3, z: 3}}\n"
    )
    found = {task.name: task.options for task in plan_of(tmp_path / "a.yaml").tasks()}
    assert found == {"a": {"x": 1, "y": 1, "z": 1}, "b": {"x": 2, "y": 1, "z": 1}, "c": {"x": 1, "y": 3, "z": 3}}


def test_outputs_at_addresses_are_told_apart(write_manifest, plan_of):
    for first, second in (
        ("s3://b/hall", "s3://b/hall/"),
        ("s3://b/hall", "s3://b//hall/x"),
        ("S3://b/x/y", "s3://b/x"),
    ):
        path = write_manifest({"name": "a", "output": first}, {"name": "b", "output": second})
        with pytest.raises(DataError, match="row 2: the output 's3://b/"):
            plan_of(path).check()
    path = write_manifest({"name": "a", "output": "s3://b/hall"}, {"name": "b", "output": "s3://b/hallway"})
    assert plan_of(path).check() == 2


def test_options_of_the_evaluation_go_to_it_alone(write_manifest, plan_of, tmp_path: Path):
    [task] = plan_of(write_manifest({"lpips-weights": "lpips.pt", "step-scale": 2})).tasks()
    commands = {stage: step_of(stage, task, tmp_path).command for stage in STAGES}
    found = {stage for stage, words in commands.items() if str(tmp_path / "lpips.pt") in words}
    assert found == {"evaluate"} and "--step-scale" in commands["export"] and "--step-scale" not in commands["evaluate"]


def test_coders_are_those_of_the_export():
    options = pytest.importorskip("csgaussian_ns.ns.export", reason="needs nerfstudio")
    [coder] = [field for field in fields(options.ExportCsgBitstream) if field.name == "coder"]
    assert get_args(coder.type) == CODERS


def test_without_training_options_are_checked_where_there_are_some(write_manifest, plan_of):
    def refuse(question: Any) -> dict[str, Any]:
        raise AssertionError("nobody has to be asked")

    evaluate = ("evaluate",)
    path = write_manifest({"file": "data/transforms.json"})
    assert plan_of(path, evaluate, options=Options(refuse, evaluate)).check() == 1
    path = write_manifest({"file": "data/transforms.json", "lamda-rate": 1})
    with pytest.raises(DataError, match=r"row 1: .* no option 'lamda-rate'; did you mean lambda-rate\?"):
        plan_of(path, evaluate, options=Options(ask, evaluate)).check()


def test_a_method_that_no_file_can_be_made_of(write_manifest, plan_of):
    def ask_nerfacto(question: Any) -> dict[str, Any]:
        return {"options": [], "csg": False} if question["arguments"] is None else {"error": None}

    path = write_manifest({"method": "nerfacto"})
    with pytest.raises(DataError, match=r"row 1: no \.csg file can be made of runs of nerfacto"):
        plan_of(path, options=Options(ask_nerfacto)).check()
    train = ("train",)
    assert plan_of(path, train, options=Options(ask_nerfacto, train)).check() == 1
