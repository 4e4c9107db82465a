"""The functions of queries over the event log: those that give the same every time, and what to use in place of the others.

The scalar functions are those of :mod:`tagcast.features.ingest.sql_allow_list`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from tagcast.features.core.messages import Message, Text, listed, msg

AGGREGATES: Mapping[str, type[exp.Expr]] = {
    "count": exp.Count, "count_if": exp.CountIf, "sum": exp.Sum, "avg": exp.Avg, "min": exp.Min, "max": exp.Max,
    "median": exp.Median, "quantile_cont": exp.PercentileCont, "quantile_disc": exp.PercentileDisc,
    "bool_and": exp.LogicalAnd, "bool_or": exp.LogicalOr,
}  # fmt: skip
"""Aggregates that give the same bits in any order of the rows, on any number of threads."""
EXACT = (exp.Sum, exp.Avg)
"""Those of them that do so of whole numbers and DECIMAL alone."""
OF_PEERS: Mapping[str, type[exp.Expr]] = {
    "rank": exp.Rank, "dense_rank": exp.DenseRank, "percent_rank": exp.PercentRank, "cume_dist": exp.CumeDist,
}  # fmt: skip
"""Functions of windows for which rows that ORDER BY does not tell apart are one."""
OF_ROWS: Mapping[str, type[exp.Expr]] = {
    "row_number": exp.RowNumber, "lag": exp.Lag, "lead": exp.Lead, "ntile": exp.Ntile,
}  # fmt: skip
"""Functions of windows that count rows one by one, whatever the frame is."""
OF_FRAMES: Mapping[str, type[exp.Expr]] = {
    "first_value": exp.FirstValue, "last_value": exp.LastValue, "nth_value": exp.NthValue,
}  # fmt: skip
"""Functions of windows that take one row of the frame."""
SCALARS: Mapping[str, type[exp.Expr]] = {"sqrt": exp.Sqrt, "ln": exp.Ln, "sign": exp.Sign}
"""What queries may use beside the scalar functions of expressions; of numbers that have none, they are unknown."""

SAME_IN_SPARK = frozenset({
    *AGGREGATES, *OF_PEERS, *OF_ROWS, *OF_FRAMES, "abs", "round", "floor", "ceil", "coalesce", "nullif", "greatest", "least",
    "lower", "upper", "trim", "concat", "length", "replace", "year", "month", "day", "quarter", "last_day", "sqrt", "ln", "sign",
}) - {"quantile_cont", "quantile_disc", "median"}  # fmt: skip
"""Functions whose name and meaning are Spark SQL's too: a query of these alone will run there as it stands.

Quantiles of DECIMAL are DECIMAL in DuckDB and DOUBLE in Spark; ``date_diff`` takes other arguments there, and is to be translated.
"""

_AS_OF = msg("use as_of, the day of the snapshot")
_ROWS = msg("the order of two rows of one moment is chance: count, or take min or max")
_LAST = msg(
    "of equal rows one is taken by chance: use min or max, number the rows "
    "(QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY event_time DESC) = 1), or declare first or last in a view of aggregates"
)
_SPREAD = msg(
    "its last bits depend on the order of the rows: write sqrt(avg(x * x) - avg(x) * avg(x)) of whole numbers or DECIMAL"
)
_SUM = msg("its last bits depend on the order of the rows: use sum or avg of whole numbers or DECIMAL")
_QUANTILE = msg("use quantile_cont or median, which are exact")
_CHANCE = msg("a feature has to be the same in every run: leave chance out")

_REFUSED: Mapping[str, Message] = {
    **dict.fromkeys(
        ("now", "current_date", "current_timestamp", "current_time", "today", "get_current_timestamp", "get_current_time",
         "transaction_timestamp", "localtime", "localtimestamp", "current_localtimestamp", "current_localtime"), _AS_OF),
    **dict.fromkeys(("random", "rand", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "setseed", "nextval"), _CHANCE),
    **dict.fromkeys(
        ("any_value", "first", "last", "arbitrary", "arg_min", "arg_max", "argmin", "argmax", "min_by", "max_by", "mode",
         "arg_min_null", "arg_max_null"), _LAST),
    **dict.fromkeys(
        ("array_agg", "list", "string_agg", "group_concat", "listagg", "histogram", "map_from_entries"), _ROWS),
    **dict.fromkeys(
        ("stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "variance_pop", "sem", "skewness", "kurtosis",
         "kurtosis_pop", "corr", "covar_pop", "covar_samp"), _SPREAD),
    **dict.fromkeys(("fsum", "sumkahan", "kahan_sum", "favg", "product", "geomean", "geometric_mean", "entropy"), _SUM),
    **dict.fromkeys(("approx_quantile", "reservoir_quantile", "mad"), _QUANTILE),
    **dict.fromkeys(("approx_count_distinct", "approx_distinct"), msg("use count(DISTINCT …), which is exact")),
}  # fmt: skip


def names_of(node: exp.Expr) -> tuple[str, ...]:
    """Return what a call may be known by, in lower case."""
    if isinstance(node, exp.Anonymous):
        return (str(node.this).lower(),)
    return tuple(name.lower() for name in type(node).sql_names()) if isinstance(node, exp.Func) else ()


def instead_of(node: exp.Expr) -> Text:
    """Return what to use in place of something that a query must not hold."""
    for name in names_of(node):
        if name in _REFUSED:
            return _REFUSED[name]
        if name.startswith("regr_"):
            return _SPREAD
    return msg(
        "use columns, literals, operators, CASE, CAST, plain text, number and date functions, the aggregates {aggregates}, and the "
        "functions of windows {windows}",
        aggregates=listed(AGGREGATES),
        windows=listed([*OF_PEERS, *OF_ROWS, *OF_FRAMES]),
    )
