"""A ledger: a service with accounts, such as a saga's steps call.

It has its own database, and takes every request as often as it comes: the barrier of docs/patterns.md, two
inserts under a unique index in the business transaction. Python's own library is all that it needs:

    python3 ledger.py ledger.db 8080

    POST /charges {"operation": "...", "account": "ada", "cents": 500}    takes money, once for each operation
    POST /refunds {"operation": "..."}                                    gives it back, or sees to it that it
                                                                          is never taken
    GET  /accounts                                                        what each account has

For trying what a network does, `"fault": "lost"` does the work and closes the connection without an answer, and
`"delay_ms"` answers late.
"""

import json
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0)) STRICT;
CREATE TABLE IF NOT EXISTS barrier (operation TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS answers (operation TEXT PRIMARY KEY, status INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS charges (operation TEXT PRIMARY KEY, account TEXT NOT NULL, cents INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO accounts VALUES ('ada', 1000000), ('bob', 300), ('shop', 0);
"""


class Ledger:
    """The accounts. One writer at a time, as SQLite has it."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.executescript(SCHEMA)

    def charge(self, operation: str, account: str, cents: int) -> tuple[int, dict]:
        """Takes money from an account, once."""

        def take() -> tuple[int, dict]:
            has = self.one("SELECT cents FROM accounts WHERE name = ?", account)
            if has is None:
                return 404, {"error": f"there is no account `{account}`"}
            if has[0] < cents:
                return 402, {"error": f"`{account}` has {has[0]} cents"}
            self.database.execute("UPDATE accounts SET cents = cents - ? WHERE name = ?", (cents, account))
            self.database.execute("UPDATE accounts SET cents = cents + ? WHERE name = 'shop'", (cents,))
            self.database.execute("INSERT INTO charges VALUES (?, ?, ?)", (operation, account, cents))
            return 201, {"charge": operation, "cents": cents}

        with self.lock, self.transaction():
            if not self.first(operation):
                return self.answer(operation)
            return self.remember(operation, *take())

    def refund(self, operation: str) -> tuple[int, dict]:
        """Gives a charge back; one that never came is refused from now on."""
        undo = f"{operation}/undo"
        with self.lock, self.transaction():
            if self.first(operation):
                # It never happened, and this insert is what a late one fails on.
                self.remember(operation, 409, {"error": "it was undone before it came"})
                self.first(undo)
                return self.remember(undo, 200, {"refunded": 0})
            if not self.first(undo):
                return self.answer(undo)
            charge = self.one("SELECT account, cents FROM charges WHERE operation = ?", operation)
            if charge is None:
                return self.remember(undo, 200, {"refunded": 0})
            account, cents = charge
            self.database.execute("UPDATE accounts SET cents = cents + ? WHERE name = ?", (cents, account))
            self.database.execute("UPDATE accounts SET cents = cents - ? WHERE name = 'shop'", (cents,))
            return self.remember(undo, 200, {"refunded": cents})

    def accounts(self) -> dict:
        """What each account has."""
        with self.lock:
            return dict(self.database.execute("SELECT name, cents FROM accounts").fetchall())

    def transaction(self) -> sqlite3.Connection:
        """One transaction, which the `with` commits, or rolls back where it fails."""
        self.database.execute("BEGIN IMMEDIATE")
        return self.database

    def first(self, operation: str) -> bool:
        """Whether this operation is here for the first time: the barrier."""
        inserted = self.database.execute("INSERT INTO barrier VALUES (?) ON CONFLICT DO NOTHING", (operation,))
        return inserted.rowcount == 1

    def remember(self, operation: str, status: int, body: dict) -> tuple[int, dict]:
        """Keeps the answer for those who ask again."""
        self.database.execute("INSERT INTO answers VALUES (?, ?, ?)", (operation, status, json.dumps(body)))
        return status, body

    def answer(self, operation: str) -> tuple[int, dict]:
        """What was answered before."""
        status, body = self.one("SELECT status, body FROM answers WHERE operation = ?", operation)
        return status, json.loads(body)

    def one(self, sql: str, *values: object) -> tuple | None:
        return self.database.execute(sql, values).fetchone()


class Handler(BaseHTTPRequestHandler):
    """Requests, as JSON."""

    protocol_version = "HTTP/1.1"
    ledger: Ledger

    def do_GET(self) -> None:
        if self.path == "/accounts":
            self.say(200, self.ledger.accounts())
        else:
            self.say(404, {"error": "there are /charges, /refunds and /accounts"})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        try:
            body = json.loads(self.rfile.read(length))
            operation = str(body["operation"])
            if self.path == "/charges":
                status, answer = self.ledger.charge(operation, str(body["account"]), int(body["cents"]))
            elif self.path == "/refunds":
                status, answer = self.ledger.refund(operation)
            else:
                status, answer = 404, {"error": "there are /charges, /refunds and /accounts"}
        except (KeyError, TypeError, ValueError) as error:
            return self.say(400, {"error": f"the body is not what it should be: {error!r}"})
        time.sleep(body.get("delay_ms", 0) / 1000)
        if body.get("fault") == "lost":
            self.close_connection = True
            return None
        return self.say(status, answer)

    def say(self, status: int, answer: dict) -> None:
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: what happened is in the database."""


class Server(ThreadingHTTPServer):
    """Takes it that whoever asked may go away at any moment."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    path, port = sys.argv[1], int(sys.argv[2])
    Handler.ledger = Ledger(path)
    server = Server(("127.0.0.1", port), Handler)
    print(f"the ledger `{path}` is at http://localhost:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
