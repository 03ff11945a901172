"""The fixed request that a cold start ends with: 20 characters, one type."""

from __future__ import annotations

FIRST_TEXT = "华为发布新款手机，售价四千九百九十九元。"
FIRST_SCHEMA: dict[str, None] = {"价格": None}
