"""The forest kernel beside its rivals: ``python -m benchmarks.speed.kernel [--quick]``.

Ten models of 300 trees with 31 leaves each over the same 60 features, and one of them; one thread each, so that CPU-seconds
are the trees' and not those of idle threads. The kernel's time holds the encoding. The answers are compared first.
Path attribution is held against SHAP values of the same model.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, measured
from benchmarks.speed.made_snapshots import QUICK_TREES, TREES
from benchmarks.timing import (
    Cost,
    Ratio,
    add_folder,
    alternate,
    cost_rows,
    print_costs,
    report,
    run_apart,
    run_here,
)

RIVALS_PYTHON = ".venv-rivals/bin/python"
CHUNK = 32_768
SHAP_SHARE = 100
"""SHAP takes so much longer that it explains one row for so many of path attribution's."""
RATIOS = {
    10: [
        Ratio("kernel", "booster", "lower", Bar("at most", 0.25)),
        Ratio("kernel", "lleaves", "lower", Bar("below", 1)),
        Ratio("kernel", "onnxruntime", "lower", Bar("below", 1)),
    ],
    1: [
        Ratio("kernel", "booster", "lower", Bar("at most", 0.35)),
        Ratio("kernel", "lleaves", "lower"),
        Ratio("kernel", "onnxruntime", "lower"),
    ],
}
"""By number of models."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 rows, small models, once, Booster alone")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repeats", type=int, default=5)
    add_folder(parser, "kernel")
    parser.add_argument(
        "--one", choices=("kernel", "paths", "shap"), help="run one of ours here and print its cost"
    )
    parser.add_argument("--models", type=int, default=10)
    options = parser.parse_args()
    if options.quick:
        options.rows, options.repeats = 20_000, 1
        options.folder = options.folder.with_name(f"{options.folder.name}-quick")
    if options.one:
        run_one(options.one, options.folder, options.models)
        return
    prepare(options.folder, options.rows, QUICK_TREES if options.quick else TREES)
    rivals = ["booster"]
    if not options.quick and Path(RIVALS_PYTHON).is_file():
        rivals += ["lleaves", "onnxruntime"]
    elif not options.quick:
        print("lleaves and onnxruntime are left out: make .venv-rivals first", file=sys.stderr)
    rows: list[Row] = []
    for count in (10, 1):
        costs = alternate(
            ["kernel", *rivals],
            options.repeats,
            lambda name, count=count: run(name, options.folder, count),
        )
        title = f"{count} models, {options.rows:,} rows, one thread"
        rows += report(f"{count} models", title, costs, ["kernel"], RATIOS[count])
    costs = alternate(["paths", "shap"], min(options.repeats, 3), lambda name: run(name, options.folder, 1))
    rows += reasons_rows(costs)
    write_result("kernel", vars(options), rows, now=datetime.now(UTC))


def reasons_rows(costs: Mapping[str, Sequence[Cost]]) -> list[Row]:
    """Print what reasons take by either method; return it as rows."""
    print("reasons of one model; SHAP on a hundredth of the rows")
    print_costs(costs)
    ratios = [p.cpu / (SHAP_SHARE * s.cpu) for p, s in zip(costs["paths"], costs["shap"], strict=True)]
    bar = Bar("at most", 0.02)
    print(
        f"paths / SHAP: cpu {np.median(ratios):.4f} ({min(ratios):.4f} to {max(ratios):.4f}) (bar: cpu {bar})"
    )
    ratio = measured("reasons: paths / SHAP CPU, equal rows", "ratio", ratios, "lower", bar)
    return [*cost_rows("reasons", costs, ["paths"]), ratio]


def run(name: str, folder: Path, count: int):
    if name in {"kernel", "paths", "shap"}:
        arguments = ["--one", name, "--folder", str(folder), "--models", str(count)]
        return run_apart("benchmarks.speed.kernel", arguments)
    python = RIVALS_PYTHON if Path(RIVALS_PYTHON).is_file() else sys.executable
    return run_apart("benchmarks.speed.kernel_rivals", [name, str(folder), str(count)], python)


def prepare(folder: Path, rows: int, trees: int) -> None:
    """Write the models, the features and the right answers, where they are not there yet."""
    from benchmarks.speed.made_snapshots import rows as drawn
    from benchmarks.speed.made_snapshots import stored_tags

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "features.npy"
    for k, tag in enumerate(stored_tags(folder, 10, trees=trees)):
        (folder / f"model-{k}.txt").write_text(tag.model.scorer.parts["forest"].text, encoding="utf-8")
    if not file.is_file() or len(np.load(file, mmap_mode="r")) != rows:
        X = np.vstack([drawn(k, min(100_000, rows - k * 100_000), 0) for k in range(-(-rows // 100_000))])
        np.save(file, X)
        raw = [booster_raw(folder / f"model-{k}.txt", X[:CHUNK]) for k in range(10)]
        np.save(folder / "raw.npy", np.array(raw))


def booster_raw(file: Path, X: np.ndarray) -> np.ndarray:
    import lightgbm

    answer = lightgbm.Booster(model_file=str(file)).predict(X, raw_score=True)
    return np.asarray(answer, np.float64)


def run_one(name: str, folder: Path, count: int) -> None:
    """Run one of ours and print its cost."""
    from benchmarks.speed.made_snapshots import stored_tags
    from tagcast.models.inference.engine import Engine, Member

    X = np.load(folder / "features.npy", mmap_mode="r")
    tags = stored_tags(folder, count)
    width = X.shape[1]
    engine = Engine([Member(t.model, None, tuple(range(width))) for t in tags], width, {})
    first = np.ascontiguousarray(X[:CHUNK])
    coded = engine.encode(first, {})
    for k, wanted in zip(range(count), np.load(folder / "raw.npy"), strict=False):
        found = engine.known(k, coded, None)["forest"]
        if not np.array_equal(found.view(np.int64), wanted.view(np.int64)):
            raise RuntimeError(f"the kernel differs from Booster on model {k}")
    if name == "paths":
        engine.paths(0, coded, np.arange(8))  # what is built once a run
    forest = tags[0].model.scorer.parts["forest"]

    def work() -> None:
        if name == "shap":
            forest.booster.predict(
                np.ascontiguousarray(X[: len(X) // SHAP_SHARE]), pred_contrib=True, num_threads=1
            )
            return
        for start in range(0, len(X), CHUNK):
            part = np.ascontiguousarray(X[start : start + CHUNK])
            coded = engine.encode(part, {})
            if name == "paths":
                engine.paths(0, coded, np.arange(len(part)))
                continue
            for k in range(count):
                engine.known(k, coded, None)

    run_here(work)


if __name__ == "__main__":
    main()
