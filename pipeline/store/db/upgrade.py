"""The tables of an older Bookcast, or of none -> those of this program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine

from pipeline.errors import StoreError
from pipeline.store.db.revision import MIGRATIONS


def upgrade(engine: Engine, path: Path) -> None:
    """Bring the tables to this program's version; several programs may try at once.

    Raises:
        StoreError: the database is of a newer program, or a step fails.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present and present not in known:
        raise StoreError(f"The database {path} was made by a newer Bookcast", remedy="upgrade Bookcast")
    try:
        with engine.execution_options(immediate=True).connect() as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"The database {path} cannot be used: {error}", remedy="bookcast doctor") from error
