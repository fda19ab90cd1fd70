"""Of which version the tables of a database are; those of a new one are made at once, without Alembic."""

from pathlib import Path

from sqlalchemy import Column, Engine, MetaData, String, Table, inspect, select

from pipeline.store.db.tables import Base

MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""As Alembic makes it."""


def newest_revision() -> str:
    """The revision that this program's tables are of: migrations are numbered by their file names."""
    return max(path.stem.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def present_revision(engine: Engine) -> str:
    """The revision of the tables that are there; empty where there are none.

    It only reads: nearly every start finds nothing to do and need not wait for a writer.
    """
    with engine.connect() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return ""
        return str(connection.execute(select(_VERSION)).scalar() or "")


def create_tables(engine: Engine) -> None:
    """Make the tables of this program in an empty database; several programs may try at once."""
    with engine.execution_options(immediate=True).connect() as connection, connection.begin():
        Base.metadata.create_all(connection)
        _VERSION.create(connection, checkfirst=True)
        if connection.execute(select(_VERSION)).first() is None:
            connection.execute(_VERSION.insert(), {"version_num": newest_revision()})
