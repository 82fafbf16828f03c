"""What outlives a call, in SQLite: accounts and users, answers by idempotency key, newest generations, undone processes."""

import contextlib
import sqlite3
import threading
from typing import Iterator

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  account_id TEXT PRIMARY KEY, app_id TEXT NOT NULL, talkdesk_account_id TEXT NOT NULL, name TEXT NOT NULL, plan_name TEXT,
  licenses INTEGER, status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')), generation INTEGER NOT NULL,
  UNIQUE (app_id, talkdesk_account_id));
CREATE TABLE IF NOT EXISTS account_user (
  user_id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL REFERENCES account, talkdesk_user_id TEXT NOT NULL, email TEXT, name TEXT,
  admin INTEGER NOT NULL, active INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (account_id, talkdesk_user_id));
CREATE TABLE IF NOT EXISTS answer (idempotency_key TEXT PRIMARY KEY, status INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS work (
  work_id TEXT PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, call TEXT NOT NULL, ready_at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS newest_generation (
  app_id TEXT NOT NULL, talkdesk_account_id TEXT NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (app_id, talkdesk_account_id));
CREATE TABLE IF NOT EXISTS undone_process (
  app_id TEXT NOT NULL, talkdesk_account_id TEXT NOT NULL, process_id TEXT NOT NULL,
  PRIMARY KEY (app_id, talkdesk_account_id, process_id));
"""


class Ledger:
    """One connection, one transaction at a time: calls follow each other, so two with one key at once cannot both take effect."""

    def __init__(self, file: str):
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # An answer that was sent must still be there after a power cut.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits at the end; an exception undoes everything."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
