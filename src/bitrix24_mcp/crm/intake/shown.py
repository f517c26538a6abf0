"""A rule as answers show it: codes with names beside them, in a form that can be given back."""

from collections.abc import Iterable, Mapping
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.catalogue.sales import DEALS, LEADS
from bitrix24_mcp.crm.choices import choices
from bitrix24_mcp.crm.intake.rule import TARGETS, IntakeRule, Target
from bitrix24_mcp.crm.labels import with_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.text import plain

_LONGEST = 80
_IN_DEALS = {"responsible": "assignedById", "source": "sourceId", "funnel": "categoryId", "stage": "stageId",
             "type": "typeId"}  # fmt: skip


async def rule_shown(rule: IntakeRule, metadata: Metadata) -> dict[str, Any]:
    """The rule with names; `labels` say what its fields are called."""
    held = {ours: getattr(rule, ours) for ours in _IN_DEALS}
    named = await _named(held, _IN_DEALS, DEALS, metadata)
    status = await _named({"lead_status": rule.lead_status}, {"lead_status": "statusId"}, LEADS, metadata)
    mapped = {target: dict(held) for target, held in rule.fields.items() if held}
    names = {"contact_names": dict(rule.contact_names)} if rule.contact_names else {}
    told = {
        "quiz": rule.quiz,
        "lead": rule.lead,
        **named,
        **status,
        "fields": {**mapped, **names},
        "tags": await _tags(rule, metadata),
        "labels": await _labels(rule, metadata),
    }
    return {name: each for name, each in told.items() if each not in (None, "", {})}


async def _named(
    held: Mapping[str, Any], fields_of: Mapping[str, str], entity: Entity, metadata: Metadata
) -> dict[str, Any]:
    row = {fields_of[ours]: each for ours, each in held.items() if each not in (None, "")}
    if not row:
        return {}
    fields = await metadata.fields(entity)
    [named] = await with_names([row], fields, list(row), metadata)
    shown: dict[str, Any] = {}
    for ours, name in fields_of.items():
        shown[ours] = named.get(name)
        shown[f"{ours}_name"] = named.get(f"{name}_name")
    return shown


async def _tags(rule: IntakeRule, metadata: Metadata) -> dict[str, list[str]]:
    fields = await metadata.fields(rule.entity)
    shown: dict[str, list[str]] = {}
    for name, codes in rule.tags.items():
        offered = await choices(fields, name, metadata) if name in fields and fields.kind(name) == "list" else ()
        names = {str(each.code): plain(each.name, _LONGEST) for each in offered}
        shown[name] = [names.get(code, plain(code)) for code in codes]
    return shown


async def _labels(rule: IntakeRule, metadata: Metadata) -> dict[str, dict[str, str]]:
    used: dict[Target, list[str]] = {target: [*held.values()] for target, held in rule.fields.items()}
    used["contact"] = [*used.get("contact", ()), *rule.contact_names.values()]
    used[rule.target] = [*used.get(rule.target, ()), *rule.tags]
    labels = {target: await _titles(names, TARGETS[target], metadata) for target, names in used.items()}
    return {target: each for target, each in labels.items() if each}


async def _titles(names: Iterable[str], entity: Entity, metadata: Metadata) -> dict[str, str]:
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    fields = await metadata.fields(entity)
    return {name: plain(fields[name].title, _LONGEST) for name in wanted if name in fields and fields[name].title}
