"""Filters on attributes that are stored as keyed digests: digests are compared, plain values refused before they are kept."""

from __future__ import annotations

import pytest

from tagcast.features.core.errors import FilterError
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tests.support.web import Clock, key_of, make_desk, served

DIGEST = "0f" * 32
NAMES = Names({}, {"email": "text", "city": "text", "age": "number"}, digests=("email",))


@pytest.mark.parametrize(
    "text",
    [
        f"email = '{DIGEST}'",
        f"email NOT IN ('{DIGEST}', '{DIGEST}')",
        "email IS NULL",
        "city = 'Oslo' AND age > 3",
    ],
)
def test_digests_are_compared_as_texts(text):
    assert parse(text, NAMES).text()


@pytest.mark.parametrize(
    "text",
    [
        "email = 'ann@example.org'",
        f"email IN ('{DIGEST}', 'x')",
        f"email != '{DIGEST.upper()}'",
        f"email = '{DIGEST}0'",
    ],
)
def test_a_plain_value_is_refused_by_the_name_of_its_field_and_never_repeated(text):
    with pytest.raises(FilterError, match="email holds keyed digests") as error:
        parse(text, NAMES)
    assert "openssl dgst -sha256 -hmac" in str(error.value.hint)
    assert "ann@" not in str(error.value) + str(error.value.hint)


def test_audiences_and_rules_are_held_to_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TAGCAST_HASH_KEY", "k" * 32)
    more = 'hashed = ["city"]\nhash_key = "${TAGCAST_HASH_KEY}"\n'
    context = make_desk(tmp_path, Clock(), config=more)
    with served(context, console=False) as client:
        key = key_of(context, "data_scientist")

        def count(text):
            return client.post("/api/v1/audiences/count", json={"filter": text}, headers=key)

        assert count("city = 'Oslo'").status_code == 422
        assert "city holds keyed digests" in count("city = 'Oslo'").text
        assert count(f"city = '{DIGEST}'").status_code == 200
        rule = {
            "kind": "rule",
            "name": "oslo",
            "title": {"en": "Oslo"},
            "description": {"en": "Lives in Oslo."},
            "path": ["Place", "City"],
            "owner": "crm",
            "rule": "city = 'Oslo'",
        }
        draft = client.post("/api/v1/rule-drafts", json={"definition": rule, "reason": "x"}, headers=key)
        assert "city holds keyed digests" in draft.text
