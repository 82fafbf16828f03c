"""The product itself: what each call does. An answer is an HTTP status and a JSON object."""

import json
import sqlite3
import time
import uuid
from dataclasses import dataclass
from typing import Any, Optional

from ledger import Ledger
from users import preview_users, sync_users

Call = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    # Of a 202: the work under way, and when to ask again.
    work_id: Optional[str] = None
    retry_after_ms: int = 0


TENANT = "app_id = :appId AND talkdesk_account_id = :accountId"
# Calls that change one thing of an account; the names with colons are fields of the call.
ACCOUNT_CHANGES = {
    "update": "name = :accountName, plan_name = :planName, licenses = :licenses",
    "suspend": "status = 'suspended'",
    "resume": "status = 'active'",
    "sync-users": "status = status",
}
CALLS = {"provision", "deprovision", "logout", "preview-users", "lookup", *ACCOUNT_CHANGES}


class Product:
    def __init__(self, ledger: Ledger, pending_ms: int, refused_account: Optional[str]):
        self._ledger = ledger
        self._pending_ms = pending_ms
        self._refused_account = refused_account

    def answer(self, call: Call) -> Answer:
        """Carries out a call, or repeats its answer."""
        with self._ledger.transaction() as db:
            if call["call"] == "lookup":
                return self._lookup(db, call)
            if call["call"] == "preview-users":
                return self._older(db, call) or self._no_account(db, call) or Answer(200, preview_users(db, call))
            return self._once(db, call)

    def answer_about(self, work_id: str) -> Answer:
        """How far work has come that was answered 202 before."""
        with self._ledger.transaction() as db:
            row = db.execute("SELECT call FROM work WHERE work_id = ?", (work_id,)).fetchone()
            return Answer(404, {"reason": "there is no such work"}) if row is None else self._once(db, json.loads(row["call"]))

    def _once(self, db: sqlite3.Connection, call: Call) -> Answer:
        """Every changing call goes through here: the key, the generation, then the effect, and its answer kept with it."""
        kept = db.execute("SELECT status, body FROM answer WHERE idempotency_key = :idempotencyKey", call).fetchone()
        if kept is not None:
            return Answer(kept["status"], json.loads(kept["body"]))
        answer = self._older(db, call)
        if answer is None:
            db.execute("INSERT OR REPLACE INTO newest_generation VALUES (:appId, :accountId, :generation)", call)
            answer = self._pending(db, call) or self._effect(db, call)
        if answer.status != 202:
            db.execute("INSERT INTO answer VALUES (?, ?, ?)", (call["idempotencyKey"], answer.status, json.dumps(answer.body)))
        return answer

    def _older(self, db: sqlite3.Connection, call: Call) -> Optional[Answer]:
        newest = db.execute(f"SELECT generation FROM newest_generation WHERE {TENANT}", call).fetchone()
        if newest is None or newest["generation"] <= call["generation"]:
            return None
        return Answer(409, {"reason": f"installation {call['generation']} was followed by {newest['generation']}"})

    def _no_account(self, db: sqlite3.Connection, call: Call) -> Optional[Answer]:
        """The refusal of a call whose account is not open, or is another tenant's."""
        open_account = f"SELECT 1 FROM account WHERE {TENANT} AND account_id = :productAccountId AND status <> 'closed'"
        return None if db.execute(open_account, call).fetchone() else Answer(409, {"reason": "there is no such account"})

    def _pending(self, db: sqlite3.Connection, call: Call) -> Optional[Answer]:
        if self._pending_ms == 0 or call["call"] != "provision":
            return None
        now_ms = time.time_ns() // 1_000_000
        work = (str(uuid.uuid4()), call["idempotencyKey"], json.dumps(call), now_ms + self._pending_ms)
        db.execute("INSERT OR IGNORE INTO work VALUES (?, ?, ?, ?)", work)
        row = db.execute("SELECT work_id, ready_at_ms FROM work WHERE idempotency_key = :idempotencyKey", call).fetchone()
        wait_ms = row["ready_at_ms"] - now_ms
        return Answer(202, {}, row["work_id"], wait_ms) if wait_ms > 0 else None

    def _effect(self, db: sqlite3.Connection, call: Call) -> Answer:
        name = call["call"]
        if name == "provision":
            return self._provision(db, call)
        if name == "deprovision":
            db.execute("INSERT OR IGNORE INTO undone_process VALUES (:appId, :accountId, :processId)", call)
            db.execute(f"UPDATE account SET status = 'closed' WHERE {TENANT}", call)
            db.execute(f"UPDATE account_user SET active = 0 WHERE account_id IN (SELECT account_id FROM account WHERE {TENANT})", call)
        elif name in ACCOUNT_CHANGES:
            refusal = self._no_account(db, call)
            if refusal is not None:
                return refusal
            change = f"{ACCOUNT_CHANGES[name]}, generation = :generation"
            db.execute(f"UPDATE account SET {change} WHERE account_id = :productAccountId", call)
        # A logout changes nothing: this product has no sessions to end.
        return Answer(200, {"users": sync_users(db, call)} if name == "sync-users" else {})

    def _provision(self, db: sqlite3.Connection, call: Call) -> Answer:
        if db.execute(f"SELECT 1 FROM undone_process WHERE {TENANT} AND process_id = :processId", call).fetchone():
            return Answer(409, {"reason": "this installation was undone"})
        if call["accountName"] == self._refused_account:
            return Answer(422, {"reason": f"{call['accountName']} is not welcome here"})
        # A tenant has one account for good: what it had before is opened again, and its users keep their ids.
        row = db.execute(
            """INSERT INTO account VALUES (:newId, :appId, :accountId, :accountName, :planName, :licenses, 'active', :generation)
            ON CONFLICT (app_id, talkdesk_account_id) DO UPDATE SET name = excluded.name, plan_name = excluded.plan_name,
            licenses = excluded.licenses, status = 'active', generation = excluded.generation RETURNING account_id""",
            {**call, "newId": f"account-{uuid.uuid4()}"},
        ).fetchone()
        return Answer(200, {"productAccountId": row["account_id"]})

    def _lookup(self, db: sqlite3.Connection, call: Call) -> Answer:
        row = db.execute(
            f"""SELECT account_id AS productAccountId, name AS accountName, status, generation, (SELECT count(*)
            FROM account_user WHERE account_user.account_id = account.account_id AND active) AS activeUsers
            FROM account WHERE {TENANT} AND status <> 'closed'""",
            call,
        ).fetchone()
        return Answer(404, {"reason": "this account is not open"}) if row is None else Answer(200, dict(row))
