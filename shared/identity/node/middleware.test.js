// What the middleware promises beyond tokens: through HTTP, with an auth that this file plays, and a clock that it sets.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import jwt from 'jsonwebtoken';

import { authClient, followRevocations, identity, keyringFile, readKeyring } from './index.js';

const NOW = 1_800_000_000;
const ISSUER = 'https://app.example.org';
const TENANT = '01920000-0000-7000-8000-000000000001';
const ELSEWHERE = '01920000-0000-7000-8000-000000000002';
const STAFF = '01920000-0000-7000-8000-00000000a003';
const keyLine = (kid) => `${kid}:${randomBytes(32).toString('base64')}\n`;
const USER_KEYS = keyLine('user-1');
const SERVICE_KEYS = keyLine('service-1');
/** Nothing listens there. */
const NOBODY = 'http://127.0.0.1:2';

function sign(claims = {}, keys = USER_KEYS) {
  const [[kid, key]] = readKeyring(keys);
  const sub = claims.sub ?? '01920000-0000-7000-8000-00000000a001';
  const all = {
    iss: ISSUER, aud: ['platform'], sub, userId: sub, user_id: sub, email: 'anna@example.org', email_verified: true, roles: ['member'],
    tier: 'free', tenant_id: TENANT, sid: '01920000-0000-7000-8000-00000000b001', jti: randomUUID(), tv: 3, amr: ['pwd'], acr: 'aal1',
    auth_time: NOW - 60, acct: 'member', iat: NOW - 60, nbf: NOW - 60, exp: NOW + 840, ...claims,
  };
  return jwt.sign(all, key, { algorithm: 'HS256', keyid: kid, header: { typ: 'at+jwt' } });
}

const service = (scope) => sign({ acct: 'service', roles: [], amr: ['api_key'], client_id: 'shk_a', scope });

function fileWith(t, text) {
  const folder = mkdtempSync(join(tmpdir(), 'identity-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'keyring');
  writeFileSync(path, text);
  return path;
}

/** A server on a port of its own, for one test. */
async function serve(t, handler) {
  const server = http.createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

/** Auth, as far as it is asked: `answers` says what it says, by path; `asked` is what it was asked. */
async function playAuth(t, answers = {}) {
  const asked = [];
  const url = await serve(t, async (request, response) => {
    const path = request.url.split('?')[0];
    const body = (await request.toArray()).join('');
    asked.push({ method: request.method, url: request.url, body: body && JSON.parse(body), token: request.headers.authorization.slice(7) });
    const { status = 200, ...answer } = answers[path] ?? { status: 404 };
    response.writeHead(status, { 'content-type': 'application/json' }).end(answer.text ?? JSON.stringify(answer));
  });
  return { url, asked, answers };
}

const clientOf = (t, addresses) => authClient({
  addresses, service: 'shop', keyring: keyringFile(fileWith(t, SERVICE_KEYS)), now: () => NOW,
});

/** Revocations that are asked for by hand, and not by any clock. */
function byHand(auth, options) {
  const revocations = followRevocations(auth, options);
  revocations.stop();
  return revocations;
}

const REVOCATIONS = '/internal/v1/revocations';
const INTROSPECT = '/internal/v1/introspect';
const nothingRevoked = { covers: () => false };

function identityOf(t, { addresses = NOBODY, ...options } = {}) {
  return identity({
    keyring: keyringFile(fileWith(t, USER_KEYS)), issuer: ISSUER, auth: clientOf(t, addresses), revocations: nothingRevoked,
    tenantOfHost: (host) => ({ 'app.example.org': TENANT, 'elan.example.org': ELSEWHERE })[host], now: () => NOW, ...options,
  });
}

/** A service whose one route stands behind `middlewares`; what it returns asks it. */
async function route(t, ...middlewares) {
  const url = await serve(t, (request, response) => {
    const go = (index) => (error) => {
      if (error) return response.writeHead(500).end();
      if (index < middlewares.length) return middlewares[index](request, response, go(index + 1));
      return response.end(JSON.stringify({ sub: request.user.sub }));
    };
    go(0)();
  });
  return (token, { method = 'GET', host = 'app.example.org', headers = {} } = {}) => new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: { host, authorization: `Bearer ${token}`, ...headers } }, async (response) => {
      const body = (await response.toArray()).join('');
      const { code, ...rest } = body ? JSON.parse(body) : {};
      resolve({ status: response.statusCode, code, headers: response.headers, body: rest });
    });
    request.on('error', reject).end();
  });
}

