"""A tag definition in plain words, in English and Chinese: what it predicts, for whom, when the value is yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.entities.pair import CATEGORY
from tagcast.models.definitions.decision_rules import ProfitRule
from tagcast.models.definitions.learned_from import margin_of
from tagcast.models.definitions.window_outcomes import Aggregate, Label

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from tagcast.models.definitions.definition import Definition
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.definitions.rule_tag import RuleDefinition
    from tagcast.models.definitions.window_outcomes import Outcome

Language = Literal["en", "zh"]


def population_words(definition: Definition, language: Language = "en") -> str:
    """Return who is eligible."""
    population, category = definition.population, definition.category
    active, new, rule = population.active_within_days, population.not_bought_within_days, population.rule
    if language == "zh":
        text = f"快照前{active}天内有购买的客户" if active else "快照前有过任何事件的所有客户"
        text += f"，且此前{new}天内未购买{category}" if new else ""
        return text + (f"，且满足 {rule}" if rule else "")
    text = "every profile with an event before the snapshot"
    if active:
        text = f"profiles with a purchase in the {active} days before the snapshot"
    text += f", but none of {category} in the {new} days before it" if new else ""
    return text + (f", where {rule}" if rule else "")


def outcome_words(definition: TagDefinition, language: Language = "en") -> str:
    """Return what the tag predicts."""
    text = words_of_outcome(definition.outcome, language)
    if definition.treatment is None:
        return text
    if language == "zh":
        return f"触达带来的概率变化：{text}"
    return f"what an approach changes in the probability of: {text}"


def words_of_outcome(outcome: Outcome, language: Language = "en") -> str:
    """Return what happens where an outcome is yes."""
    return _outcome_zh(outcome) if language == "zh" else _outcome_en(outcome)


def _about(outcome: Any) -> str:
    """Return of whom the events are: a category by itself, of an entity its name and which one."""
    pair = outcome.pair
    return "" if pair is None else pair.value if pair.entity == CATEGORY else f"{pair.entity} {pair.value}"


def _outcome_en(outcome: Any) -> str:
    if isinstance(outcome, Label):
        return f"the label {outcome.label.value} is yes, within {outcome.horizon_days} days"
    if isinstance(outcome, Aggregate):
        return _aggregate_en(outcome)
    about = _about(outcome)
    event = outcome.event + (f" of {about}" if about else "")
    of = f" on {about}" if about else ""
    within = f"within {outcome.horizon_days} days"
    match outcome.kind:
        case "no_event":
            return f"no {event} {within}"
        case "any_event":
            return f"at least one {event} {within}"
        case "count_at_least":
            return f"{event} on {outcome.at_least} or more days {within}"
        case "sum_at_least":
            return f"net spend{of} of {outcome.at_least:,g} or more {within}"
        case "amount":
            return f"net spend{of} {within}, returns subtracted"
        case "top_share":
            return f"among the {percent(outcome.share)} of the population with the highest net spend{of} {within}"
        case _:
            return f"{settings(outcome)} {within}"


def _outcome_zh(outcome: Any) -> str:
    if isinstance(outcome, Label):
        return f"快照起{outcome.horizon_days}天内，标注{outcome.label.value}为是"
    if isinstance(outcome, Aggregate):
        return _aggregate_zh(outcome)
    event = "购买" if outcome.event == "purchase" else f"“{outcome.event}”"
    about = _about(outcome)
    event += f"（{about}）" if about else ""
    of = f"{about}的" if about else ""
    within = f"快照起{outcome.horizon_days}天内"
    match outcome.kind:
        case "no_event":
            return f"{within}没有{event}"
        case "any_event":
            return f"{within}至少有一次{event}"
        case "count_at_least":
            return f"{within}有{event}的天数不少于{outcome.at_least}天"
        case "sum_at_least":
            return f"{within}{of}净消费额不低于{outcome.at_least:,g}"
        case "amount":
            return f"{within}{of}净消费额（已扣除退货）"
        case "top_share":
            return f"{within}{of}净消费额位于人群前{percent(outcome.share)}"
        case _:
            return f"{within}{settings(outcome)}"


_MEASURES = {
    "count": ("the number of events", "事件数"),
    "days": ("the number of days with events", "有事件的天数"),
    "sum": ("the sum of {}", "{}之和"),
    "mean": ("the mean of {}", "{}的平均值"),
    "min": ("the smallest {}", "{}的最小值"),
    "max": ("the largest {}", "{}的最大值"),
    "distinct": ("the number of different values of {}", "{}的不同取值数"),
}
"""Aggregates in English and Chinese."""


def _aggregate_en(outcome: Aggregate) -> str:
    name, column = outcome.measure
    where = f" where {outcome.where}" if outcome.where else ""
    about = _about(outcome)
    of = f" of {about}" if about else ""
    text = f"{_MEASURES[name][0].format(column)}{of}{where} is {_bound(outcome, 'at least', 'at most')}"
    text += f" within {outcome.horizon_days} days"
    return text + (f", and no event where {outcome.unless}" if outcome.unless else "")


def _aggregate_zh(outcome: Aggregate) -> str:
    name, column = outcome.measure
    where = f"满足 {outcome.where} 的" if outcome.where else ""
    about = _about(outcome)
    of = f"{about}的" if about else ""
    text = f"快照起{outcome.horizon_days}天内{where}{of}{_MEASURES[name][1].format(column)}"
    text += _bound(outcome, "不低于", "不高于")
    return text + (f"，且没有满足 {outcome.unless} 的事件" if outcome.unless else "")


def _bound(outcome: Aggregate, least: str, most: str) -> str:
    given = outcome.at_most if outcome.at_least is None else outcome.at_least
    shown = given if isinstance(given, str) else f"{given:,g}"
    return f"{most if outcome.at_least is None else least} {shown}"


def decision_words(definition: TagDefinition, language: Language = "en") -> str:
    """Return when the tag's value is yes; of an uplift when an approach is worth it."""
    if definition.treatment is not None:
        return _effect_words(definition, language)
    return _decision_zh(definition) if language == "zh" else _decision_en(definition)


