"""Documents and their templates; a small drive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data.people import STAFF
from bitrix24_mcp.demo.data.world import DAY, NOW_SECONDS, iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.world import Row, World

_TEMPLATES = ("Счёт", "Договор поставки", "Акт", "Накладная", "Commercial offer")
_STORAGES = (("Общий диск", "common", "shared_files_s1"), ("Алексей Северов", "user", "1"), ("Тендеры", "group", "6"))
_FOLDERS = ("Сметы", "Чертежи", "Договоры", "Фото с объектов")
_FILES = ("план.pdf", "смета.xlsx", "facade.dwg", "договор.docx", "photo.jpg")


def documents(world: World) -> Iterator[tuple[str, Row]]:
    """Five templates and the documents made from them."""
    dice = world.dice("documents")
    for template, name in enumerate(_TEMPLATES, start=1):
        made = iso(NOW_SECONDS - (900 - template) * DAY)
        yield (
            "doc_templates",
            {
                "id": template,
                "name": name,
                "code": f"TEMPLATE_{template}",
                "region": "ru",
                "numeratorId": 1,
                "active": template != 4,
                "sort": template * 100,
                "createTime": made,
                "updateTime": made,
            },
        )
    for document in range(1, world.scaled(1 / 120, 10) + 1):
        template = dice.between(1, len(_TEMPLATES))
        made = iso(NOW_SECONDS - dice.between(1, 400) * DAY)
        yield (
            "documents",
            {
                "id": document,
                "title": f"{_TEMPLATES[template - 1]} №{document}",
                "number": str(document),
                "templateId": template,
                "entityTypeId": 2,
                "entityId": dice.pick(world.deal_ids),
                "createdBy": dice.pick(STAFF),
                "createTime": made,
                "updateTime": made,
            },
        )


def drive(world: World) -> Iterator[tuple[str, Row]]:
    """Three storages, each with a root folder, four folders and a few files."""
    dice = world.dice("drive")
    file = 0
    for storage, (name, kind, owner) in enumerate(_STORAGES, start=1):
        root = storage * 10
        yield (
            "storages",
            {
                "id": storage,
                "name": name,
                "entityType": kind,
                "entityId": owner,
                "rootFolderId": root,
            },
        )
        for position, title in enumerate((name, *_FOLDERS)):
            made = iso(NOW_SECONDS - dice.between(100, 900) * DAY)
            folder = root + position
            yield (
                "folders",
                {
                    "id": folder,
                    "name": title,
                    "storageId": storage,
                    "parentId": root if position else None,
                    "createdBy": 1,
                    "createTime": made,
                    "updateTime": made,
                },
            )
            for filename in _FILES[: dice.between(1, len(_FILES))]:
                file += 1
                yield (
                    "files",
                    {
                        "id": file,
                        "name": filename,
                        "folderId": folder,
                        "storageId": storage,
                        "size": dice.between(2_000, 9_000_000),
                        "createdBy": dice.pick(STAFF),
                        "createTime": made,
                        "updateTime": made,
                    },
                )
