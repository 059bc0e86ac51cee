// Asking auth: calls to its internal interface, under tokens that this service signs itself.

import { randomUUID } from 'node:crypto';

import jwt from 'jsonwebtoken';

import { Refusal } from './problems.js';

const AUTH = 'auth';
const SCOPE = 'trust';
const LIFETIME_SECONDS = 300;
const TIMEOUT_MILLISECONDS = 2000;
/** The first included. Both calls may be repeated. */
const TRIES = 2;

/**
 * @param {object} options
 * @param {string} options.addresses internal base URLs of auth's replicas with a comma between, as in `SHINKOFA_PEER_AUTH`
 * @param {string} options.service what this service is called
 * @param {() => Map<string, Buffer>} options.keyring `keyringFile` of `JWT_SERVICE_SECRET_FILE`; its first key signs
 * @param {() => number} [options.now] seconds since 1970
 */
export function authClient({ addresses, service, keyring, now = () => Math.floor(Date.now() / 1000) }) {
  const replicas = addresses.split(',').map((address) => address.trim().replace(/\/+$/, ''));
  let turn = 0;

  function sign() {
    const [[kid, key]] = keyring();
    const iat = now();
    const claims = { iss: 'service', sub: service, aud: AUTH, scopes: [SCOPE], jti: randomUUID(), iat, nbf: iat, exp: iat + LIFETIME_SECONDS };
    return jwt.sign(claims, key, { algorithm: 'HS256', keyid: kid, header: { typ: 'svc+jwt' } });
  }

  async function attempt(path, body) {
    const address = replicas[turn++ % replicas.length];
    const response = await fetch(`${address}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${sign()}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    if (response.status !== 200) throw new Error(`auth answers ${response.status}`);
    return response.json();
  }

  async function call(path, body) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt(path, body);
      } catch (error) {
        if (tries === TRIES) throw error;
      }
    }
  }

  return {
    /** A page of what was revoked since `cursor`. */
    revocationsAfter: (cursor) => call(`/internal/v1/revocations?after=${cursor}`),

    /** Is this access token good at this very moment, by auth's own database? Where auth cannot be asked: `trust_unavailable`. */
    async isActive(token) {
      try {
        const { active } = await call('/internal/v1/introspect', { token });
        if (typeof active !== 'boolean') throw new Error('auth does not say whether a token is active');
        return active;
      } catch (error) {
        throw new Refusal('trust_unavailable', 'a caller could not be confirmed', { cause: error });
      }
    },
  };
}
