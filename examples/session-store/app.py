"""A Flask application that keeps its sessions and its rate limits in MemoryDB.

`python app.py` serves it on PORT; connect() says which variables name the cluster.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, abort, jsonify, request, session
from flask.sessions import SessionInterface, SessionMixin
from redis.cluster import RedisCluster
from werkzeug.datastructures import CallbackDict

SESSION_SECONDS = 1800
LIMIT, WINDOW_SECONDS = 5, 60

# A sliding window: one member for each request of the last minute, judged and recorded in one step, by the node's clock.
# Answers 0, or the milliseconds until the oldest request leaves the window.
ADMIT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = ARGV[2] * 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
    local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
    return oldest[2] + window - now
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return 0
"""


class StoredSession(CallbackDict[str, Any], SessionMixin):
    """A session as the views see it; `identifier` is what the cookie says."""

    def __init__(self, content: Mapping[str, Any], identifier: str) -> None:
        super().__init__(content, lambda _: setattr(self, "modified", True))
        self.identifier = identifier
        self.modified = False


class Sessions(SessionInterface):
    """Sessions live in MemoryDB and end half an hour after their last use; the browser holds an identifier only."""

    def __init__(self, redis: RedisCluster) -> None:
        self._redis = redis

    def open_session(self, app: Flask, request: Any) -> StoredSession:
        """The session that the cookie names, which lives on for another half an hour; else a new one."""
        identifier = request.cookies.get(self.get_cookie_name(app))
        stored = self._redis.getex(_key(identifier), ex=SESSION_SECONDS) if identifier else None
        if stored is None:  # never trust an identifier that a client has made up
            return StoredSession({}, secrets.token_urlsafe(24))
        return StoredSession(json.loads(stored), identifier)

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Write what the request has changed."""
        if not session.modified:
            return
        name = self.get_cookie_name(app)
        if not session:
            self._redis.delete(_key(session.identifier))
            response.delete_cookie(name)
            return
        self._redis.set(_key(session.identifier), json.dumps(dict(session)), ex=SESSION_SECONDS)
        response.set_cookie(name, session.identifier, httponly=True, samesite="Lax", max_age=SESSION_SECONDS)

    def renew(self, session: StoredSession) -> None:
        """Another identifier, so that nobody who knew the one before the login has the one after it."""
        self._redis.delete(_key(session.identifier))
        session.identifier = secrets.token_urlsafe(24)


def _key(identifier: str) -> str:
    return f"session:{identifier}"


def create_app(redis: RedisCluster) -> Flask:
    """The application; any number of processes of it share what is in the cluster."""
    app = Flask(__name__)
    app.session_interface = sessions = Sessions(redis)
    admit = redis.register_script(ADMIT)

    @app.post("/login")
    def login() -> Response:
        sessions.renew(session)  # type: ignore[arg-type]
        session.update(user=request.form["user"], cart=[])
        return jsonify(user=session["user"])

    @app.post("/cart")
    def add() -> Response:
        user = session.get("user") or abort(401)
        wait = int(admit(keys=[f"rate:{user}"], args=[LIMIT, WINDOW_SECONDS, secrets.token_hex(8)]))
        if wait:
            abort(Response("too many requests\n", 429, {"Retry-After": str(-(-wait // 1000))}))
        session["cart"] = [*session["cart"], request.form["item"]]
        return jsonify(cart=session["cart"])

    @app.get("/cart")
    def cart() -> Response:
        if "user" not in session:
            abort(401)
        return jsonify(user=session["user"], cart=session["cart"])

    @app.post("/logout")
    def logout() -> Response:
        session.clear()
        return Response(status=204)

    return app


def connect(variables: Mapping[str, str] = os.environ) -> RedisCluster:
    """The cluster that the environment names. On AWS there is no CLUSTER_CA: its authority is known everywhere."""
    return RedisCluster(
        host=variables["CLUSTER_HOST"],
        port=int(variables.get("CLUSTER_PORT", "6379")),
        username=variables.get("CLUSTER_USER"),
        password=variables.get("CLUSTER_PASSWORD"),
        ssl=True,
        ssl_ca_certs=variables.get("CLUSTER_CA"),
    )


if __name__ == "__main__":
    create_app(connect()).run(port=int(os.environ.get("PORT", "8000")))
