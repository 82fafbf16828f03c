"""Users of an account: what a list makes of them."""

import sqlite3
import uuid
from typing import Any


def sync_users(db: sqlite3.Connection, call: dict[str, Any]) -> list[dict[str, str]]:
    """Makes the users equal to the list and gives what became of them. Nobody is deleted: who is absent is suspended."""
    rows = db.execute("SELECT * FROM account_user WHERE account_id = :productAccountId", call).fetchall()
    known = {row["talkdesk_user_id"]: row for row in rows}
    # Of two entries for one user the later one counts.
    listed = {user["talkdeskUserId"]: user for user in call["users"]}

    def precedence(user: dict[str, Any]) -> tuple[bool, float]:
        """With too few seats, admins come first, then who came first."""
        row = known.get(user["talkdeskUserId"])
        return not user["admin"], float("inf") if row is None else row["place"]

    wanted = sorted((user for user in listed.values() if user["seat"] == "active"), key=precedence)
    seated = {user["talkdeskUserId"] for user in wanted[: call["seats"]]}
    values, answer = [], []
    for place, (talkdesk_id, user) in enumerate(listed.items(), start=len(known)):
        user_id = known[talkdesk_id]["user_id"] if talkdesk_id in known else f"user-{uuid.uuid4()}"
        active = talkdesk_id in seated
        details = (user["email"], user["name"], user["admin"], active, place)
        values.append((user_id, call["productAccountId"], talkdesk_id, *details))
        seat = "active" if active else "suspended"
        answer.append({"talkdeskUserId": talkdesk_id, "productUserId": user_id, "seat": seat})
    db.execute("UPDATE account_user SET active = 0 WHERE account_id = :productAccountId", call)
    db.executemany(
        """INSERT INTO account_user VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (account_id, talkdesk_user_id) DO UPDATE
        SET email = excluded.email, name = excluded.name, admin = excluded.admin, active = excluded.active""",
        values,
    )
    return answer


def preview_users(db: sqlite3.Connection, call: dict[str, Any]) -> dict[str, int]:
    """Syncs, counts what changed, and takes it back: so preview and sync cannot differ."""
    before = seats_of(db, call)
    db.execute("SAVEPOINT preview")
    sync_users(db, call)
    after = seats_of(db, call)
    db.execute("ROLLBACK TO preview")
    changed = [(before.get(user_id), active) for user_id, active in after.items()]
    return {"add": len(after) - len(before), "resume": changed.count((0, 1)), "suspend": changed.count((1, 0))}


def seats_of(db: sqlite3.Connection, call: dict[str, Any]) -> dict[str, int]:
    rows = db.execute("SELECT talkdesk_user_id, active FROM account_user WHERE account_id = :productAccountId", call)
    return {row["talkdesk_user_id"]: row["active"] for row in rows}