def _decision_en(definition: TagDefinition) -> str:
    rule: Any = definition.decision
    match rule.rule:
        case "threshold":
            return f"yes if score ≥ {rule.threshold:g}"
        case "top_share":
            return f"yes for the top {percent(rule.share)} of scores in a run"
        case "precision":
            return f"yes for the largest audience of which {percent(rule.precision)} came true out of time"
        case "tier":
            return "the tier in which the amount most probably lies"
        case "profit":
            most = "" if rule.capacity is None else f", for at most {rule.capacity:,} profiles"
            return f"yes if score × {rule.benefit:,g} (benefit) > {rule.cost:,g} (cost){most}"
        case _:
            return settings(rule)


def _decision_zh(definition: TagDefinition) -> str:
    rule: Any = definition.decision
    match rule.rule:
        case "threshold":
            return f"得分 ≥ {rule.threshold:g} 时为“是”"
        case "top_share":
            return f"每次运行中得分排名前{percent(rule.share)}的客户为“是”"
        case "precision":
            return f"历史快照上实际命中{percent(rule.precision)}的最大人群为“是”"
        case "tier":
            return "金额最可能落入的档位"
        case "profit":
            most = "" if rule.capacity is None else f"，最多{rule.capacity:,}人"
            return f"得分×{rule.benefit:,g}（收益）大于{rule.cost:,g}（成本）时为“是”{most}"
        case _:
            return settings(rule)


def _effect_words(definition: TagDefinition, language: Language) -> str:
    rule: Any = definition.decision
    worth = f"{100 * margin_of(rule):.4g}"
    money = ""
    if isinstance(rule, ProfitRule):
        money = (
            f"（{rule.cost:,g}÷{rule.benefit:,g}）"
            if language == "zh"
            else f" (cost {rule.cost:,g} over benefit {rule.benefit:,g})"
        )
    if language == "zh":
        return f"效果高于{worth}个百分点{money}为“可打动”，低于0为“勿打扰”，其间为“无差别”"
    return f"persuadable if an approach gains more than {worth} points{money}, do_not_disturb if it does harm, indifferent between"


def rule_words(definition: RuleDefinition, language: Language = "en") -> str:
    """Return which value a rule gives where, in the language of filters."""
    where, rest = {"en": ("{} where {}", "else {}"), "zh": ("满足 {1} 时为{0}", "否则为{}")}[language]
    yes_no = {"yes": "是", "no": "否"} if language == "zh" else {}
    parts = [where.format(yes_no.get(value, value), text) for value, text in definition.branches.items()]
    if definition.fallback is not None:
        parts.append(rest.format(yes_no.get(definition.fallback, definition.fallback)))
    return ("；" if language == "zh" else "; ").join(parts)


def question_words(definition: Definition, language: Language = "en") -> str:
    """Return what a tag predicts about a profile; of a rule which value it gives where."""
    if definition.kind == "rule":
        return rule_words(definition, language)
    return outcome_words(definition, language)


def words_of(definition: Definition | None) -> dict[str, dict[str, str]]:
    """Return ``question``, ``population`` and ``decision`` in both languages; empty without a definition, and the last of a rule."""
    if definition is None:
        return {"question": {}, "population": {}, "decision": {}}

    def in_languages(words: Callable[[Any, Language], str]) -> dict[str, str]:
        return {"en": words(definition, "en"), "zh": words(definition, "zh")}

    return {
        "question": in_languages(question_words),
        "population": in_languages(population_words),
        "decision": {} if definition.kind == "rule" else in_languages(decision_words),
    }


def settings(part: BaseModel) -> str:
    """Return the settings of a part of a definition, name by name."""
    given = part.model_dump(mode="json", exclude_none=True)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())


def percent(share: float) -> str:
    """Return ``12.5%`` for .125.

    Examples
    --------
    >>> percent(0.2), percent(0.125)
    ('20%', '12.5%')
    """
    return f"{100 * share:.4g}%"
