"""What schemathesis cannot know: where the names of the installation lead, and ids and credentials that exist.

Half of the well-formed requests name something that exists, so that routes answer what they are for and not 404 alone.
Ill-formed requests are left as they were drawn.
"""

import itertools
import json
import os
import socket

import schemathesis

KNOWN = json.loads(os.environ.get("SUITE_KNOWN", "{}"))
_getaddrinfo = socket.getaddrinfo
_turn = itertools.count()


def _resolve(host, *arguments, **options):
    if isinstance(host, str) and host.endswith(".localhost"):
        host = "127.0.0.1"
    return _getaddrinfo(host, *arguments, **options)


socket.getaddrinfo = _resolve


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive or next(_turn) % 2:
        return
    # An account is known by its address and its password together.
    body = case.body if isinstance(case.body, dict) else {}
    for place in (case.path_parameters or {}, body):
        for name in place.keys() & KNOWN.keys():
            place[name] = KNOWN[name]
