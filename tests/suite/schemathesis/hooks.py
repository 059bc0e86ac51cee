"""What schemathesis cannot know: where the names of the installation lead, and ids and credentials that exist.

Half of the well-formed requests name something that exists, so that routes answer what they are for and not 404 alone.
Ill-formed requests are left as they were drawn, and so are ids that came from an answer: those exist already.
"""

import itertools
import json
import os
import socket
import uuid

import schemathesis

# `everywhere`: by the names of members and parameters. `beneath`: the same for some paths, as [method or null, path, names].
KNOWN = json.loads(os.environ.get("SUITE_KNOWN", "{}"))
_getaddrinfo = socket.getaddrinfo
_turn = itertools.count()


def _resolve(host, *arguments, **options):
    if isinstance(host, str) and host.endswith(".localhost"):
        host = "127.0.0.1"
    return _getaddrinfo(host, *arguments, **options)


socket.getaddrinfo = _resolve


def _of_path(method, path):
    for only, beneath, names in KNOWN.get("beneath", []):
        if only in (None, method) and path.startswith(beneath):
            return names
    return {}


def _spare(case):
    """What is done to somebody is done to the one who is there for it: the others are needed, the one who asks among them."""
    parameters = case.path_parameters or {}
    for beneath, names in KNOWN.get("subjects", []):
        if case.method == "GET" or not case.path.startswith(beneath):
            continue
        for name in parameters.keys() & names.keys():
            if _is_id(parameters[name]):
                parameters[name] = names[name]


def _is_id(value):
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return True


@schemathesis.hook
def before_call(context, case, kwargs):
    _spare(case)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.path.startswith("/api/tenants/webhooks") and isinstance(case.body, dict) and "url" in case.body:
        # Nobody outside is told of what a test does.
        case.body["url"] = "https://hooks.example.org/shinkofa"
    if next(_turn) % 2:
        return
    everywhere = KNOWN.get("everywhere", {})
    # An account is known by its address and its password together.
    places = [(case.body if isinstance(case.body, dict) else {}, everywhere)]
    if case.meta.phase.name != "stateful":
        places.append((case.path_parameters or {}, {**everywhere, **_of_path(case.method, case.path)}))
    for place, names in places:
        for name in place.keys() & names.keys():
            place[name] = names[name]
