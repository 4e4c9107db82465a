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
    # What the gate checked. Whole reports first: they hold the sentences below.
    (r"passes every check", "通过全部检查"),
    (r"passes every check, with a warning: (?P<a>.+)", "通过全部检查，但有警告：{a}"),
    (
        (
            r"(?P<a>[^;]+), which proves nothing: the champion has learned from outcomes up to (?P<b>\S+), "
            r"among them those of the test snapshot (?P<c>\S+)"
        ),
        "{a}，但不能说明问题：使用中的模型已学习过截至 {b} 的结果，其中包括测试快照 {c} 的结果",
    ),
    (r"(?P<a>[^;]+), which may be chance", "{a}，可能出于偶然"),
    (r"(?P<a>[^;]+): cannot be compared", "{a}：无法比较"),
    (
        r"(?P<m>[^;]+) (?P<x>\S+) against (?P<y>\S+) for (?P<r>the [^;]+): better by (?P<c>\S+) \((?P<d>\S+) to (?P<e>\S+)\)",
        "{m} {x}，{r} {y}：优 {c}（{d} 至 {e}）",
    ),
    (
        r"(?P<m>[^;]+) (?P<x>\S+) against (?P<y>\S+) for (?P<r>the [^;]+): worse by (?P<c>\S+) \((?P<d>\S+) to (?P<e>\S+)\)",
        "{m} {x}，{r} {y}：差 {c}（{d} 至 {e}）",
    ),
    (
        r"(?P<m>[^;]+) (?P<x>\S+) against (?P<y>\S+) for (?P<r>the [^;]+): (no better|as good)",
        "{m} {x}，{r} {y}：没有更优",
    ),
    (r"(?P<m>[^;]+) (?P<x>\S+) against (?P<y>\S+) for (?P<r>the [^;]+)", "{m} {x}，{r} {y}"),
    (r"the champion, version (?P<a>\d+)", "使用中的模型（版本 {a}）"),
    (r"the base rate", "基准率"),
    (r"the RFM ranking", "RFM 排序"),
    (r"the own spend rate", "自身消费速度"),
    (r"the mean amount", "平均金额"),
    (r"log loss", "对数损失"),
    (
        r"PSI (?P<a>\S+) between the scores of the run (?P<b>\S+) and the new ones for its (?P<c>\S+) profiles",
        "批次 {b} 的 {c} 名客户，新旧得分的 PSI 为 {a}",
    ),
    (r"(?P<a>PSI [^;]+), up to (?P<b>\S+) is little change", "{a}，不超过 {b} 属变化很小"),
    (r"(?P<a>PSI [^;]+): scores have moved", "{a}：得分有变化"),
    (r"(?P<a>PSI [^;]+): too few to tell change from chance", "{a}：客户太少，无法区分变化与偶然"),
    (
        r"(?P<a>PSI [^;]+), above (?P<b>\S+): audiences built on this tag would change at a stroke",
        "{a}，超过 {b}：基于此标签的人群会骤然改变",
    ),
    (r"the model reads no feature", "模型未使用任何特征"),
    (
        (
            r"(?P<a>.+): alone above AUC (?P<b>\S+), as a value made from the outcome would be; "
            r"leave its source or column out, or stamp it when it was known"
        ),
        "{a}：单独的 AUC 就超过 {b}，像是由结果算出的值；请去掉其来源或字段，或改用得知它的时刻",
    ),
    (
        r"no feature alone reaches AUC (?P<a>\S+) on the test snapshot",
        "在测试快照上没有单个特征的 AUC 达到 {a}",
    ),
    (
        (
            r"the last day before the snapshot holds (?P<a>\S+) of the power of (?P<b>.+): "
            r"an event that is stamped when its outcome was known looks like this"
        ),
        "快照前最后一天占 {b} 效力的 {a}：以得知结果的时刻标记的事件就是这样",
    ),
    (
        r"values later than as_of: (?P<a>.+); fix the source's times, build the log anew",
        "存在晚于快照时刻的取值：{a}；请修正来源的时间并重建事件日志",
    ),
    (
        r"(?P<a>[\d,]+) cases with any spend to learn from, (?P<b>[\d,]+) to test on",
        "有消费的训练样本 {a} 例，测试样本 {b} 例",
    ),
    (r"at least (?P<a>[\d,]+) and (?P<b>[\d,]+)( of each)? are needed", "至少需要 {a} 和 {b}"),
    (
        r"intervals held (?P<a>\S+) of the amounts \((?P<b>\S+) to (?P<c>\S+)\), (?P<d>\S+) is asked",
        "区间覆盖了 {a} 的金额（{b} 至 {c}），要求 {d}",
    ),
    (r"(?P<a>\S+) spent nothing", "{a} 没有消费"),
    (r"(?P<a>\S+) spent nothing: too many", "{a} 没有消费：覆盖过多"),
    (r"(?P<a>\S+) spent nothing: too few", "{a} 没有消费：覆盖过少"),
    (
        r"share of right tiers minus mean confidence (?P<a>\S+) \((?P<b>\S+) to (?P<c>\S+)\)",
        "正确分档的比例减去平均置信度为 {a}（{b} 至 {c}）",
    ),
    (
        r"the champion, version (?P<a>\d+), answers another question: population or outcome have changed since",
        "使用中的模型（版本 {a}）回答的是另一个问题：人群或结果的定义已改变",
    ),
    (
        r"the run (?P<a>\S+) answers another question: population or outcome have changed since",
        "批次 {a} 回答的是另一个问题：人群或结果的定义已改变",
    ),
    (r"the run (?P<a>\S+) holds no (?P<b>\S+) yet", "批次 {a} 尚无 {b}"),
    (r"in the run (?P<a>\S+) a rule says (?P<b>\S+)", "在批次 {a} 中 {b} 由规则得出"),
    (
        r"the run (?P<a>\S+) is of after (?P<b>\S+), the day training took for today",
        "批次 {a} 晚于训练视为今天的 {b}",
    ),
    (r"the champion cannot be read: (?P<a>.+)", "无法读取使用中的模型：{a}"),
    (r"the last run cannot be read: (?P<a>.+)", "无法读取上一批次：{a}"),
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
    # Lists within them.
    (r"unknown", "未知"),
    (r"(?P<a>.+) and (?P<n>\d+) more", "{a} 等，另有 {n} 个"),
    (
        r"(?P<a>.+?( without it\)| or after it| than the snapshot| after the snapshot)), (?P<b>.+)",
        "{a}，{b}",
    ),
    (r"(?P<f>\S+) \(AUC (?P<a>\S+), (?P<b>\S+) without it\)", "{f}（AUC {a}，去掉后 {b}）"),
    (
        r"(?P<a>[\d,]+) events? counted before a snapshot, timed at or after it",
        "{a} 个事件计入快照，但时间不早于快照",
    ),
    (r"(?P<a>[\d,]+) snapshot rows? stamped later than the snapshot", "{a} 行快照的时间晚于快照时刻"),
    (r"(?P<a>.+) counted from events at or after the snapshot", "{a} 由不早于快照的事件算出"),
    (
        r"(?P<a>.+) of the test snapshot not what the events before it give",
        "测试快照的 {a} 与之前事件算出的不符",
    ),
    (r"no champion yet", "尚无使用中的模型"),
    (r"no run yet", "尚无批次"),
)
