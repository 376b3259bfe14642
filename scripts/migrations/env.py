"""What Alembic runs for each command: our tables, on the connection that `schema` hands over."""

from __future__ import annotations

from alembic import context

from scripts.migrations.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata(), render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
