"""How Alembic runs our migrations: on the connection that it is handed, within its transaction."""

from __future__ import annotations

from alembic import context

from allograph.profiles.tables import metadata
from allograph.profiles.upgrade import VERSIONS

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSIONS,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
