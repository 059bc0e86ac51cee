// Tries the middleware with the tokens that the Rust services are tried with.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { identity, InvalidToken, keyringFile } from './index.js';

const kit = (name) => readFileSync(`${process.env.CONFORMANCE_KIT}/${name}`, 'utf8');
const { issuer, now } = JSON.parse(kit('conditions.json'));
const { verify, requireUser, requirePermission } = identity({
  keyring: keyringFile(`${process.env.CONFORMANCE_KIT}/keyring`),
  issuer,
  auth: { isActive: async () => true },
  revocations: { covers: () => false },
  tenantOfHost: () => '01920000-0000-7000-8000-000000000001',
  now: () => now,
});

function ask(token, middleware = requireUser) {
  const answer = { headers: {} };
  const response = {
    setHeader: (name, value) => { answer.headers[name] = value; },
    end: (body) => { answer.body = JSON.parse(body); },
    set statusCode(code) { answer.status = code; },
  };
  const request = { method: 'GET', headers: {}, headersDistinct: { authorization: [`Bearer ${token}`] } };
  middleware(request, response, (error) => { answer.error = error; answer.user = request.user; });
  return answer;
}

test('every valid token is taken, and those of service accounts for no person', () => {
  const cases = JSON.parse(kit('valid.json'));
  assert.ok(cases.length >= 20);
  for (const { case: name, token } of cases) {
    assert.doesNotThrow(() => verify(token), name);
    const { sub, acct, scope } = verify(token);
    if (acct === 'service') {
      assert.equal(ask(token).body.code, 'people_only', name);
      const may = (scope ?? '').startsWith('booking.classes.manage');
      assert.equal(ask(token, requirePermission('booking.classes.manage', [])).user?.sub, may ? sub : undefined, name);
    } else {
      assert.equal(ask(token).user.sub, sub, name);
    }
  }
});

test('every hostile token is refused, by the middleware with 401', () => {
  const cases = JSON.parse(kit('hostile.json'));
  assert.ok(cases.length >= 300);
  const taken = cases.filter(({ token }) => {
    try { verify(token); return true; } catch (error) { assert.ok(error instanceof InvalidToken); return false; }
  });
  assert.deepEqual(taken.map(({ case: name }) => name), []);
  // White space around a token belongs to the header, not to the token.
  const asSent = cases.filter(({ token }) => token === token.trim());
  for (const { case: name, token } of asSent) assert.equal(ask(token).status, 401, name);
});