test('no header, another scheme and two headers are 401, in the language asked for and with the id of the trace', async (t) => {
  const ask = await route(t, identityOf(t).requireUser);
  const token = sign();
  assert.equal((await ask(token)).status, 200);
  for (const authorization of ['', 'Bearer', 'Bearer ', `Basic ${token}`, token, `Bearer ${token} ${token}`, [`Bearer ${token}`, `Bearer ${token}`]]) {
    const answer = await ask(token, { headers: { authorization } });
    assert.deepEqual([answer.status, answer.code], [401, 'unauthenticated'], String(authorization));
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.match(answer.body.requestId, /^[0-9a-f]{32}$/);
  }
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const headers = { 'accept-language': 'de, en;q=0.3, fr-CH;q=0.8', traceparent: `00-${trace}-b7ad6b7169203331-01` };
  const { body } = await ask('x', { headers });
  assert.match(body.detail, /^Connectez-vous/);
  assert.equal(body.requestId, trace);
});

test('a token for looking changes nothing, and nobody is in somebody\'s place but for looking', async (t) => {
  const ask = await route(t, identityOf(t).requireUser);
  for (const token of [sign({ act: { sub: STAFF }, ro: true }), sign({ ro: true })]) {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) assert.equal((await ask(token, { method })).status, 200, method);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status, code } = await ask(token, { method });
      assert.deepEqual([status, code], [403, 'read_only_token'], method);
    }
  }
  assert.equal((await ask(sign({ act: { sub: STAFF } }))).status, 401);
  assert.equal((await ask(sign(), { method: 'POST' })).status, 200);
});

test('a service account is no person, and may what its scope names in whole words', async (t) => {
  const { requireUser, requirePermission } = identityOf(t);
  const people = await route(t, requireUser);
  const refused = await people(service('shop.orders.manage'));
  assert.deepEqual([refused.status, refused.code], [403, 'people_only']);

  const orders = await route(t, requirePermission('shop.orders.manage', ['admin', 'manager']));
  assert.equal((await orders(service('a shop.orders.manage b'))).status, 200);
  for (const scope of [undefined, '', 'shop.orders', 'shop.orders.manager', 'a,shop.orders.manage']) {
    assert.equal((await orders(service(scope))).code, 'permission_denied', scope);
  }
  for (const empty of ['', ' ', 'a b']) assert.throws(() => requirePermission(empty, ['admin']), TypeError);
});

test('a person has the permissions of their roles, and none by a scope or by a role of the studio\'s own', async (t) => {
  const orders = await route(t, identityOf(t).requirePermission('shop.orders.manage', ['admin', 'manager']));
  assert.equal((await orders(sign({ roles: ['member', 'manager'] }))).status, 200);
  for (const claims of [{}, { roles: [] }, { scope: 'shop.orders.manage' }, { custom_roles: ['admin'] }]) {
    const { status, code } = await orders(sign(claims));
    assert.deepEqual([status, code], [403, 'permission_denied'], JSON.stringify(claims));
  }
});

test('a token is good at its own studio\'s address alone', async (t) => {
  const ask = await route(t, identityOf(t).requireUser);
  for (const host of ['app.example.org', 'APP.example.org:8443']) assert.equal((await ask(sign(), { host })).status, 200, host);
  assert.equal((await ask(sign({ tenant_id: ELSEWHERE }), { host: 'elan.example.org' })).status, 200);
  for (const host of ['elan.example.org', 'ghost.example.org', 'app.example.org.evil.test']) {
    const { status, code } = await ask(sign(), { host });
    assert.deepEqual([status, code], [403, 'wrong_tenant'], host);
  }
});

test('a fault in what it is given lets nobody in', async (t) => {
  const broken = () => { throw new Error('broken'); };
  for (const options of [{ tenantOfHost: broken }, { revocations: { covers: broken } }]) {
    const ask = await route(t, identityOf(t, options).requireUser);
    assert.equal((await ask(sign())).status, 500);
  }
});

