// Drives the stand-in with Stripe's Node SDK and fails on anything that Stripe would do otherwise.
// Reads STRIPE_SIM_URL, STRIPE_SIM_API_KEY, STRIPE_SIM_WEBHOOK_SECRET and RECEIVED_URL, where the
// webhooks that have come in can be read as JSON; NODE_PATH says where the SDK is.

'use strict';

const assert = require('node:assert/strict');
const Stripe = require('stripe');

const url = new URL(process.env.STRIPE_SIM_URL);
const secret = process.env.STRIPE_SIM_WEBHOOK_SECRET;

function clientWith(key, retries) {
  return new Stripe(key, {
    host: url.hostname,
    port: Number(url.port),
    protocol: 'http',
    maxNetworkRetries: retries,
    telemetry: false,
  });
}

const stripe = clientWith(process.env.STRIPE_SIM_API_KEY, 2);
const impatient = clientWith(process.env.STRIPE_SIM_API_KEY, 0);

async function control(path, body) {
  const answer = await fetch(new URL(path, url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
}

function terms(extra) {
  return {
    mode: 'payment',
    success_url: 'https://app.example.test/paid?session={CHECKOUT_SESSION_ID}',
    line_items: [
      {
        quantity: 1,
        price_data: {
          currency: 'eur',
          unit_amount: 1900,
          product_data: { name: 'Ten credits' },
        },
      },
    ],
    ...extra,
  };
}

const checks = {
  async 'a session is created, found, paid and read with its payment'() {
    const session = await stripe.checkout.sessions.create(
      terms({ metadata: { payment: '7' }, client_reference_id: 'payment-7' }),
    );
    assert.equal(session.object, 'checkout.session');
    assert.equal(session.amount_total, 1900);
    await control(`/sim/checkout/${session.id}/pay`, {});
    const paid = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ['payment_intent.latest_charge', 'line_items'],
    });
    assert.equal(paid.payment_status, 'paid');
    assert.equal(paid.metadata.payment, '7');
    assert.equal(paid.payment_intent.latest_charge.paid, true);
    assert.equal(paid.line_items.data[0].description, 'Ten credits');
    const items = await stripe.checkout.sessions.listLineItems(session.id);
    assert.equal(items.data.length, 1);
  },

  async 'a session is expired once'() {
    const session = await stripe.checkout.sessions.create(terms());
    const expired = await stripe.checkout.sessions.expire(session.id);
    assert.equal(expired.status, 'expired');
    await assert.rejects(
      stripe.checkout.sessions.expire(session.id),
      Stripe.errors.StripeInvalidRequestError,
    );
  },

  async 'refunds stay within the payment'() {
    const session = await stripe.checkout.sessions.create(terms());
    await control(`/sim/checkout/${session.id}/pay`, {});
    const { payment_intent: intent } = await stripe.checkout.sessions.retrieve(session.id);
    const refund = await stripe.refunds.create({ payment_intent: intent, amount: 1000 });
    assert.equal(refund.status, 'succeeded');
    await assert.rejects(
      stripe.refunds.create({ payment_intent: intent, amount: 901 }),
      (error) => error.type === 'StripeInvalidRequestError' && error.param === 'amount',
    );
    const { latest_charge: charge } = await stripe.paymentIntents.retrieve(intent);
    assert.equal((await stripe.charges.retrieve(charge)).amount_refunded, 1000);
    assert.equal((await stripe.refunds.list({ payment_intent: intent })).data.length, 1);
    assert.equal((await stripe.refunds.retrieve(refund.id)).charge, charge);
  },

  async 'lists are walked to their end by the SDK'() {
    const made = [];
    for (let count = 0; count < 5; count += 1) {
      made.unshift((await stripe.checkout.sessions.create(terms())).id);
    }
    const walked = [];
    for await (const session of stripe.checkout.sessions.list({ limit: 2 })) {
      walked.push(session.id);
      if (walked.length === 5) break;
    }
    assert.deepEqual(walked, made);
    const intents = await stripe.paymentIntents.list({ limit: 1, created: { gte: 1 } });
    assert.equal(intents.data.length, 1);
  },

  async 'a key gives the same object and refuses another body'() {
    const options = { idempotencyKey: 'node-1' };
    const first = await stripe.checkout.sessions.create(terms(), options);
    const again = await stripe.checkout.sessions.create(terms(), options);
    assert.equal(again.id, first.id);
    assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
    assert.equal(again.lastResponse.idempotencyKey, 'node-1');
    await assert.rejects(
      stripe.checkout.sessions.create(terms({ client_reference_id: 'other' }), options),
      Stripe.errors.StripeIdempotencyError,
    );
  },

  async 'the SDK recovers a lost answer without a second object'() {
    const fault = { path: '/v1/customers', method: 'POST', close: true, after_commit: true };
    await control('/sim/faults', fault);
    const customer = await stripe.customers.create({ name: 'once' });
    assert.equal(customer.lastResponse.headers['idempotent-replayed'], 'true');
    assert.equal((await stripe.customers.retrieve(customer.id)).name, 'once');
  },

  async 'errors become the exceptions of the SDK'() {
    const { errors } = Stripe;
    await assert.rejects(
      stripe.checkout.sessions.retrieve('cs_test_nobody'),
      (error) =>
        error instanceof errors.StripeInvalidRequestError &&
        error.statusCode === 404 &&
        error.code === 'resource_missing' &&
        error.requestId.startsWith('req_'),
    );
    await assert.rejects(
      clientWith('sk_test_stranger', 0).events.list(),
      errors.StripeAuthenticationError,
    );
    await control('/sim/faults', { path: '/v1/events', status: 429 });
    await assert.rejects(impatient.events.list(), errors.StripeRateLimitError);
    await control('/sim/faults', { path: '/v1/events', status: 500 });
    await assert.rejects(impatient.events.list(), errors.StripeAPIError);
  },

  async 'every webhook passes the verification of the SDK'() {
    const answer = await fetch(process.env.RECEIVED_URL);
    const received = await answer.json();
    assert.ok(received.length > 0);
    for (const { body, signature } of received) {
      const event = stripe.webhooks.constructEvent(body, signature, secret);
      assert.equal(event.object, 'event');
      assert.throws(
        () => stripe.webhooks.constructEvent(`${body} `, signature, secret),
        Stripe.errors.StripeSignatureVerificationError,
      );
    }
    const event = await stripe.events.retrieve(JSON.parse(received[0].body).id);
    assert.equal(event.api_version, '2026-09-30.endive');
    const listed = await stripe.events.list({ type: 'checkout.session.completed' });
    assert.ok(listed.data.every((each) => each.type === 'checkout.session.completed'));
  },
};

async function main() {
  let failed = 0;
  for (const [promise, keep] of Object.entries(checks)) {
    try {
      await keep();
      console.log(`ok   ${promise}`);
    } catch (fault) {
      failed += 1;
      console.log(`FAIL ${promise}: ${fault.stack}`);
    }
  }
  const count = Object.keys(checks).length;
  console.log(`stripe-node ${Stripe.PACKAGE_VERSION}: ${count - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

main();
