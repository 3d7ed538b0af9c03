"""Run folders: round trips, crashes between writes, and what is said of a bad folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dgmlang.compiler.diagnostics.codes import runs as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.runtime import checkpoint, paths
from dgmlang.runtime.checkpoint import claim, load, restore, save
from tests.runtime import small

GOLDEN = Path(__file__).parent.parent / "golden" / "runs"
PARAMS = {"decoder": {"mlp": {"0": {"kernel": np.ones((2, 3), np.float32)}}}, "w": np.float32(2)}


def put(folder: Path, step: int = 1, params: Any = PARAMS) -> None:
    save(folder, {"program": "model M {}"}, {"step": step}, {"last": params})


def test_paths_are_the_programs_names() -> None:
    assert list(paths.named(PARAMS)) == ["decoder.mlp.0.kernel", "w"]
    assert paths.chosen(PARAMS, ["decoder.*"]) == {"decoder.mlp.0.kernel"}
    assert paths.chosen(PARAMS, ["w", "decoder"]) == {"decoder.mlp.0.kernel", "w"}


def test_round_trip(tmp_path: Path) -> None:
    state = {
        "chains": jnp.arange(6, dtype=jnp.int8).reshape(2, 3),
        "key": jax.random.key(3),
        "keys": jax.random.split(jax.random.key(4), 3),
        "moments": optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3)).init(PARAMS),
        "pair": (jnp.float32(1), [jnp.bool_(True)]),
        "nothing": {},
    }
    save(
        tmp_path / "a" / "run", {"hypers": {"d": 3}}, {"step": 7}, {"last": PARAMS, "state": state}
    )
    run = load(tmp_path / "a" / "run")
    assert (run.header, run.training) == ({"hypers": {"d": 3}}, {"step": 7})
    assert small.same(run.tree("last"), PARAMS)
    found = restore(state, run.parts["state"], "run")
    assert jax.tree.structure(found) == jax.tree.structure(state)
    assert small.same(found["chains"], state["chains"])
    assert small.same(found["moments"], jax.tree.map(jnp.asarray, state["moments"]))
    for name in ("key", "keys"):
        assert found[name].dtype == state[name].dtype
        bits, before = (jax.random.key_data(tree[name]) for tree in (found, state))
        assert np.array_equal(bits, before)


def test_only_two_files_stay(tmp_path: Path) -> None:
    for step in range(3):
        put(tmp_path, step)
        names = sorted(entry.name for entry in tmp_path.iterdir())
        assert len(names) == 2
        assert names[1] == "run.json"
    assert load(tmp_path).training["step"] == 2


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4, 5, 6])
def test_a_crash_at_any_write_leaves_one_whole_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """The n-th call that reaches the disk fails: what is there is the old run or the new one."""
    put(tmp_path, 1)
    calls = 0

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == dies_at:
                raise SystemExit("killed")
            return function(*args, **more)

        return call

    monkeypatch.setattr(os, "fsync", counting(os.fsync))
    monkeypatch.setattr(Path, "replace", counting(Path.replace))
    try:
        put(tmp_path, 2, {"w": np.float32(5)})
    except SystemExit:
        monkeypatch.undo()
    run = load(tmp_path)
    step = run.training["step"]
    assert step == (1 if dies_at <= 5 else 2)
    assert set(run.parts["last"]) == ({"decoder.mlp.0.kernel", "w"} if step == 1 else {"w"})


def test_a_claimed_folder_is_empty_or_a_run_to_replace(tmp_path: Path) -> None:
    claim(tmp_path / "new" / "deep")
    put(tmp_path / "old")
    claim(tmp_path / "old", replace=True)
    with pytest.raises(DgmError, match="another run"):
        claim(tmp_path / "old")


def no_folder(folder: Path) -> None:
    load(folder / "nowhere")


def foreign_folder(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    load(folder)


def foreign_json(folder: Path) -> None:
    (folder / "run.json").write_text("{}")
    load(folder)


def cut_json(folder: Path) -> None:
    put(folder)
    (folder / "run.json").write_bytes((folder / "run.json").read_bytes()[:40])
    load(folder)


def missing_arrays(folder: Path) -> None:
    put(folder)
    next(folder.glob("*.npz")).unlink()
    load(folder)


def cut_arrays(folder: Path) -> None:
    put(folder)
    file = next(folder.glob("*.npz"))
    file.write_bytes(file.read_bytes()[:-30])
    load(folder)


def changed_arrays(folder: Path) -> None:
    put(folder)
    file = next(folder.glob("*.npz"))
    content = bytearray(file.read_bytes())
    content[content.index(b"NUMPY") + 130] ^= 1
    file.write_bytes(bytes(content))
    load(folder)


def newer_schema(folder: Path) -> None:
    put(folder)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"schema": 99}))
    load(folder)


def pointing_outside(folder: Path) -> None:
    put(folder)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"arrays": "../other.npz"}))
    load(folder)


def a_file_in_the_way(folder: Path) -> None:
    (folder / "file").write_text("")
    put(folder / "file" / "run")


def claim_foreign(folder: Path) -> None:
    (folder / "thesis.tex").write_text("")
    claim(folder)


def other_tree(folder: Path) -> None:
    put(folder)
    restore({"w": np.zeros(3)}, load(folder).parts["last"], str(folder))


def occupied(folder: Path) -> None:
    put(folder)
    claim(folder)


def other_program(folder: Path) -> None:
    raise DgmError(codes.other_program("vae.dgm", str(folder)))


BAD = (
    no_folder, foreign_folder, foreign_json, cut_json, missing_arrays, cut_arrays, changed_arrays,
    newer_schema, pointing_outside, a_file_in_the_way, claim_foreign, occupied,
    other_program, other_tree,
)  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_message(
    case: Callable[[Path], None], tmp_path: Path, golden: Callable[[Path, str], None]
) -> None:
    with pytest.raises(DgmError) as raised:
        case(tmp_path)
    text = str(raised.value).replace(str(tmp_path), "FOLDER") + "\n"
    golden(GOLDEN / f"{case.__name__}.txt", text)


def test_every_code_has_a_case() -> None:
    used = "".join(path.read_text() for path in GOLDEN.glob("*.txt"))
    source = Path(codes.__file__).read_text()
    declared = {f"DGM06{n:02d}" for n in range(100) if f'"DGM06{n:02d}"' in source}
    assert {code for code in declared if code not in used} == set()


def test_nothing_is_pickled(tmp_path: Path) -> None:
    put(tmp_path)
    np.savez(next(tmp_path.glob("*.npz")), w=np.array([{}], object), allow_pickle=True)
    with pytest.raises(DgmError) as raised:
        load(tmp_path)
    assert raised.value.diagnostics[0].code == "DGM0603"
    assert checkpoint.SCHEMA == 1
