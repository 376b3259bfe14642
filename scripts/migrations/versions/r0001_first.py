"""The first revision: every table as declared. Written by ``scripts.migrations.schema``, not by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("login"),
        info={"projection": True},
    )
    op.create_index(op.f("ix_account_person"), "account", ["person"], unique=False)
    op.create_table(
        "body",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "certificate",
        sa.Column("certificate", sa.String(), nullable=False),
        sa.Column("number_mac", sa.String(), nullable=False),
        sa.Column("holder_mac", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("scheme_version", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("effective_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("certificate"),
        sa.UniqueConstraint("decision"),
        sa.UniqueConstraint("number_mac"),
        info={"projection": True},
    )
    op.create_index(op.f("ix_certificate_holder"), "certificate", ["holder"], unique=False)
    op.create_table(
        "client_row",
        sa.Column("sitting", sa.String(), nullable=False),
        sa.Column("writer", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sitting", "writer", "seq"),
        info={"projection": True},
    )
    op.create_table(
        "commitment",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
        info={"projection": True},
    )
    op.create_table(
        "credential",
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("login", "kind"),
    )
    op.create_index(op.f("ix_credential_digest"), "credential", ["digest"], unique=False)
    op.create_table(
        "decider",
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("decision", "person"),
        info={"projection": True},
    )
    op.create_index(op.f("ix_decider_person"), "decider", ["person"], unique=False)
    op.create_table(
        "decision",
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("sitting", sa.String(), nullable=False),
        sa.Column("candidate", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("scheme_version", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("decision"),
        info={"projection": True},
    )
    op.create_index(op.f("ix_decision_candidate"), "decision", ["candidate"], unique=False)
    op.create_index(op.f("ix_decision_phase"), "decision", ["phase"], unique=False)
    op.create_index(op.f("ix_decision_sitting"), "decision", ["sitting"], unique=False)
    op.create_table(
        "entry",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("stream", "seq"),
    )
    op.create_table(
        "exam",
        sa.Column("exam", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("opens_ms", sa.BigInteger(), nullable=False),
        sa.Column("closes_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("exam"),
        info={"projection": True},
    )
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "item_exposure",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("sitting", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("item", "sitting"),
        info={"projection": True},
    )
    op.create_table(
        "item_revision",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("latest", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("cognitive_level", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("difficulty", sa.Float(), nullable=True),
        sa.Column("enemies", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("item", "revision"),
        info={"projection": True},
    )
    op.create_index(op.f("ix_item_revision_domain"), "item_revision", ["domain"], unique=False)
    op.create_index(op.f("ix_item_revision_phase"), "item_revision", ["phase"], unique=False)
    op.create_table(
        "login",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("step_up_ms", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_login_person"), "login", ["person"], unique=False)
    op.create_table(
        "notice",
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("notice"),
    )
    op.create_index(op.f("ix_notice_recipient"), "notice", ["recipient"], unique=False)
    op.create_index(op.f("ix_notice_state"), "notice", ["state"], unique=False)
    op.create_table(
        "participation",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("candidate", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "candidate", "role"),
        info={"projection": True},
    )
    op.create_table(
        "person",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("own_personnel", sa.Boolean(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
        sa.UniqueConstraint("identity"),
        info={"projection": True},
    )
    op.create_table(
        "role_grant",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "role"),
        info={"projection": True},
    )
    op.create_table(
        "scheme",
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("drafted_by", sa.String(), nullable=False),
        sa.Column("activated_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("scheme", "version"),
        info={"projection": True},
    )
    op.create_table(
        "sealed_item",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("item", "revision"),
    )
    op.create_table(
        "sitting",
        sa.Column("sitting", sa.String(), nullable=False),
        sa.Column("exam", sa.String(), nullable=False),
        sa.Column("candidate", sa.String(), nullable=False),
        sa.Column("practice", sa.Boolean(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("opens_ms", sa.BigInteger(), nullable=False),
        sa.Column("closes_ms", sa.BigInteger(), nullable=False),
        sa.Column("open_incidents", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Boolean(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sitting"),
        info={"projection": True},
    )
    op.create_index(op.f("ix_sitting_candidate"), "sitting", ["candidate"], unique=False)
    op.create_index(op.f("ix_sitting_exam"), "sitting", ["exam"], unique=False)
    op.create_index(op.f("ix_sitting_phase"), "sitting", ["phase"], unique=False)
    op.create_table(
        "snapshot",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_table(
        "training",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("candidate", sa.String(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person", "candidate"),
        info={"projection": True},
    )