test('it is not made without keys, issuer, auth, revocations and the tenants of hosts', (t) => {
  for (const name of ['keyring', 'issuer', 'auth', 'revocations', 'tenantOfHost']) {
    assert.throws(() => identityOf(t, { [name]: undefined }), new RegExp(`needed and not there: ${name}`));
  }
});

test('what auth revoked is refused from the next poll on, and forgotten when no token can be so old', async (t) => {
  const revokedAt = new Date((NOW - 1) * 1000).toISOString().replace('.000Z', '.123456789Z');
  const user = { kind: 'user', userId: '01920000-0000-7000-8000-00000000a001', revokedAt };
  const session = { kind: 'session', sessionId: '01920000-0000-7000-8000-00000000b009', revokedAt };
  const auth = await playAuth(t, { [REVOCATIONS]: { items: [], cursor: 7 } });
  let now = NOW * 1000;
  const revocations = byHand(clientOf(t, auth.url), { now: () => now });
  const ask = await route(t, identityOf(t, { revocations }).requireUser);

  assert.equal(await revocations.poll(), true);
  assert.equal((await ask(sign())).status, 200);
  // Told out of order and twice: the highest version counts.
  auth.answers[REVOCATIONS] = { items: [{ ...user, tokenVersion: 4 }, { ...user, tokenVersion: 2 }, session, session], cursor: 9 };
  assert.equal(await revocations.poll(), true);
  assert.deepEqual(auth.asked.map(({ url }) => url), [`${REVOCATIONS}?after=0`, `${REVOCATIONS}?after=7`]);
  assert.equal((await ask(sign())).code, 'unauthenticated');
  assert.equal((await ask(sign({ tv: 4 }))).status, 200);
  assert.equal((await ask(sign({ tv: 4, sid: session.sessionId }))).status, 401);
  assert.equal((await ask(sign({ sub: STAFF }))).status, 200);

  auth.answers[REVOCATIONS] = { items: [], cursor: 9 };
  now += 3_598_000;
  await revocations.poll();
  assert.equal((await ask(sign())).status, 401);
  now += 1_500;
  await revocations.poll();
  assert.equal((await ask(sign())).status, 200);
  assert.equal((await ask(sign({ tv: 4, sid: session.sessionId }))).status, 200);
});

test('before the first snapshot was read to its last page no token opens anything, and none is called bad', async (t) => {
  const revokedAt = new Date(NOW * 1000).toISOString();
  const session = (end) => ({ kind: 'session', sessionId: `01920000-0000-7000-8000-00000000b00${end}`, revokedAt });
  const pages = new Map([[0, { items: [session(1)], cursor: 3, next: 8 }]]);
  const asked = [];
  const auth = {
    isActive: async () => true,
    revocationsAfter: async (cursor) => {
      asked.push(cursor);
      if (!pages.has(cursor)) throw new Error('not now');
      return pages.get(cursor);
    },
  };
  const revocations = byHand(auth, { now: () => NOW * 1000, onFailure: () => {} });
  const { requireUser, requirePermission, requireConfirmed } = identityOf(t, { auth, revocations });
  const routes = [requireUser, requirePermission('shop.orders.manage', ['member']), requireConfirmed];
  const asks = await Promise.all(routes.map((middleware) => route(t, middleware)));
  const assertNobodyPasses = async () => {
    for (const ask of asks) {
      for (const token of [sign(), sign({ sid: session(9).sessionId })]) {
        const { status, code, headers } = await ask(token);
        assert.deepEqual([status, code, headers['retry-after']], [503, 'revocations_unknown', '2']);
      }
      assert.equal((await ask('x')).status, 401);
    }
  };

  await assertNobodyPasses();
  // The first page was read, and the second was not.
  assert.equal(await revocations.poll(), false);
  await assertNobodyPasses();
  for (const bad of [{ items: [], cursor: 9, next: 8 }, { items: [], cursor: 9, next: '10' }]) {
    pages.set(8, bad);
    assert.equal(await revocations.poll(), false);
  }
  await assertNobodyPasses();

  pages.set(8, { items: [session(2)], cursor: 9 });
  asked.length = 0;
  assert.equal(await revocations.poll(), true);
  for (const end of [1, 2]) assert.equal((await asks[0](sign({ sid: session(end).sessionId }))).code, 'unauthenticated');
  assert.equal((await asks[0](sign({ sid: session(9).sessionId }))).status, 200);
  // What an older transaction of auth held back is asked for again.
  pages.set(3, { items: [], cursor: 9 });
  assert.equal(await revocations.poll(), true);
  assert.deepEqual(asked, [0, 8, 3]);
});

