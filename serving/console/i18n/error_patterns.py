"""What wrong filters and refused steps are answered with in Chinese: patterns of the service layer's messages.

The service layer speaks English; a message that is not among the patterns is shown as it is.
"""

PATTERNS: tuple[tuple[str, str], ...] = (
    (r"the filter is empty", "筛选条件为空"),
    (r"write a condition, as in (?P<a>.+)", "请写一个条件，如 {a}"),
    (r"unknown field (?P<a>'.*'|\".*\"), at character (?P<n>\d+)", "第 {n} 个字符处：没有字段 {a}"),
    (r"did you mean (?P<a>.+?)\? ?(?P<b>.*)", "是否想写 {a}？{b}"),
    (r"known: (?P<a>.+)", "可用：{a}"),
    (r"(?P<a>.+) has no part (?P<b>.+), at character (?P<n>\d+)", "第 {n} 个字符处：{a} 没有 {b} 这一方面"),
    (r"(?P<a>.+) is never (?P<b>.+), at character (?P<n>\d+)", "第 {n} 个字符处：{a} 不会取值 {b}"),
    (r"(?P<a>.+) is no function: there are none, at character (?P<n>\d+)", "第 {n} 个字符处：没有函数 {a}"),
    (r"the quote at character (?P<n>\d+) is never closed", "第 {n} 个字符处的引号没有闭合"),
    (r"close it with (?P<a>.+)", "请用 {a} 闭合"),
    (r"unexpected (?P<a>.+) at character (?P<n>\d+)", "第 {n} 个字符处：多余的 {a}"),
    (
        r"a filter is made of conditions joined by AND, OR, NOT and parentheses",
        "筛选由条件组成，用 AND、OR、NOT 和括号连接",
    ),
    (
        r"expected AND, OR or the end, found (?P<b>.+) at character (?P<n>\d+)",
        "第 {n} 个字符处：应为 AND、OR 或结尾，却是 {b}",
    ),
    (
        r"expected the name of a tag or an attribute, found (?P<b>.+) at character (?P<n>\d+)",
        "第 {n} 个字符处：应为标签或属性名，却是 {b}",
    ),
    (
        r"expected at least one value, found (?P<b>.+) at character (?P<n>\d+)",
        "第 {n} 个字符处：至少需要一个取值，却是 {b}",
    ),
    (
        r"expected an operator such as = or IN after (?P<a>.+), found (?P<b>.+) at character (?P<n>\d+)",
        "第 {n} 个字符处：{a} 之后应为 = 或 IN 等比较，却是 {b}",
    ),
    (r"a number for (?P<a>.+)", "{a} 的数值"),
    (r"a text in single quotes for (?P<a>.+)", "单引号中的 {a} 取值"),
    (r"TRUE or FALSE for (?P<a>.+)", "{a} 的 TRUE 或 FALSE"),
    (r"a finite number", "有限的数值"),
    (r"the name of an audience in single quotes", "单引号中的人群名称"),
    (r"a field before IN, or AUDIENCE after it", "IN 之前的字段，或其后的 AUDIENCE"),
    (r"at most (?P<a>[\d,]+) nested conditions", "最多 {a} 层嵌套"),
    (r"at most (?P<a>[\d,]+) conditions", "最多 {a} 个条件"),
    (r"at most (?P<a>[\d,]+) values", "最多 {a} 个取值"),
    (r"the end", "结尾"),
    (r"expected (?P<a>.+), found (?P<b>.+) at character (?P<n>\d+)", "第 {n} 个字符处：应为 {a}，却是 {b}"),
    (r"conditions look like (?P<a>.+)", "条件的写法如 {a}"),
    (
        r"(?P<a>.+) is (?P<b>text|boolean): it can be compared with = and != only, at character (?P<n>\d+)",
        "第 {n} 个字符处：{a} 不是数值，只能用 = 和 != 比较",
    ),
    (
        r"use =, != or IN; score, confidence and percentile of a tag are numbers",
        "请用 =、!= 或 IN；标签的得分、置信度和百分位才是数值",
    ),
    (r"nest less", "请减少嵌套"),
    (r"make it shorter", "请缩短"),
    (r"a (?P<a>.+) may not (?P<b>.+): that takes the role (?P<c>.+)", "您的角色无权进行此操作"),
    (r"ask an administrator for the right", "请向管理员申请权限"),
    (r"nothing has been published yet", "尚未发布任何批次"),
    (r"there is no profile (?P<a>.+)", "没有客户 {a}"),
)
