"""Rivals of the forest kernel, in an environment of their own: ``python -m benchmarks.speed.kernel_rivals NAME FOLDER MODELS``.

lleaves needs an llvmlite that numba does not take, so nothing here imports tagcast.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import run_here

CHUNK = 32_768


def main() -> None:
    name, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    X = np.load(folder / "features.npy", mmap_mode="r")
    makers: dict[str, Callable[[Path], Callable[[Any], Any]]] = {
        "booster": booster,
        "lleaves": lleaves_model,
        "onnxruntime": onnx_session,
    }
    models = [makers[name](folder / f"model-{k}.txt") for k in range(count)]
    wanted = np.load(folder / "raw.npy")[: len(models)]
    found = [np.asarray(model(np.ascontiguousarray(X[:CHUNK])), float).ravel() for model in models]
    worst = max(float(np.abs(f - w[:CHUNK]).max()) for f, w in zip(found, wanted, strict=True))
    print(f"  {name}: largest difference from Booster {worst:.2g}", file=sys.stderr)

    def work() -> None:
        for start in range(0, len(X), CHUNK):
            part = np.ascontiguousarray(X[start : start + CHUNK])
            for model in models:
                model(part)

    run_here(work)


def booster(file: Path) -> Callable[[Any], Any]:
    import lightgbm

    model = lightgbm.Booster(model_file=str(file))
    return lambda part: model.predict(part, raw_score=True, num_threads=1)


def lleaves_model(file: Path) -> Callable[[Any], Any]:
    import lleaves

    model = lleaves.Model(model_file=str(file))
    model.compile(cache=str(file.with_suffix(".lleaves")), raw_score=True)
    return lambda part: model.predict(part, n_jobs=1)


def onnx_session(file: Path) -> Callable[[Any], Any]:
    import lightgbm
    import onnxruntime
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    cached = file.with_suffix(".onnx")
    if not cached.is_file():
        model = lightgbm.Booster(model_file=str(file))
        shape = FloatTensorType([None, model.num_feature()])
        # The margin of a regression is the raw score: the sigmoid is left to the others as well.
        model.params["objective"] = "regression"
        text = model.model_to_string().replace("objective=binary sigmoid:1", "objective=regression")
        plain = lightgbm.Booster(model_str=text)
        cached.write_bytes(convert_lightgbm(plain, initial_types=[("X", shape)]).SerializeToString())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(cached), options)
    return lambda part: session.run(None, {"X": part.astype(np.float32)})[0]


if __name__ == "__main__":
    main()