test('while auth cannot be asked, or tells what cannot be read, the last snapshot and its cursor hold', async (t) => {
  const sessionId = '01920000-0000-7000-8000-00000000b001';
  const revokedAt = new Date(NOW * 1000).toISOString();
  const good = { items: [{ kind: 'session', sessionId, revokedAt }], cursor: 5 };
  const auth = await playAuth(t, { [REVOCATIONS]: good });
  const failures = [];
  const revocations = byHand(clientOf(t, auth.url), { now: () => NOW * 1000, onFailure: (error) => failures.push(error) });
  await revocations.poll();
  const covered = () => revocations.covers({ sid: sessionId, sub: STAFF, tv: 1 });
  assert.ok(covered());
  const bad = [
    { status: 503, ...good }, { status: 401 }, { text: 'no JSON' }, { items: [] }, { items: [], cursor: '9' }, { cursor: 9 },
    { items: [{ kind: 'device', revokedAt }], cursor: 9 }, { items: [{ kind: 'session', sessionId, revokedAt: 'soon' }], cursor: 9 },
    { items: [{ kind: 'user', userId: STAFF, tokenVersion: '2', revokedAt }], cursor: 9 },
  ];
  for (const answer of bad) {
    auth.answers[REVOCATIONS] = answer;
    assert.equal(await revocations.poll(), false, JSON.stringify(answer));
    assert.ok(covered());
  }
  assert.equal(failures.length, bad.length);
  auth.answers[REVOCATIONS] = good;
  assert.equal(await revocations.poll(), true);
  assert.equal(auth.asked.at(-1).url, `${REVOCATIONS}?after=5`);
});

test('auth is asked every two seconds, whether it answers or not, until the end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked = [];
  const auth = {
    revocationsAfter: async (cursor) => {
      asked.push(cursor);
      if (asked.length === 2) throw new Error('not now');
      return { items: [], cursor: asked.length };
    },
  };
  const revocations = followRevocations(auth, { onFailure: () => {} });
  const settled = () => new Promise(setImmediate);
  for (const expected of [[0], [0, 1], [0, 1, 1], [0, 1, 1, 3]]) {
    await settled();
    assert.deepEqual(asked, expected);
    t.mock.timers.tick(1_999);
    await settled();
    assert.deepEqual(asked, expected);
    t.mock.timers.tick(1);
  }
  await settled();
  revocations.stop();
  const { length } = asked;
  t.mock.timers.tick(60_000);
  await settled();
  assert.equal(asked.length, length);
});

test('auth is asked with a token of this service: for auth alone, for trust alone, for five minutes', async (t) => {
  const auth = await playAuth(t, { [INTROSPECT]: { active: true } });
  assert.equal(await clientOf(t, `${auth.url}/`).isActive('x'), true);
  const [{ token, method, url, body }] = auth.asked;
  assert.deepEqual([method, url, body], ['POST', INTROSPECT, { token: 'x' }]);
  const key = readKeyring(SERVICE_KEYS).get('service-1');
  const { header, payload } = jwt.verify(token, key, { algorithms: ['HS256'], complete: true, clockTimestamp: NOW });
  assert.deepEqual(header, { alg: 'HS256', typ: 'svc+jwt', kid: 'service-1' });
  const { jti, ...claims } = payload;
  assert.match(jti, /^[0-9a-f-]{36}$/);
  assert.deepEqual(claims, { iss: 'service', sub: 'shop', aud: 'auth', scopes: ['trust'], iat: NOW, nbf: NOW, exp: NOW + 300 });
});

