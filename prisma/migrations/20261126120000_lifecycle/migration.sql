-- The whole lifecycle: updates, uninstalls and rotations beside installs, trials, a person's decisions, seats.
--
-- What the install path kept for later is handed over now: events of the status 'kept' become 'received'.

UPDATE "inbox_event" SET status = 'received', dispatched_at = NULL, namespace_id = NULL, dispatch_lease_until = NULL
    WHERE status = 'kept' AND account_id IS NOT NULL;
UPDATE "inbox_event" SET status = 'settled', outcome = 'recorded', settled_at = received_at WHERE status = 'kept';

ALTER TABLE "inbox_event"
    DROP CONSTRAINT "inbox_event_status_check",
    DROP CONSTRAINT "inbox_event_outcome_check",
    ADD CONSTRAINT "inbox_event_status_check" CHECK (status IN ('received', 'taken', 'settled')),
    ADD CONSTRAINT "inbox_event_outcome_check" CHECK (outcome IS NULL OR outcome IN ('approved', 'rejected', 'acknowledged', 'expired', 'superseded', 'credentials-gone', 'contradicted', 'cancelled', 'recorded', 'quarantined'));

ALTER TABLE "process"
    ADD COLUMN "generation" INTEGER,
    ADD COLUMN "event_details" JSONB,
    ADD COLUMN "before_update" JSONB,
    ADD COLUMN "restored_at" TIMESTAMPTZ(3),
    ADD COLUMN "person_decision" TEXT,
    ADD COLUMN "person_decision_reason" TEXT,
    ADD COLUMN "person_decided_by" TEXT,
    ADD COLUMN "person_decided_at" TIMESTAMPTZ(3),
    ADD COLUMN "warnings" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    DROP CONSTRAINT "process_kind_check",
    DROP CONSTRAINT "process_undo_check",
    DROP CONSTRAINT "process_outcome_check";

-- A generation is the place of an install event among those of its tenant; until now every process was an install.
UPDATE "process" p SET generation = n.generation
    FROM (SELECT id, row_number() OVER (PARTITION BY app_id, account_id ORDER BY event_created_at, event_id) AS generation FROM "process") n
    WHERE n.id = p.id;

ALTER TABLE "process"
    ALTER COLUMN "generation" SET NOT NULL,
    ADD CONSTRAINT "process_kind_check" CHECK (kind IN ('install', 'update', 'uninstall', 'rotation')),
    ADD CONSTRAINT "process_undo_check" CHECK (undo IN ('none', 'tables', 'registered', 'done')),
    ADD CONSTRAINT "process_generation_check" CHECK (generation >= 0),
    ADD CONSTRAINT "process_outcome_check" CHECK (outcome IS NULL OR outcome IN ('approved', 'rejected', 'acknowledged', 'expired', 'superseded', 'credentials-gone', 'contradicted', 'cancelled')),
    ADD CONSTRAINT "process_person_decision_check" CHECK (person_decision IS NULL OR person_decision IN ('approve', 'reject')),
    ADD CONSTRAINT "process_person_decided_check" CHECK ((person_decision IS NULL) = (person_decision_reason IS NULL) AND (person_decision IS NULL) = (person_decided_by IS NULL) AND (person_decision IS NULL) = (person_decided_at IS NULL));

-- event_id and event_created_at name the newest install event of the installation from now on, and generation is that one's.
UPDATE "installation" i SET generation = n.generation, event_id = n.event_id, event_created_at = n.event_created_at
    FROM (SELECT DISTINCT ON (installation_id) installation_id, generation, event_id, event_created_at FROM "process"
        ORDER BY installation_id, generation DESC) n
    WHERE n.installation_id = i.id;

ALTER TABLE "installation"
    ADD COLUMN "plan_type" TEXT,
    ADD COLUMN "trial_state" TEXT,
    ADD COLUMN "trial_expires_at" TIMESTAMPTZ(3),
    ADD COLUMN "trial_ended_reason" TEXT,
    ADD COLUMN "trial_event_created_at" TIMESTAMPTZ(3),
    ADD COLUMN "suspended" BOOLEAN NOT NULL DEFAULT false,
    ADD CONSTRAINT "installation_trial_state_check" CHECK (trial_state IS NULL OR trial_state IN ('active', 'ended')),
    ADD CONSTRAINT "installation_trial_check" CHECK ((trial_state IS NULL) = (trial_event_created_at IS NULL));

-- Sets are ordered by (event_created_at, delivered_by, id): where one second holds an install and a rotation, the install comes first.
ALTER TABLE "credential"
    ADD COLUMN "delivered_by" TEXT COLLATE "C" NOT NULL DEFAULT 'install',
    ADD CONSTRAINT "credential_delivered_by_check" CHECK (delivered_by IN ('install', 'rotation')),
    ADD CONSTRAINT "credential_gone_check" CHECK (state <> 'gone' OR (client_secret IS NULL AND private_key IS NULL));
ALTER TABLE "credential" ALTER COLUMN "delivered_by" DROP DEFAULT;

ALTER TABLE "user_mapping"
    ADD COLUMN "seat" TEXT,
    ADD CONSTRAINT "user_mapping_seat_check" CHECK (seat IS NULL OR seat IN ('active', 'suspended'));

ALTER TABLE "audit_entry"
    DROP CONSTRAINT "audit_entry_action_check",
    ADD CONSTRAINT "audit_entry_action_check" CHECK (action IN ('taken', 'provisioned', 'decided', 'undone', 'outcome', 'parked', 'resumed', 'decision', 'access-ended', 'promoted', 'restored', 'trial', 'warned', 'settled'));

-- Events of a tenant that are not settled, in their order. Logouts have runs of their own and are not looked for by tenant.
DROP INDEX "inbox_event_unsettled_idx";
CREATE INDEX "inbox_event_unsettled_idx" ON "inbox_event"("app_id", "account_id", "created_at", "id") WHERE status <> 'settled' AND type <> 'user.logout';
-- What else than an install may end a process of the installation early, settled or not.
CREATE INDEX "inbox_event_change_idx" ON "inbox_event"("installation_id", "created_at", "id") WHERE type IN ('app.updated', 'app.uninstalled', 'app.credentials_rotated');
-- Active installations of an app, for guards that count them.
CREATE INDEX "installation_active_idx" ON "installation"("app_id") WHERE state = 'active';
