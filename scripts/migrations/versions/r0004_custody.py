"""Revision 0004: custody. Written by ``scripts.migrations.schema`` from the tables as declared then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "item_access",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "item"),
        info={"projection": True},
    )
    op.create_table(
        "item_fingerprint",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("shingles", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("item"),
    )
    op.create_table(
        "item_token",
        sa.Column("token", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("token", "item"),
    )
    op.create_index(op.f("ix_item_token_item"), "item_token", ["item"], unique=False)
    op.create_table(
        "item_twin",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("alike", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("item", "other"),
    )
    op.create_index(op.f("ix_item_twin_other"), "item_twin", ["other"], unique=False)
    op.create_table(
        "rescore",
        sa.Column("correction", sa.String(), nullable=False),
        sa.Column("sitting", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("points", sa.Float(), nullable=False),
        sa.Column("max_points", sa.Float(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("points_before", sa.Float(), nullable=False),
        sa.Column("max_points_before", sa.Float(), nullable=False),
        sa.Column("passed_before", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("correction", "sitting"),
        info={"projection": True},
    )
    op.create_index(op.f("ix_rescore_item"), "rescore", ["item"], unique=False)
    op.create_table(
        "window_secret",
        sa.Column("exam", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("exam", "name"),
    )
    op.add_column("item_revision", sa.Column("source", sa.String(), server_default="", nullable=False))
    op.add_column("item_revision", sa.Column("source_revision", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("sealed_item", sa.Column("lock", sa.String(), server_default="", nullable=False))
    op.create_index(op.f("ix_sealed_item_lock"), "sealed_item", ["lock"], unique=False)
