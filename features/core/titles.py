"""A text in the two languages of the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from tagcast.features.core.messages import LANGUAGES, msg
from tagcast.features.core.validation import Strict


class Text(Strict):
    """One text in the two languages of the console; given in one of them, or as a plain text, it stands for both."""

    en: str = Field("", min_length=1, description="in English; the Chinese text where it is left out")
    zh: str = Field("", min_length=1, description="in Chinese; the English text where it is left out")

    @model_validator(mode="before")
    @classmethod
    def _fall_back(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"en": given, "zh": given}
        if not isinstance(given, Mapping):
            return given
        texts = [given[language] for language in LANGUAGES if given.get(language) is not None]
        if not texts:
            raise ValueError(msg("give the text in English (en), in Chinese (zh), or in both"))
        filled = {language: texts[0] for language in LANGUAGES if given.get(language) is None}
        return dict(given) | filled

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        for language in LANGUAGES:
            del schema["properties"][language]["default"]
        about: dict[str, Any] = {key: schema.pop(key) for key in ("title", "description") if key in schema}
        about["anyOf"] = [{"type": "string", "minLength": 1}, {**schema, "minProperties": 1}]
        schema.clear()
        schema.update(about)
        return schema

    @property
    def translation(self) -> str:
        """The Chinese text; empty where it is the English one."""
        return "" if self.zh == self.en else self.zh

    @property
    def both(self) -> str:
        """Both languages on one line; one text where they are the same."""
        return " · ".join(filter(None, (self.en, self.translation)))

    def with_filled(self, placeholder: str, word: str) -> Text:
        """Return the text with ``word`` in place of ``placeholder``."""
        return Text(en=self.en.replace(placeholder, word), zh=self.zh.replace(placeholder, word))
