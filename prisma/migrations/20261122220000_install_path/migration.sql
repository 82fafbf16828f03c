-- The install path: inbox, tenants, installations, credentials, processes, product accounts, user mappings and audit.
--
-- Ids are opaque text compared byte by byte (COLLATE "C"), so that the order of events (created_at, id) is the same in every
-- database, whatever its locale, and the same as in the service.

CREATE TABLE "inbox_event" (
    "id" TEXT COLLATE "C" NOT NULL,
    "type" TEXT NOT NULL,
    "app_id" TEXT COLLATE "C" NOT NULL,
    "account_id" TEXT COLLATE "C",
    "installation_id" TEXT COLLATE "C",
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "status" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "outcome" TEXT,
    "settled_at" TIMESTAMPTZ(3),
    "stored_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "dispatched_at" TIMESTAMPTZ(3),
    "namespace_id" TEXT,
    "dispatch_attempts" INTEGER NOT NULL DEFAULT 0,
    "dispatch_lease_until" TIMESTAMPTZ(3),
    "audited_at" TIMESTAMPTZ(3),

    CONSTRAINT "inbox_event_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "inbox_event_status_check" CHECK (status IN ('received', 'taken', 'kept', 'settled')),
    CONSTRAINT "inbox_event_outcome_check" CHECK (outcome IS NULL OR outcome IN ('approved', 'rejected', 'expired', 'superseded', 'contradicted', 'cancelled', 'recorded', 'quarantined')),
    CONSTRAINT "inbox_event_settled_check" CHECK ((status = 'settled') = (outcome IS NOT NULL) AND (status = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT "inbox_event_dispatched_check" CHECK ((dispatched_at IS NULL) = (namespace_id IS NULL)),
    CONSTRAINT "inbox_event_tenant_check" CHECK (status NOT IN ('received', 'taken') OR account_id IS NOT NULL),
    CONSTRAINT "inbox_event_body_hash_check" CHECK (body_hash ~ '^[0-9a-f]{64}$')
);

CREATE TABLE "refused_delivery" (
    "id" TEXT COLLATE "C" NOT NULL,
    "reason" TEXT NOT NULL,
    "headers" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "stored_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "refused_delivery_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "refused_delivery_size_bytes_check" CHECK (size_bytes >= 0)
);

CREATE TABLE "quarantine" (
    "id" TEXT COLLATE "C" NOT NULL,
    "event_id" TEXT COLLATE "C",
    "reason" TEXT NOT NULL,
    "body" TEXT,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "stored_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "quarantine_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "quarantine_body_check" CHECK (body IS NOT NULL OR event_id IS NOT NULL)
);

CREATE TABLE "signature_key" (
    "gateway" TEXT COLLATE "C" NOT NULL,
    "key_id" TEXT COLLATE "C" NOT NULL,
    "public_key" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "stored_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "signature_key_pkey" PRIMARY KEY ("key_id","gateway")
);

CREATE TABLE "tenant" (
    "app_id" TEXT COLLATE "C" NOT NULL,
    "account_id" TEXT COLLATE "C" NOT NULL,
    "account_name" TEXT NOT NULL,
    "first_taken_at" TIMESTAMPTZ(3) NOT NULL,
    "audit_seq" BIGINT NOT NULL DEFAULT 0,
    "audit_hash" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "tenant_pkey" PRIMARY KEY ("app_id","account_id"),
    CONSTRAINT "tenant_audit_check" CHECK (audit_seq >= 0 AND (audit_seq = 0) = (audit_hash = ''))
);

CREATE TABLE "installation" (
    "id" TEXT COLLATE "C" NOT NULL,
    "app_id" TEXT COLLATE "C" NOT NULL,
    "account_id" TEXT COLLATE "C" NOT NULL,
    "generation" INTEGER NOT NULL,
    "event_id" TEXT COLLATE "C" NOT NULL,
    "event_created_at" TIMESTAMPTZ(3) NOT NULL,
    "account_name" TEXT NOT NULL,
    "app_version_id" TEXT,
    "app_version_name" TEXT,
    "api_root" TEXT NOT NULL,
    "token_url" TEXT NOT NULL,
    "authorization_url" TEXT,
    "userinfo_url" TEXT,
    "state" TEXT NOT NULL,
    "remote_state" TEXT,
    "remote_state_word" TEXT,
    "remote_updated_at" TIMESTAMPTZ(3),
    "remote_read_at" TIMESTAMPTZ(3),
    "company_name" TEXT,
    "plan_name" TEXT,
    "licenses" INTEGER,
    "admin_user_id" TEXT COLLATE "C",
    "scopes" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "installation_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "installation_generation_check" CHECK (generation >= 1),
    CONSTRAINT "installation_state_check" CHECK (state IN ('pending', 'active', 'ended')),
    CONSTRAINT "installation_remote_state_check" CHECK (remote_state IS NULL OR remote_state IN ('waiting', 'accepted', 'refused', 'dead', 'suspended', 'gone', 'unknown'))
);

CREATE TABLE "credential" (
    "id" TEXT COLLATE "C" NOT NULL,
    "installation_id" TEXT COLLATE "C" NOT NULL,
    "version" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "client_secret" TEXT,
    "private_key" TEXT,
    "public_key" TEXT,
    "key_id" TEXT COLLATE "C" NOT NULL,
    "key_algorithm" TEXT NOT NULL,
    "event_created_at" TIMESTAMPTZ(3) NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "credential_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "credential_state_check" CHECK (state IN ('pending', 'current', 'previous', 'gone')),
    CONSTRAINT "credential_private_key_check" CHECK (state = 'gone' OR private_key IS NOT NULL),
    CONSTRAINT "credential_key_algorithm_check" CHECK (key_algorithm IN ('ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'))
);

CREATE TABLE "process" (
    "id" TEXT COLLATE "C" NOT NULL,
    "kind" TEXT NOT NULL,
    "event_id" TEXT COLLATE "C" NOT NULL,
    "app_id" TEXT COLLATE "C" NOT NULL,
    "account_id" TEXT COLLATE "C" NOT NULL,
    "installation_id" TEXT COLLATE "C" NOT NULL,
    "event_created_at" TIMESTAMPTZ(3) NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "close_at" TIMESTAMPTZ(3) NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL,
    "step_results" JSONB NOT NULL DEFAULT '{}',
    "undo" TEXT NOT NULL DEFAULT 'none',
    "decision" TEXT,
    "decision_reason" TEXT,
    "decision_attempted_at" TIMESTAMPTZ(3),
    "outcome" TEXT,
    "outcome_reason" TEXT,
    "outcome_at" TIMESTAMPTZ(3),
    "parked_reason" TEXT,
    "parked_at" TIMESTAMPTZ(3),
    "claim_token" TEXT,
    "claim_expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "process_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "process_kind_check" CHECK (kind IN ('install')),
    CONSTRAINT "process_undo_check" CHECK (undo IN ('none', 'registered', 'done')),
    CONSTRAINT "process_decision_check" CHECK (decision IS NULL OR decision IN ('approve', 'reject')),
    CONSTRAINT "process_decision_attempted_check" CHECK (decision_attempted_at IS NULL OR decision IS NOT NULL),
    CONSTRAINT "process_outcome_check" CHECK (outcome IS NULL OR outcome IN ('approved', 'rejected', 'expired', 'superseded', 'contradicted', 'cancelled')),
    CONSTRAINT "process_outcome_at_check" CHECK ((outcome IS NULL) = (outcome_at IS NULL)),
    CONSTRAINT "process_parked_check" CHECK ((parked_reason IS NULL) = (parked_at IS NULL)),
    CONSTRAINT "process_claim_check" CHECK ((claim_token IS NULL) = (claim_expires_at IS NULL)),
    CONSTRAINT "process_window_check" CHECK (due_at <= close_at)
);

CREATE TABLE "product_account" (
    "app_id" TEXT COLLATE "C" NOT NULL,
    "account_id" TEXT COLLATE "C" NOT NULL,
    "product_account_id" TEXT NOT NULL,
    "installation_id" TEXT COLLATE "C" NOT NULL,
    "status" TEXT NOT NULL,
    "provisioned_at" TIMESTAMPTZ(3) NOT NULL,
    "undone_at" TIMESTAMPTZ(3),

    CONSTRAINT "product_account_pkey" PRIMARY KEY ("app_id","account_id"),
    CONSTRAINT "product_account_status_check" CHECK (status IN ('active', 'undone')),
    CONSTRAINT "product_account_undone_check" CHECK ((status = 'undone') = (undone_at IS NOT NULL))
);

CREATE TABLE "user_mapping" (
    "id" BIGSERIAL NOT NULL,
    "app_id" TEXT COLLATE "C" NOT NULL,
    "account_id" TEXT COLLATE "C" NOT NULL,
    "talkdesk_user_id" TEXT COLLATE "C" NOT NULL,
    "product_user_id" TEXT,
    "email" TEXT,
    "name" TEXT,
    "active" BOOLEAN,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "user_mapping_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "user_mapping_ended_check" CHECK (ended_at IS NULL OR ended_at >= started_at)
);

CREATE TABLE "audit_entry" (
    "app_id" TEXT COLLATE "C" NOT NULL,
    "account_id" TEXT COLLATE "C" NOT NULL,
    "seq" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "action" TEXT NOT NULL,
    "process_id" TEXT COLLATE "C",
    "entry" TEXT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("app_id","account_id","seq"),
    CONSTRAINT "audit_entry_seq_check" CHECK (seq >= 1),
    CONSTRAINT "audit_entry_action_check" CHECK (action IN ('taken', 'provisioned', 'decided', 'undone', 'outcome', 'parked', 'resumed'))
);

CREATE UNIQUE INDEX "refused_delivery_body_hash_key" ON "refused_delivery"("body_hash");
CREATE INDEX "refused_delivery_stored_at_id_idx" ON "refused_delivery"("stored_at", "id");
CREATE INDEX "quarantine_stored_at_idx" ON "quarantine"("stored_at");
CREATE INDEX "installation_app_id_account_id_event_created_at_event_id_idx" ON "installation"("app_id", "account_id", "event_created_at", "event_id");
CREATE INDEX "credential_installation_id_event_created_at_id_idx" ON "credential"("installation_id", "event_created_at", "id");
CREATE UNIQUE INDEX "process_event_id_key" ON "process"("event_id");
CREATE INDEX "process_app_id_account_id_event_created_at_event_id_idx" ON "process"("app_id", "account_id", "event_created_at", "event_id");
CREATE INDEX "process_installation_id_idx" ON "process"("installation_id");
CREATE INDEX "user_mapping_app_id_account_id_talkdesk_user_id_started_at_idx" ON "user_mapping"("app_id", "account_id", "talkdesk_user_id", "started_at");
CREATE INDEX "audit_entry_process_id_idx" ON "audit_entry"("process_id");

ALTER TABLE "installation" ADD CONSTRAINT "installation_app_id_account_id_fkey" FOREIGN KEY ("app_id", "account_id") REFERENCES "tenant"("app_id", "account_id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "credential" ADD CONSTRAINT "credential_installation_id_fkey" FOREIGN KEY ("installation_id") REFERENCES "installation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "process" ADD CONSTRAINT "process_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "inbox_event"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "process" ADD CONSTRAINT "process_app_id_account_id_fkey" FOREIGN KEY ("app_id", "account_id") REFERENCES "tenant"("app_id", "account_id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "process" ADD CONSTRAINT "process_installation_id_fkey" FOREIGN KEY ("installation_id") REFERENCES "installation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "product_account" ADD CONSTRAINT "product_account_app_id_account_id_fkey" FOREIGN KEY ("app_id", "account_id") REFERENCES "tenant"("app_id", "account_id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "user_mapping" ADD CONSTRAINT "user_mapping_app_id_account_id_fkey" FOREIGN KEY ("app_id", "account_id") REFERENCES "tenant"("app_id", "account_id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_app_id_account_id_fkey" FOREIGN KEY ("app_id", "account_id") REFERENCES "tenant"("app_id", "account_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Events of a tenant that are not settled, in their order: taking, the pure table and pre-emption.
CREATE INDEX "inbox_event_unsettled_idx" ON "inbox_event"("app_id", "account_id", "created_at", "id") WHERE status <> 'settled';
-- Install events of a tenant, settled or not: a newer one pre-empts.
CREATE INDEX "inbox_event_install_idx" ON "inbox_event"("app_id", "account_id", "created_at", "id") WHERE type = 'app.installed';
-- The hand-over to Temporal: the row that waits longest comes first.
CREATE INDEX "inbox_event_handover_idx" ON "inbox_event"((COALESCE("dispatch_lease_until", "stored_at"))) WHERE status IN ('received', 'taken');
-- The slow audit of what was handed over and is not settled.
CREATE INDEX "inbox_event_audit_idx" ON "inbox_event"((GREATEST("dispatched_at", "audited_at"))) WHERE status IN ('received', 'taken') AND dispatched_at IS NOT NULL;

-- One current set of credentials for an installation; one open mapping for a user.
CREATE UNIQUE INDEX "credential_current_key" ON "credential"("installation_id") WHERE state = 'current';
CREATE UNIQUE INDEX "user_mapping_open_key" ON "user_mapping"("app_id", "account_id", "talkdesk_user_id") WHERE ended_at IS NULL;
-- Processes without an outcome.
CREATE INDEX "process_open_idx" ON "process"("app_id", "account_id", "event_created_at", "event_id") WHERE outcome IS NULL;

-- Audit entries are added, never changed or removed.
CREATE FUNCTION "refuse_audit_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_entry is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER "audit_entry_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_entry"
    FOR EACH STATEMENT EXECUTE FUNCTION "refuse_audit_change"();
