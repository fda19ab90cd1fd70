"""The registry of all tables."""

from typing import ClassVar, cast

from sqlalchemy import Double, Table
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Registry of all tables."""

    # four bytes would not hold a moment in Unix seconds
    type_annotation_map: ClassVar = {float: Double}


def table_of(row: type[Base]) -> Table:
    """The table behind a class of rows, for statements that go around the ORM."""
    return cast(Table, row.__table__)
