// Tries the middleware with the tokens that the Rust services are tried with.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { identity, InvalidToken, readKeyring } from './index.js';

const kit = (name) => readFileSync(new URL(`file://${process.env.CONFORMANCE_KIT}/${name}`), 'utf8');
const { issuer, now } = JSON.parse(kit('conditions.json'));
const options = { keyring: readKeyring(kit('keyring')), issuer, now: () => now };
const { verify, requireUser } = identity(options);

function ask(authorization, middleware = requireUser) {
  const answer = { headers: {} };
  const response = {
    setHeader: (name, value) => { answer.headers[name] = value; },
    end: (body) => { answer.body = JSON.parse(body); },
    set statusCode(code) { answer.status = code; },
  };
  const request = { headers: { authorization } };
  middleware(request, response, () => { answer.user = request.user; });
  return answer;
}

test('every valid token is taken', () => {
  const cases = JSON.parse(kit('valid.json'));
  assert.ok(cases.length >= 20);
  for (const { case: name, token } of cases) {
    assert.doesNotThrow(() => verify(token), name);
    assert.equal(ask(`Bearer ${token}`).user.sub, verify(token).sub, name);
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
  for (const { case: name, token } of asSent) assert.equal(ask(`Bearer ${token}`).status, 401, name);
});

test('no header, another scheme and a revoked token are 401', () => {
  const [{ token }] = JSON.parse(kit('valid.json'));
  for (const header of [undefined, '', 'Bearer', 'Bearer ', `Basic ${token}`, token, `Bearer ${token} ${token}`]) {
    const answer = ask(header);
    assert.equal(answer.status, 401, header);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
  }
  const wary = identity({ ...options, isRevoked: (claims) => claims.tv === 1 });
  assert.equal(ask(`Bearer ${token}`, wary.requireUser).status, 401);
});
