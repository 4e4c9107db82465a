"""What models and gates say of themselves, in Chinese: patterns of their sentences, as :mod:`words_errors` has of errors."""

PATTERNS: tuple[tuple[str, str], ...] = (
    # Why a value is unknown.
    (r"confidence below (?P<a>.+)", "置信度低于 {a}"),
    (r"too little history", "历史数据太少"),
    (r"outside what training saw: (?P<a>.+)", "超出训练数据范围：{a}"),
    (r"unknown before, and confidence not clear of (?P<a>.+)", "此前未知，置信度未明显高于 {a}"),
    # Why a grade.
    (
        r"beats the base rate beyond chance \(log loss better by (?P<a>.+) to (?P<b>.+)\)",
        "显著优于基准率（对数损失改善 {a} 至 {b}）",
    ),
    (
        r"beats the RFM ranking beyond chance \(AUC better by (?P<a>.+) to (?P<b>.+)\)",
        "显著优于 RFM 排序（AUC 提高 {a} 至 {b}）",
    ),
    (r"its lead over the base rate may be chance \((?P<a>.+)\)", "相对基准率的优势可能出于偶然"),
    (r"its lead over the RFM ranking may be chance \((?P<a>.+)\)", "相对 RFM 排序的优势可能出于偶然"),
    (r"calibration error (?P<a>.+), at most (?P<b>.+)", "校准误差 {a}，上限 {b}"),
    (r"calibration error (?P<a>.+), above (?P<b>.+)", "校准误差 {a}，超过 {b}"),
    (r"calibration error (?P<a>.+), within the bound of (?P<b>.+)", "校准误差 {a}，在上限 {b} 之内"),
    (r"calibration error (?P<a>.+), outside the bound of (?P<b>.+)", "校准误差 {a}，超出上限 {b}"),
    (r"the promise is kept at every level of confidence", "各置信度水平的承诺均已兑现"),
    (r"the promise is broken: (?P<a>.+)", "承诺未兑现：{a}"),
    (r"the promise is missed, by no more than chance: (?P<a>.+)", "承诺略有偏差，属偶然范围：{a}"),
    (
        r"nothing is said with enough confidence, so no promise can be checked",
        "没有足够置信度的取值，无法检验承诺",
    ),
    (
        r"(?P<a>[\d,]+) true and (?P<b>[\d,]+) false outcomes to test on",
        "测试样本：应验 {a} 例，未应验 {b} 例",
    ),
    (
        r"only (?P<a>[\d,]+) true and (?P<b>[\d,]+) false outcomes to test on: (?P<c>.+)",
        "测试样本偏少：应验 {a} 例，未应验 {b} 例",
    ),
    (r"chosen out of time, on snapshots after those that it learned from", "以训练之后的快照做时间外选择"),
    (
        r"chosen and calibrated on groups of profiles, not out of time: (?P<a>.+)",
        "按客户分组而非时间外选择和校准",
    ),
    (r"this is the RFM ranking, not a trained model: C at best", "这是 RFM 排序而非训练模型：最高为 C"),
    (r"the gate refused it: (?P<a>.+)", "未通过检查：{a}"),
    (r"its log loss is no better than the base rate's", "对数损失不优于基准率"),
    # What the gate checked.
    (
        r"(?P<a>[\d,]+) true and (?P<b>[\d,]+) false outcomes to learn from, (?P<c>[\d,]+) and (?P<d>[\d,]+) to test on",
        "训练样本：应验 {a} 例，未应验 {b} 例；测试样本 {c} 例和 {d} 例",
    ),
    (
        r"strongest feature alone: (?P<a>.+) with AUC (?P<b>.+), up to (?P<c>.+)",
        "单个特征最强为 {a}，AUC {b}，上限 {c}",
    ),
    (
        r"without its last day no feature loses more than (?P<a>.+) of its power \((?P<b>.+)\)",
        "去掉最后一天，任何特征的效力损失不超过 {a}（{b}）",
    ),
    (r"no event and no value later than as_of; (?P<a>.+)", "没有晚于快照时刻的事件和取值"),
    (
        r"log loss (?P<a>.+) against (?P<b>.+) for the base rate: better by (?P<c>.+) \((?P<d>.+) to (?P<e>.+)\)",
        "对数损失 {a}，基准率 {b}：改善 {c}（{d} 至 {e}）",
    ),
    (
        r"AUC (?P<a>.+) against (?P<b>.+) for the RFM ranking: better by (?P<c>.+) \((?P<d>.+) to (?P<e>.+)\)",
        "AUC {a}，RFM 排序 {b}：提高 {c}（{d} 至 {e}）",
    ),
    (r"no champion yet", "尚无使用中的模型"),
    (r"no run yet", "尚无批次"),
    (r"passes every check", "通过全部检查"),
    (r"passes every check, with a warning: (?P<a>.+)", "通过全部检查，有一项警告：{a}"),
)
