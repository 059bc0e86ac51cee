#!/usr/bin/env python3
"""Writes valid.json and hostile.json: access tokens that every verifier must take, and tokens that every one must refuse.

Signed here with the standard library alone, so that no verifier under test has a hand in it. Always the same output.
"""

import base64
import hashlib
import hmac
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
CONDITIONS = json.loads((HERE / "conditions.json").read_text())
KEYS = {}
for line in (HERE / "keyring").read_text().splitlines():
    if line and not line.startswith("#"):
        kid, secret = line.split(":", 1)
        KEYS[kid] = base64.b64decode(secret)
CURRENT, NEXT = list(KEYS)
NOW = CONDITIONS["now"]

HEADER = {"alg": "HS256", "typ": "at+jwt", "kid": CURRENT}
PERSON = "01920000-0000-7000-8000-00000000a001"
STAFF = "01920000-0000-7000-8000-00000000a003"
CLAIMS = {
    "iss": CONDITIONS["issuer"],
    "aud": [CONDITIONS["audience"]],
    "sub": PERSON,
    "userId": PERSON,
    "user_id": PERSON,
    "email": "anna@example.org",
    "email_verified": True,
    "roles": ["member"],
    "tier": "free",
    "tenant_id": "01920000-0000-7000-8000-000000000001",
    "sid": "01920000-0000-7000-8000-00000000b001",
    "jti": "01920000-0000-7000-8000-00000000c001",
    "tv": 1,
    "amr": ["pwd"],
    "acr": "aal1",
    "auth_time": NOW - 60,
    "acct": "member",
    "iat": NOW - 60,
    "nbf": NOW - 60,
    "exp": NOW + 840,
}
GONE = object()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def changed(base, **changes):
    merged = {**base, **changes}
    return {name: value for name, value in merged.items() if value is not GONE}


def sign(header, payload, key=None, digest=hashlib.sha256):
    """Header and payload as text; the key of the header's kid unless another is given."""
    signed = f"{b64(header.encode())}.{b64(payload.encode('utf-8', 'surrogatepass'))}"
    secret = KEYS[CURRENT] if key is None else key
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), digest).digest())}"


def token(header=None, claims=None, **options):
    return sign(text(changed(HEADER, **(header or {}))), text(changed(CLAIMS, **(claims or {}))), **options)


def valid():
    yield "as auth signs it", token()
    yield "signed with the other key of the keyring", token({"kid": NEXT}, key=KEYS[NEXT])
    yield "without kid, under the newest key", token({"kid": GONE})
    yield "without kid, under the key before it", token({"kid": GONE}, key=KEYS[NEXT])
    for role in ["admin", "manager", "coach", "member", "moderator"]:
        yield f"role {role}", token(claims={"roles": [role]})
    yield "all roles", token(claims={"roles": ["admin", "manager", "coach", "member", "moderator"]})
    yield "no role", token(claims={"roles": []})
    yield "tier premium", token(claims={"tier": "premium"})
    yield "two factors", token(claims={"acr": "aal2", "amr": ["pwd", "otp"]})
    yield "an unconfirmed address", token(claims={"email_verified": False})
    yield "an address beyond ASCII", token(claims={"email": "zoé@exämple.org"})
    yield "several audiences", token(claims={"aud": ["elsewhere", CONDITIONS["audience"]]})
    yield "a claim that a later version adds", token(claims={"later": {"a": [1, None, "x"]}})
    yield "roles that the tenant made itself", token(claims={"custom_roles": ["front-desk", "bookkeeping"]})
    yield "a service account's", token(claims={"acct": "service", "roles": [], "amr": ["api_key"], "client_id": "shk_abcdefghjkmn",
                                               "scope": "booking.classes.manage booking.sessions.manage"})
    yield "a service account's that may do nothing", token(claims={"acct": "service", "roles": [], "amr": ["api_key"]})
    yield "a service account's with an empty scope", token(claims={"acct": "service", "roles": [], "amr": ["api_key"], "scope": ""})
    yield "a temporary account's", token(claims={"acct": "temporary"})
    yield "no role that the tenant made itself", token(claims={"custom_roles": []})
    for level in ["aal1", "aal2"]:
        yield f"a step-up takes {level}", token(claims={"step_up": level})
    yield "somebody's of the staff, in the person's place", token(claims={"act": {"sub": STAFF}, "ro": True})
    yield "the same, with more said of who acts", token(claims={"act": {"sub": STAFF, "iss": "elsewhere", "act": {"sub": "x"}}, "ro": True})
    yield "for looking alone", token(claims={"ro": True})
    yield "for more than looking, in so many words", token(claims={"ro": False})
    yield "null for what only some have", token(claims={"act": None, "scope": None, "client_id": None})
    yield "a high token version", token(claims={"tv": 2**31 - 1})
    yield "in its last second", token(claims={"exp": NOW + 1})
    yield "for an hour, the longest life of one", token(claims={"exp": CLAIMS["iat"] + 3600})
    yield "the same, in its last second", token(claims={"iat": NOW - 3599, "nbf": NOW - 3599, "exp": NOW + 1})
    yield "issued by a clock that is 30 s ahead", token(claims={"iat": NOW + 30, "nbf": NOW + 30})
    yield "header in another order", sign(text({"kid": CURRENT, "typ": "at+jwt", "alg": "HS256"}), text(CLAIMS))
    yield "claims in another order", sign(text(HEADER), text(dict(reversed(CLAIMS.items()))))