test('where the snapshot is not enough auth is asked about the very token, and about nobody who is refused anyway', async (t) => {
  const auth = await playAuth(t, { [INTROSPECT]: { active: true } });
  const { requireConfirmed, requirePermission } = identityOf(t, { addresses: auth.url });
  const pay = await route(t, requireConfirmed);
  const orders = await route(t, requirePermission('shop.orders.manage', ['manager']), requireConfirmed);
  const [member, manager, machine] = [sign(), sign({ roles: ['manager'] }), service('shop.orders.manage')];
  assert.equal((await pay(member, { method: 'POST' })).status, 200);
  assert.equal((await orders(manager)).status, 200);
  assert.equal((await orders(machine)).status, 200);
  assert.deepEqual(auth.asked.map(({ body }) => body.token), [member, manager, machine]);

  assert.equal((await pay('x')).status, 401);
  assert.equal((await pay(machine)).code, 'people_only');
  assert.equal((await pay(sign({ ro: true }), { method: 'POST' })).code, 'read_only_token');
  assert.equal((await orders(member)).code, 'permission_denied');
  assert.equal(auth.asked.length, 3);

  auth.answers[INTROSPECT] = { active: false };
  assert.equal((await pay(member)).code, 'unauthenticated');
  assert.equal((await orders(manager)).status, 401);
});

test('while auth cannot be asked what is sensitive waits, and the rest goes on', async (t) => {
  const auth = await playAuth(t);
  const { requireConfirmed, requireUser } = identityOf(t, { addresses: auth.url });
  const [pay, look] = [await route(t, requireConfirmed), await route(t, requireUser)];
  for (const answer of [{ status: 500, active: true }, { status: 401 }, { text: 'no JSON' }, { active: 'true' }, {}, { text: 'null' }]) {
    auth.answers[INTROSPECT] = answer;
    const { status, code, headers } = await pay(sign());
    assert.deepEqual([status, code, headers['retry-after']], [503, 'trust_unavailable', '2'], JSON.stringify(answer));
  }
  assert.equal((await look(sign())).status, 200);
  const alone = await route(t, identityOf(t).requireConfirmed);
  assert.equal((await alone(sign())).code, 'trust_unavailable');
  // The other replica is asked where one does not answer.
  auth.answers[INTROSPECT] = { active: true };
  const either = await route(t, identityOf(t, { addresses: `${NOBODY}, ${auth.url}` }).requireConfirmed);
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await either(sign())).status, 200);
});

test('keys are taken in from their file while everything runs, and a broken file changes nothing', async (t) => {
  const path = fileWith(t, USER_KEYS);
  const replace = (text) => { writeFileSync(`${path}.next`, text); renameSync(`${path}.next`, path); };
  const failures = [];
  let now = 0;
  const keyring = keyringFile(path, { now: () => now, onFailure: (error) => failures.push(error) });
  const ask = await route(t, identityOf(t, { keyring }).requireUser);
  const next = keyLine('user-2');
  const [old, fresh] = [sign(), sign({}, next)];
  const statuses = async () => [(await ask(old)).status, (await ask(fresh)).status];

  replace(next + USER_KEYS);
  now = 1_999;
  assert.deepEqual(await statuses(), [200, 401]);
  now = 2_000;
  assert.deepEqual(await statuses(), [200, 200]);
  for (const broken of ['', 'nonsense', next.repeat(3), `${USER_KEYS}user-3:c2hvcnQ=\n`]) {
    replace(broken);
    now += 2_000;
    assert.deepEqual(await statuses(), [200, 200], broken);
  }
  rmSync(path);
  now += 2_000;
  assert.deepEqual(await statuses(), [200, 200]);
  assert.equal(failures.length, 5);
  replace(next);
  now += 2_000;
  assert.deepEqual(await statuses(), [401, 200]);
  assert.throws(() => keyringFile(`${path}.gone`), /ENOENT/);
});

test('a keyring that the Rust services refuse is refused', () => {
  const line = (secret) => `a:${Buffer.from(secret).toString('base64')}`;
  const random = randomBytes(32);
  assert.equal(readKeyring(`# newest\r\n\r\n${line(random)}\r\n`).size, 1);
  const [, written] = line(random).split(':');
  const faulty = [
    '', 'nonsense', `:${written}`, `a: ${written}`, `a:${written.replace('=', '')}`, `a:${written}!`, line(random.subarray(1)), line(Buffer.alloc(40, 7)),
    line('my-super-secret-jwt-key-0123456789'), `${line(random)}\n${line(random)}`,
  ];
  for (const text of faulty) assert.throws(() => readKeyring(text), /key/, text);
});
