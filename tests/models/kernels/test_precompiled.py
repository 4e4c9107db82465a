"""Kernels compiled ahead of time: an environment that was built holds all machine code that forests need."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest

from tagcast.models.kernels.forest_kernel import ForestKernel
from tagcast.models.kernels.lightgbm_parser import parse_forest
from tagcast.models.kernels.path_attribution import ForestPaths
from tagcast.models.kernels.precompiled import precompile, signatures
from tagcast.models.kernels.threshold_ranks import Encoding


def compiled_so_far() -> dict[str, set[object]]:
    return {kernel.py_func.__qualname__: set(kernel.signatures) for kernel, _ in signatures()}


@pytest.mark.parametrize(("bins", "kind"), [(63, np.uint8), (1023, np.uint16)])
def test_forests_compile_nothing_more(bins, kind) -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3000, 3))
    y = (X.sum(axis=1) + rng.standard_normal(3000) > 0).astype(int)
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "max_bin": bins, "num_leaves": 63}
    text = lgb.train({**params, "min_data_in_leaf": 5}, lgb.Dataset(X, y), 40).model_to_string()
    precompile()
    before = compiled_so_far()
    trees, columns = parse_forest(text), range(3)
    encoding = Encoding.over([(trees, columns)])
    codes, out = encoding.encode(X), np.zeros(X.shape)
    kernel = ForestKernel.pack(trees, columns, encoding)
    assert codes.dtype == kind
    assert np.isfinite(kernel.raw(codes)).all()
    ForestPaths.of(kernel, encoding).add_to(out, codes)
    assert out.any()
    assert compiled_so_far() == before
