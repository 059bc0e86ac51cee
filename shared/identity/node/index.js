// Who is asking: Express middleware that lets in whom the extractors of the Rust services let in, as far as a Node service can tell.

import { InvalidToken, Refusal, answerRefusal } from './problems.js';
import { verifyToken } from './token.js';

export { authClient } from './auth.js';
export { keyringFile, readKeyring } from './keyring.js';
export { InvalidToken } from './problems.js';
export { followRevocations } from './revocations.js';

/** The `acct` of a service account's tokens. */
const SERVICE_ACCOUNT = 'service';
/** What a token for looking is good for. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * There is no default for any of these: what is left out is refused here, and not passed over with every request.
 * @param {object} options
 * @param {() => Map<string, Buffer>} options.keyring `keyringFile` of `JWT_SECRET_FILE`
 * @param {string} options.issuer `https://app.<base domain>`
 * @param {{ isActive: (token: string) => Promise<boolean> }} options.auth from `authClient`
 * @param {{ covers: (claims: object) => boolean }} options.revocations from `followRevocations`
 * @param {(host: string) => string | undefined} options.tenantOfHost the id of the tenant that a host belongs to, in lower case; the
 *   host has no port and is in lower case. `undefined` for the host of nobody and for a tenant that is suspended or closed: there no
 *   token is good
 * @param {() => number} [options.now] seconds since 1970
 */
export function identity({ keyring, issuer, auth, revocations, tenantOfHost, now = () => Math.floor(Date.now() / 1000) }) {
  demand(typeof keyring === 'function', 'keyring: see keyringFile');
  demand(typeof issuer === 'string' && issuer !== '', 'issuer');
  demand(typeof auth?.isActive === 'function', 'auth: see authClient');
  demand(typeof revocations?.covers === 'function', 'revocations: see followRevocations');
  demand(typeof tenantOfHost === 'function', 'tenantOfHost');
  /** The tokens of the requests that were let in. */
  const tokens = new WeakMap();

  /** The claims of a good token; throws `InvalidToken` for any other. It knows nothing of revocations, tenants and methods. */
  const verify = (token) => verifyToken(token, { keyring, issuer, now });

  /** In the order of the Rust extractors, so that the same request is told the same. */
  function callerOf(request, token) {
    const claims = verify(token);
    if (revocations.covers(claims)) throw new Refusal('unauthenticated', 'revoked');
    if (claims.ro && !SAFE_METHODS.includes(request.method)) throw new Refusal('read_only_token');
    if (claims.tenant_id !== tenantOfHost(hostOf(request))) throw new Refusal('wrong_tenant');
    return claims;
  }

  /** Lets in whom `check` does not refuse: `request.user` are the claims. A fault that is no refusal goes to Express. */
  const letIn = (check) => (request, response, next) => {
    try {
      const token = bearer(request);
      const claims = callerOf(request, token);
      check(claims);
      request.user = claims;
      tokens.set(request, token);
    } catch (error) {
      return error instanceof Refusal ? answerRefusal(error, request, response) : next(error);
    }
    return next();
  };

  /** The signed-in person who asks. A service account comes through `requirePermission`, and through nothing else. */
  const requireUser = letIn((claims) => {
    if (claims.acct === SERVICE_ACCOUNT) throw new Refusal('people_only');
  });

  /**
   * A person with one of the roles `holders`, or a service account whose scope names the permission. The roles that a studio made
   * itself allow nothing here: what they allow is not known to Node services.
   * @param {string} permission as `booking.classes.manage`
   * @param {string[]} holders
   */
  function requirePermission(permission, holders) {
    demand(/^\S+$/.test(permission) && Array.isArray(holders), 'the name of a permission and the roles that hold it');
    return letIn(({ acct, roles, scope }) => {
      const may = acct === SERVICE_ACCOUNT
        ? (scope ?? '').split(' ').includes(permission)
        : roles.some((role) => holders.includes(role));
      if (!may) throw new Refusal('permission_denied');
    });
  }

  async function confirm(request, response, next) {
    try {
      if (!await auth.isActive(tokens.get(request))) throw new Refusal('unauthenticated', 'over by now');
    } catch (error) {
      return error instanceof Refusal ? answerRefusal(error, request, response) : next(error);
    }
    return next();
  }

  /**
   * A caller who is good at this very moment, by auth's own database: for what the last snapshot of revocations is not enough for.
   * While auth cannot be asked the answer is 503. Behind `requirePermission` it asks about whom that let in; by itself it lets in
   * people, as `requireUser` does.
   */
  function requireConfirmed(request, response, next) {
    if (tokens.has(request)) return confirm(request, response, next);
    return requireUser(request, response, (error) => (error ? next(error) : confirm(request, response, next)));
  }

  return { verify, requireUser, requirePermission, requireConfirmed };
}

function demand(isThere, what) {
  if (!isThere) throw new TypeError(`needed and not there: ${what}`);
}

/** The token of the one `Authorization: Bearer` (RFC 6750 section 2.1). */
function bearer(request) {
  const [value, ...more] = request.headersDistinct.authorization ?? [];
  const [, token] = /^bearer ([^\s]+)$/i.exec(value ?? '') ?? [];
  if (token === undefined || more.length > 0) throw new InvalidToken('no token, or several');
  return token;
}

function hostOf(request) {
  return (request.headers.host ?? '').replace(/:[^:]*$/, '').toLowerCase();
}
