"""Drives the stand-in with Stripe's Python SDK and fails on anything that Stripe would do otherwise.

Reads STRIPE_SIM_URL, STRIPE_SIM_API_KEY, STRIPE_SIM_WEBHOOK_SECRET and RECEIVED_URL, where the
webhooks that have come in can be read as JSON.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

import stripe

from shapes import faults_of

URL = os.environ["STRIPE_SIM_URL"]
SECRET = os.environ["STRIPE_SIM_WEBHOOK_SECRET"]
RECEIVED = os.environ["RECEIVED_URL"]
EVERY_EVENT = {
    "charge.failed",
    "charge.pending",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.created",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.succeeded",
    "refund.created",
    "refund.failed",
    "refund.updated",
}

client = stripe.StripeClient(
    os.environ["STRIPE_SIM_API_KEY"],
    base_addresses={"api": URL},
    max_network_retries=2,
)
checks = []


def check(promise):
    """Registers a function that keeps one promise."""
    checks.append(promise)
    return promise


def control(path, body):
    request = urllib.request.Request(
        URL + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def pay(session, method="card"):
    try:
        return control(f"/sim/checkout/{session.id}/pay", {"method": method})
    except urllib.error.HTTPError as refusal:
        assert method == "declined" and refusal.code == 402, refusal
        return json.load(refusal)


def terms(**extra):
    return {
        "mode": "payment",
        "success_url": "https://app.example.test/paid?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://app.example.test/cancelled",
        "line_items": [
            {
                "quantity": 2,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 950,
                    "product_data": {"name": "Ten credits"},
                },
            }
        ],
        **extra,
    }


def create(**extra):
    return client.v1.checkout.sessions.create(terms(**extra))


def paid_session():
    session = create()
    pay(session)
    return client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )


def conforms(thing):
    """The shape is what the SDK declares, as the server wrote it."""
    found = faults_of(json.loads(str(thing)))
    assert not found, "\n    ".join([f"{thing.object}:"] + found)


def refused(kind, call):
    try:
        call()
    except kind as refusal:
        assert type(refusal) is kind, f"{type(refusal)} and not {kind}"
        return refusal
    raise AssertionError(f"no {kind.__name__}")


@check
def the_comparison_sees_what_is_missing_unknown_or_of_another_kind():
    right = json.loads(str(create()))
    assert faults_of(right) == []
    for wrong, complaint in (
        ({k: v for k, v in right.items() if k != "expires_at"}, "expires_at is missing"),
        ({**right, "surprise": 1}, "surprise is not known"),
        ({**right, "created": str(right["created"])}, "not an integer"),
        ({**right, "status": "ajar"}, "not one of the listed words"),
        ({**right, "custom_text": None}, "not an object"),
        ({**right, "total_details": {"amount_discount": 0}}, "amount_tax is missing"),
    ):
        found = faults_of(wrong)
        assert len(found) == 1 and complaint in found[0], (complaint, found)


@check
def sessions_have_the_declared_shape_in_every_state():
    opened = create(
        metadata={"payment": "7"},
        client_reference_id="payment-7",
        customer_email="lea@example.test",
        expires_at=int(time.time()) + 3600,
        payment_intent_data={"metadata": {"payment": "7"}, "description": "Ten credits"},
        locale="fr",
    )
    assert isinstance(opened, stripe.checkout.Session)
    assert opened.amount_total == 1900 and opened.status == "open"
    conforms(opened)
    pay(opened)
    closed = client.v1.checkout.sessions.retrieve(
        opened.id, {"expand": ["line_items", "payment_intent"]}
    )
    conforms(closed)
    assert isinstance(closed.payment_intent, stripe.PaymentIntent)
    assert closed.payment_intent.metadata["payment"] == "7"
    assert closed.line_items.data[0].price.unit_amount == 950
    conforms(client.v1.checkout.sessions.expire(create().id))
    delayed = create()
    pay(delayed, "delayed")
    conforms(client.v1.checkout.sessions.retrieve(delayed.id))


@check
def line_items_have_the_declared_shape():
    items = client.v1.checkout.sessions.line_items.list(create().id)
    assert [item.amount_total for item in items.data] == [1900]
    for item in items.data:
        conforms(item)


@check
def payments_and_charges_have_the_declared_shape_whatever_became_of_them():
    for method in ("card", "delayed", "declined"):
        session = create()
        pay(session, method)
        session = client.v1.checkout.sessions.retrieve(session.id)
        intent = client.v1.payment_intents.retrieve(session.payment_intent)
        charge = client.v1.charges.retrieve(intent.latest_charge)
        conforms(intent)
        conforms(charge)
        assert charge.payment_intent == intent.id
        assert intent.last_payment_error is None or method == "declined"


@check
def refunds_have_the_declared_shape_and_stay_within_the_payment():
    charge = paid_session().payment_intent.latest_charge
    part = client.v1.refunds.create({"charge": charge.id, "amount": 700})
    conforms(part)
    refusal = refused(
        stripe.InvalidRequestError,
        lambda: client.v1.refunds.create({"charge": charge.id, "amount": 1201}),
    )
    assert refusal.http_status == 400 and refusal.param == "amount"
    rest = client.v1.refunds.create({"payment_intent": charge.payment_intent})
    assert rest.amount == 1200
    refusal = refused(
        stripe.InvalidRequestError,
        lambda: client.v1.refunds.create({"charge": charge.id}),
    )
    assert refusal.code == "charge_already_refunded"
    listed = client.v1.refunds.list({"charge": charge.id})
    assert [refund.id for refund in listed.data] == [rest.id, part.id]
    conforms(client.v1.refunds.retrieve(part.id))


@check
def a_delayed_refund_has_the_declared_shape_in_every_state():
    session = create()
    pay(session, "delayed")
    settled = control(f"/sim/checkout/{session.id}/settle", {"outcome": "succeeded"})
    refund = client.v1.refunds.create({"payment_intent": settled["payment_intent"]})
    assert refund.status == "pending"
    conforms(refund)
    control(f"/sim/refunds/{refund.id}/settle", {"outcome": "failed"})
    failed = client.v1.refunds.retrieve(refund.id)
    assert failed.status == "failed"
    conforms(failed)
    session = create()
    pay(session, "delayed")
    control(f"/sim/checkout/{session.id}/settle", {"outcome": "failed"})


@check
def customers_have_the_declared_shape():
    customer = client.v1.customers.create(
        {"email": "lea@example.test", "name": "Léa", "metadata": {"member": "1"}}
    )
    conforms(customer)
    assert client.v1.customers.retrieve(customer.id).name == "Léa"
    conforms(create(customer=customer.id))


@check
def lists_are_walked_to_their_end_by_the_sdk():
    made = [create(metadata={"walk": "1"}).id for _ in range(5)]
    walked = []
    for session in client.v1.checkout.sessions.list({"limit": 2}).auto_paging_iter():
        walked.append(session.id)
        if len(walked) == 5:
            break
    assert walked == made[::-1]
    backwards = client.v1.checkout.sessions.list({"limit": 2, "ending_before": made[0]})
    assert [session.id for session in backwards.data] == [made[2], made[1]]


@check
def a_key_gives_the_same_object_and_refuses_another_body():
    first = client.v1.checkout.sessions.create(terms(), {"idempotency_key": "py-1"})
    again = client.v1.checkout.sessions.create(terms(), {"idempotency_key": "py-1"})
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    refusal = refused(
        stripe.IdempotencyError,
        lambda: client.v1.checkout.sessions.create(
            terms(client_reference_id="other"), {"idempotency_key": "py-1"}
        ),
    )
    assert refusal.http_status == 400
    assert refusal.request_id.startswith("req_")


@check
def the_sdk_recovers_a_lost_answer_without_a_second_object():
    fault = {"path": "/v1/customers", "method": "POST", "close": True, "after_commit": True}
    control("/sim/faults", fault)
    # Customers cannot be listed here, so the answer itself says that it was given before.
    customer = client.v1.customers.create({"name": "once"})
    assert customer.last_response.headers["Idempotent-Replayed"] == "true"
    control("/sim/faults", {**fault, "close": False, "status": 503})
    customer = client.v1.customers.create({"name": "again"})
    assert customer.last_response.headers["Idempotent-Replayed"] == "true"


@check
def errors_become_the_exceptions_of_the_sdk():
    refusal = refused(
        stripe.InvalidRequestError,
        lambda: client.v1.checkout.sessions.retrieve("cs_test_nobody"),
    )
    assert refusal.http_status == 404 and refusal.code == "resource_missing"
    refusal = refused(
        stripe.InvalidRequestError,
        lambda: client.v1.checkout.sessions.create({"mode": "payment"}),
    )
    assert refusal.code == "parameter_missing"
    stranger = stripe.StripeClient("sk_test_stranger", base_addresses={"api": URL})
    refused(stripe.AuthenticationError, lambda: stranger.v1.events.list())
    control("/sim/faults", {"path": "/v1/events", "status": 429, "times": 5})
    refused(
        stripe.RateLimitError,
        lambda: client.v1.events.list(options={"max_network_retries": 0}),
    )
    control("/sim/faults", {"path": "/v1/charges", "status": 500, "times": 5})
    refused(
        stripe.APIError,
        lambda: client.v1.charges.retrieve("ch_x", options={"max_network_retries": 0}),
    )
    while client_is_limited():
        pass


def client_is_limited():
    """Uses up what is left of the faults above."""
    with urllib.request.urlopen(URL + "/sim/faults") as answer:
        pending = json.load(answer)["pending"]
    for fault in pending:
        try:
            options = {"max_network_retries": 0}
            if fault["path"] == "/v1/events":
                client.v1.events.list(options=options)
            else:
                client.v1.charges.retrieve("ch_x", options=options)
        except stripe.StripeError:
            pass
    return bool(pending)


@check
def every_event_is_listed_with_the_declared_shape():
    seen = set()
    for event in client.v1.events.list({"limit": 50}).auto_paging_iter():
        conforms(event)
        subject = json.loads(str(event))["data"]["object"]
        found = faults_of(subject)
        assert not found, "\n    ".join([f"{event.type}:"] + found)
        seen.add(event.type)
    assert seen == EVERY_EVENT, seen ^ EVERY_EVENT
    only = client.v1.events.list({"types": ["refund.created", "refund.failed"], "limit": 100})
    assert {event.type for event in only.data} == {"refund.created", "refund.failed"}
    one = client.v1.events.retrieve(only.data[0].id)
    assert one.data.object.object == "refund"


@check
def every_webhook_passes_the_verification_of_the_sdk():
    deadline = time.monotonic() + 30
    received = []
    while {json.loads(one["body"])["type"] for one in received} != EVERY_EVENT:
        assert time.monotonic() < deadline, "not every event has come in"
        with urllib.request.urlopen(RECEIVED) as answer:
            received = json.load(answer)
    for one in received:
        event = stripe.Webhook.construct_event(one["body"], one["signature"], SECRET)
        conforms(event)
        tampered = one["body"].replace('"livemode": false', '"livemode": true', 1)
        assert tampered != one["body"]
        refused(
            stripe.SignatureVerificationError,
            lambda: stripe.Webhook.construct_event(tampered, one["signature"], SECRET),
        )


def main():
    failed = 0
    for promise in checks:
        try:
            promise()
            print(f"ok   {promise.__name__}")
        except Exception as fault:  # Every check is to run, whatever the others did.
            failed += 1
            print(f"FAIL {promise.__name__}: {type(fault).__name__}: {fault}")
    print(f"stripe-python {stripe.VERSION}: {len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
