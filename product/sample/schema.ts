/**
 * Tables of the sample product, in its own database. Every statement can be run again on tables that are there, and those of earlier
 * releases are only ever added to: what came later stands at the end. A real product has its own; an adapter needs a place for the
 * three rules that outlive a call: answers by idempotency key, the newest generation of a tenant, and the processes whose provisioning
 * was undone.
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS account (
  account_id text PRIMARY KEY,
  app_id text NOT NULL,
  talkdesk_account_id text NOT NULL,
  account_name text NOT NULL,
  company_name text,
  plan_name text,
  licenses integer,
  first_admin_user_id text,
  authorization_url text,
  token_url text NOT NULL,
  userinfo_url text,
  status text NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
  generation integer NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  UNIQUE (app_id, talkdesk_account_id)
);

CREATE TABLE IF NOT EXISTS account_user (
  user_id text PRIMARY KEY,
  account_id text NOT NULL REFERENCES account,
  talkdesk_user_id text NOT NULL,
  email text,
  name text,
  admin boolean NOT NULL,
  active boolean NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  logged_out_at timestamptz,
  UNIQUE (account_id, talkdesk_user_id)
);

CREATE TABLE IF NOT EXISTS call_ledger (
  idempotency_key text PRIMARY KEY,
  operation text NOT NULL,
  app_id text NOT NULL,
  talkdesk_account_id text NOT NULL,
  process_id text NOT NULL,
  generation integer NOT NULL,
  calls integer NOT NULL DEFAULT 1,
  answer jsonb,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS tenant_generation (
  app_id text NOT NULL,
  talkdesk_account_id text NOT NULL,
  generation integer NOT NULL,
  PRIMARY KEY (app_id, talkdesk_account_id)
);

CREATE TABLE IF NOT EXISTS undone_process (
  app_id text NOT NULL,
  talkdesk_account_id text NOT NULL,
  process_id text NOT NULL,
  undone_at timestamptz NOT NULL,
  PRIMARY KEY (app_id, talkdesk_account_id, process_id)
);

CREATE TABLE IF NOT EXISTS blocked_account (
  account_name text PRIMARY KEY,
  reason text NOT NULL
);

ALTER TABLE account ADD COLUMN IF NOT EXISTS seats integer;
ALTER TABLE call_ledger ADD COLUMN IF NOT EXISTS ready_at timestamptz;
`;