def algorithms():
    for alg in ["none", "None", "NONE", "nOnE", "hs256", "Hs256", "HS384", "HS512", "RS256", "RS512", "ES256", "PS256",
                "EdDSA", "HS256 ", "", None, 256, ["HS256"], GONE]:
        name = "missing" if alg is GONE else text(alg)
        yield f"alg {name}, signed all the same", token({"alg": alg})
        unsigned = token({"alg": alg}).rsplit(".", 1)[0]
        yield f"alg {name}, empty signature", f"{unsigned}."
        yield f"alg {name}, no signature at all", unsigned
    yield "alg HS512 and really so", token({"alg": "HS512"}, digest=hashlib.sha512)
    yield "alg HS384 and really so", token({"alg": "HS384"}, digest=hashlib.sha384)
    yield "alg HS256 but SHA-512 below", token(digest=hashlib.sha512)


def headers():
    for typ in ["JWT", "svc+jwt", "rt+jwt", "", None, 1, ["at+jwt"], GONE]:
        yield f"typ {'missing' if typ is GONE else text(typ)}", token({"typ": typ})
    for kid in ["", "unknown", f"{CURRENT} ", CURRENT.upper(), "../../dev/null", "/dev/null", "..\\..\\nul",
                "' OR '1'='1", "'; DROP TABLE users; --", "0", "constructor", "__proto__", "toString", "x" * 5000,
                "\u0000", f"{CURRENT}\u0000"]:
        yield f"kid {text(kid)[:40]}", token({"kid": kid})
        yield f"kid {text(kid)[:40]} under the empty key", token({"kid": kid}, key=b"")
    for kid in [0, 1.5, True, [CURRENT], {"kid": CURRENT}]:
        yield f"kid {text(kid)}", token({"kid": kid})
    yield "the kid of one key under another", token({"kid": NEXT})
    own = b"a key that the attacker brought along, long enough"
    jwk = {"kty": "oct", "k": b64(own), "alg": "HS256"}
    for name, value in [("jwk", jwk), ("jku", "https://evil.test/keys.json"), ("x5u", "https://evil.test/cert.pem"),
                        ("x5c", [base64.b64encode(own).decode()]), ("x5t", b64(own[:20])), ("x5t#S256", b64(own[:32]))]:
        yield f"{name} beside the attacker's signature", token({name: value}, key=own)
        yield f"{name} instead of a kid", token({name: value, "kid": GONE}, key=own)
    for crit in [["exp"], ["b64"], [], ["http://example.org/unknown"], "exp"]:
        yield f"crit {text(crit)}", token({"crit": crit})
    yield "a payload that says it is not encoded", token({"b64": False, "crit": ["b64"]})
    # Rightly signed, and no header all the same.
    for name, value in [("cty", 1), ("jku", 1), ("jwk", "text"), ("x5u", ["https://evil.test"]), ("x5c", "text"), ("x5t", 1), ("x5t#S256", []),
                        ("enc", 1), ("zip", True), ("url", 1), ("nonce", {})]:
        yield f"{name} {text(value)}", token({name: value})
    for name, header in [("an array", "[]"), ("a string", '"HS256"'), ("null", "null"), ("empty", ""), ("cut off", '{"alg":"HS256"'),
                         ("with a byte order mark", "\ufeff" + text(HEADER)),
                         ("with alg twice", '{"alg":"none",' + text(HEADER)[1:]),
                         ("with kid twice", '{"kid":"unknown",' + text(HEADER)[1:])]:
        yield f"header {name}", sign(header, text(CLAIMS))


def signatures():
    good = token()
    head, body, signature = good.split(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    for place in range(len(raw)):
        flipped = bytearray(raw)
        flipped[place] ^= 1 << (place % 8)
        yield f"signature with byte {place} changed", f"{head}.{body}.{b64(bytes(flipped))}"
    for length in [0, 1, 16, 20, 31]:
        yield f"signature cut to {length} bytes", f"{head}.{body}.{b64(raw[:length])}"
    yield "signature with a byte more", f"{head}.{body}.{b64(raw + bytes(1))}"
    yield "signature twice", f"{head}.{body}.{signature}{signature}"
    yield "signature with padding", f"{good}="
    yield "signature with a character of another alphabet", f"{head}.{body}.{'+' + signature[1:]}"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other_end = alphabet[alphabet.index(signature[-1]) ^ 1]
    yield "signature with other unused bits at its end", f"{head}.{body}.{signature[:-1]}{other_end}"
    yield "signature of zeros", f"{head}.{body}.{b64(bytes(32))}"
    yield "signature in hexadecimal", f"{head}.{body}.{raw.hex()}"
    yield "signature of another token", f"{head}.{body}.{token(claims={'tv': 2}).split('.')[2]}"
    yield "payload changed after signing", f"{head}.{b64(text(changed(CLAIMS, roles=['admin'])).encode())}.{signature}"
    yield "header changed after signing", f"{b64(text(changed(HEADER, kid=GONE)).encode())}.{body}.{signature}"
    for name, key in [("the empty key", b""), ("the word secret", b"secret"), ("the kid", CURRENT.encode()),
                      ("the key as it stands in its file", base64.b64encode(KEYS[CURRENT])),
                      ("the key without its last byte", KEYS[CURRENT][:-1]), ("zeros", bytes(32))]:
        yield f"signed with {name}", token(key=key)


def shapes():
    good = token()
    head, body, signature = good.split(".")
    for name, value in [
        ("nothing", ""), ("one point", "."), ("two points", ".."), ("four parts", f"{good}.{signature}"),
        ("five parts, as an encrypted token", f"{head}..{b64(b'iv')}.{body}.{signature}"), ("the header alone", head),
        ("no header", f".{body}.{signature}"), ("no payload", f"{head}..{signature}"), ("parts in another order", f"{body}.{head}.{signature}"),
        ("a space before it", f" {good}"), ("a space behind it", f"{good} "), ("a line end behind it", f"{good}\n"),
        ("a line end within", f"{head}.\n{body}.{signature}"), ("a NUL behind it", f"{good}\0"), ("in quotation marks", f'"{good}"'),
        ("the JSON serialization", text({"protected": head, "payload": body, "signature": signature})),
        ("header with padding", f"{head}=.{body}.{signature}"), ("commas for points", good.replace(".", ",")),
        ("a refresh token", b64(bytes([1]) + bytes(range(52)))), ("a one-time token", b64(bytes(range(32)))),
        ("twice", f"{good}.{good}"),
    ]:
        yield name, value
    for name, payload in [
        ("an array", "[]"), ("null", "null"), ("a number", "1"), ("a string", '"x"'), ("empty", ""), ("cut off", text(CLAIMS)[:-1]),
        ("with something behind it", text(CLAIMS) + "x"), ("with a comment", text(CLAIMS)[:-1] + "/**/}"), ("with a comma at its end", text(CLAIMS)[:-1] + ",}"),
        ("with a byte order mark", "\ufeff" + text(CLAIMS)), ("in an array", f"[{text(CLAIMS)}]"), ("100 levels deep", "[" * 100 + "]" * 100),
        ("with half a character", text(CLAIMS).replace("anna@", "\ud800@")), ("with single quotes", text(CLAIMS).replace('"', "'")),
    ]:
        yield f"payload {name}", sign(text(HEADER), payload)


def types():
    for claim in ["exp", "nbf", "iat"]:
        for value in [str(CLAIMS[claim]), float(CLAIMS[claim]), CLAIMS[claim] + 0.5, -1, -CLAIMS[claim], None, True, [CLAIMS[claim]],
                      {"value": CLAIMS[claim]}, 2**63, 2**64, 10**30, "", GONE]:
            yield f"{claim} {'missing' if value is GONE else text(value)}", token(claims={claim: value})
        yield f"{claim} as 1e10", sign(text(HEADER), text(CLAIMS).replace(f'"{claim}":{CLAIMS[claim]}', f'"{claim}":1e10'))
        yield f"{claim} twice", sign(text(HEADER), text(CLAIMS)[:-1] + f',"{claim}":{CLAIMS[claim]}}}')
        yield f"{claim} twice, a good one last", sign(text(HEADER), f'{{"{claim}":1,' + text(CLAIMS)[1:])
    other = "01920000-0000-7000-8000-00000000a002"
    for claim in ["sub", "userId", "user_id"]:
        for value in [other, PERSON.upper() + "x", "anna", "", None, 1, [PERSON], GONE]:
            yield f"{claim} {'missing' if value is GONE else text(value)}", token(claims={claim: value})
        yield f"{claim} twice", sign(text(HEADER), text(CLAIMS)[:-1] + f',"{claim}":"{other}"}}')
    for claim in ["sid", "jti", "tenant_id"]:
        for value in ["", "1", "' OR '1'='1", None, 1, [], GONE]:
            yield f"{claim} {'missing' if value is GONE else text(value)}", token(claims={claim: value})
    for value in ["1", 1.5, None, True, 2**31, 2**64, [], GONE]:
        yield f"tv {'missing' if value is GONE else text(value)}", token(claims={"tv": value})
    issuer = CONDITIONS["issuer"]
    for value in [issuer + "/", issuer.upper(), issuer.replace("https", "http"), issuer + ".evil.test", "https://evil.test", "service", "",
                  None, 1, [issuer, "https://evil.test"], GONE]:
        yield f"iss {'missing' if value is GONE else text(value)}", token(claims={"iss": value})
    for value in ["elsewhere", ["elsewhere"], [], "", None, 1, [CONDITIONS["audience"].upper()], [1], {"aud": "platform"}, GONE]:
        yield f"aud {'missing' if value is GONE else text(value)}", token(claims={"aud": value})
    for value in [["root"], ["Admin"], ["admin", 1], "admin", {"admin": True}, None, [[]], GONE]:
        yield f"roles {'missing' if value is GONE else text(value)}", token(claims={"roles": value})
    for claim, values in {
        "tier": ["gold", "Free", None, 1, GONE],
        "acr": ["aal3", "AAL2", "", None, 2, GONE],
        "amr": ["pwd", None, [1], GONE],
        "email": [None, 1, ["anna@example.org"], GONE],
        "email_verified": ["true", 1, None, GONE],
        "auth_time": ["1", None, 1.5, GONE],
        "acct": [None, 1, GONE],
    }.items():
        for value in values:
            yield f"{claim} {'missing' if value is GONE else text(value)}", token(claims={claim: value})
    for claim in ["scope", "client_id"]:
        for value in [1, ["booking.classes.manage"], {"booking": True}]:
            yield f"{claim} {text(value)}", token(claims={"acct": "service", claim: value})


def claims_of_some():
    """Those of staff in somebody's place, of members with the tenant's own roles, of service accounts. Each is alone at fault."""
    for value in ["true", 1, 0, None, [True], {"ro": True}]:
        yield f"ro {text(value)}", token(claims={"ro": value})
    for value in [STAFF, "", 1, True, False, [], {}, {"sub": None}, {"sub": 1}, {"sub": ""}, {"sub": "anna"}, {"sub": [STAFF]},
                  {"sub": {"sub": STAFF}}, {"act": {"sub": STAFF}}]:
        yield f"act {text(value)}", token(claims={"act": value, "ro": True})
    acting = {"sub": STAFF}
    yield "act without ro", token(claims={"act": acting})
    yield "act with ro false", token(claims={"act": acting, "ro": False})
    for value in ["front-desk", None, 1, True, {"front-desk": True}, [1], [None], ["front-desk", ["bookkeeping"]]]:
        yield f"custom_roles {text(value)}", token(claims={"custom_roles": value})
    for value in ["aal3", "AAL2", "", None, 2, True, ["aal2"], {}]:
        yield f"step_up {text(value)}", token(claims={"step_up": value})
    for claim in ["scope", "client_id"]:
        yield f"{claim} true", token(claims={"acct": "service", claim: True})
        yield f"{claim} 1 in a person's", token(claims={claim: 1})
    for claim, values in {"ro": [True, False], "act": [acting, acting], "custom_roles": [["a"], ["b"]], "step_up": ["aal2", "aal1"],
                          "scope": ["a", "b"], "client_id": ["a", "b"]}.items():
        members = ",".join(f'"{claim}":{text(value)}' for value in values)
        base = changed(CLAIMS, ro=True) if claim == "act" else CLAIMS
        yield f"{claim} twice", sign(text(HEADER), text(base)[:-1] + f",{members}}}")
    twice = f'"act":{{"sub":"{STAFF}","sub":"{PERSON}"}}'
    yield "act with two of them", sign(text(HEADER), text(changed(CLAIMS, ro=True))[:-1] + f",{twice}}}")
    half = "\\ud800"
    for claim, payload in [("email", text(CLAIMS).replace("anna@", f"{half}@")),
                           ("custom_roles", text(CLAIMS)[:-1] + f',"custom_roles":["{half}"]}}'),
                           ("the name of a claim", text(CLAIMS)[:-1] + f',"{half}":1}}')]:
        yield f"half a character, escaped, in {claim}", sign(text(HEADER), payload)


def times():
    for seconds in [0, 1, 30, 31, 3600]:
        yield f"expired {seconds} s ago", token(claims={"exp": NOW - seconds})
    yield "expired in 1970", token(claims={"iat": 0, "nbf": 0, "exp": 1})
    yield "not good for another 31 s", token(claims={"nbf": NOW + 31})
    yield "not good for another year", token(claims={"nbf": NOW + 31_536_000, "exp": NOW + 31_536_900})
    yield "issued 31 s ahead of every clock", token(claims={"iat": NOW + 31})
    for seconds in [3601, 86_400, 31_536_000]:
        yield f"for {seconds} s, and none lives longer than an hour", token(claims={"exp": CLAIMS["iat"] + seconds})
    yield "for more than an hour, in its last second", token(claims={"iat": NOW - 3600, "nbf": NOW - 3600, "exp": NOW + 1})
    yield "for an hour from nbf, and longer from iat", token(claims={"iat": NOW - 61, "nbf": NOW - 60, "exp": NOW + 3540})
    yield "for ever", token(claims={"exp": 2**53 - 1})
    yield "issued after it expires", token(claims={"iat": NOW + 20, "exp": NOW + 10})
    yield "issued when it expires", token(claims={"iat": NOW + 10, "exp": NOW + 10})


def other_kinds():
    service = {"iss": "service", "sub": "booking", "aud": "credits", "scopes": ["holds"], "jti": CLAIMS["jti"], "iat": NOW - 5,
               "nbf": NOW - 5, "exp": NOW + 295}
    yield "a service's token", sign(text({"alg": "HS256", "typ": "svc+jwt", "kid": CURRENT}), text(service))
    yield "a service's claims in a person's header", sign(text(HEADER), text(service))
    yield "a person's claims in a service's header", token({"typ": "svc+jwt"})
    yield "a person's token for enrolment only", token(claims={"aud": ["enrolment"], "roles": []})
    yield "a person's token for their account only", token(claims={"aud": ["account"], "roles": []})
    for name in ["mfa", "password_reset", "email_verification", "magic_link", "invitation"]:
        yield f"a person's token for {name} only", token({"typ": f"{name}+jwt"}, {"aud": [name]})
    yield "claims of another product", sign(text(HEADER), text({"userId": PERSON, "email": "anna@example.org", "roles": ["client", "premium"], "exp": NOW + 3600}))


def write(name, cases):
    seen = {}
    for why, value in cases:
        assert why not in seen, why
        seen[why] = value
    lines = ",\n".join("  " + json.dumps({"case": why, "token": value}, ensure_ascii=True) for why, value in seen.items())
    (HERE / name).write_text(f"[\n{lines}\n]\n")
    print(f"{name}: {len(seen)} tokens")


def hostile():
    for group in [algorithms, headers, signatures, shapes, types, claims_of_some, times, other_kinds]:
        for why, value in group():
            yield f"{group.__name__}: {why}", value


write("valid.json", valid())
write("hostile.json", hostile())
