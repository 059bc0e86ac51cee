// Verifies Shinkofa's access tokens in a Node service: the same tokens as the Rust services take, and no others.
// `../conformance` holds the tokens that both are tried with.

import jwt from 'jsonwebtoken';

const AUDIENCE = 'platform';
/** RFC 9068 section 2.1. */
const TOKEN_TYPE = 'at+jwt';
/** Clocks of two machines may differ by this many seconds. */
const LEEWAY = 30;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const isText = (value) => typeof value === 'string';
const isId = (value) => isText(value) && UUID.test(value);
const isTime = (value) => Number.isSafeInteger(value);
const isOneOf = (...words) => (value) => words.includes(value);
const isListOf = (check) => (value) => Array.isArray(value) && value.every(check);

/** What auth writes into every access token. Other claims are left alone. */
const CLAIMS = {
  iss: isText,
  aud: isListOf(isText),
  sub: isId,
  userId: isId,
  user_id: isId,
  email: isText,
  email_verified: (value) => typeof value === 'boolean',
  roles: isListOf(isOneOf('admin', 'manager', 'coach', 'member', 'moderator')),
  tier: isOneOf('free', 'premium'),
  tenant_id: isId,
  sid: isId,
  jti: isId,
  tv: (value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31,
  amr: isListOf(isText),
  acr: isOneOf('aal1', 'aal2'),
  auth_time: isTime,
  acct: isText,
  iat: isTime,
  nbf: isTime,
  exp: isTime,
};

/** What auth writes into the tokens of service accounts. */
const CLAIMS_OF_SOME = { scope: isText, client_id: isText };

export class InvalidToken extends Error {}

function refuse(why) {
  throw new InvalidToken(why);
}

/** Reads a keyring file: `kid:base64` lines, newest first. The first two may have signed tokens without a `kid`. */
export function readKeyring(text) {
  const keys = new Map();
  for (const line of text.split('\n').map((line) => line.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const secret = Buffer.from(line.slice(colon + 1), 'base64');
    if (colon < 1 || secret.length < 32) throw new Error('a line of the keyring is not `kid:base64` of 32 bytes or more');
    keys.set(line.slice(0, colon), secret);
  }
  if (keys.size === 0) throw new Error('the keyring holds no key');
  return keys;
}

/** One part of a token. Only the one way of writing it is taken: anything else is a second token with the same meaning. */
function readPart(part) {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) refuse('a part is not base64url');
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const value = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('a part is no object');
  // A member that stands twice, and a number like 1.0 or 1e9, do not come out as they went in.
  if (JSON.stringify(value) !== text) refuse('a part is not written as auth writes it');
  return value;
}

function checkHeader(header) {
  if (header.alg !== 'HS256' || header.typ !== TOKEN_TYPE) refuse('another algorithm or type');
  if ('crit' in header || 'b64' in header) refuse('an extension that is not known here');
  if ('kid' in header && !isText(header.kid)) refuse('a kid that is no text');
}

function checkClaims(claims) {
  for (const [name, isRight] of Object.entries(CLAIMS)) {
    if (!Object.hasOwn(claims, name) || !isRight(claims[name])) refuse(`${name} is missing or not what it should be`);
  }
  for (const [name, isRight] of Object.entries(CLAIMS_OF_SOME)) {
    if (Object.hasOwn(claims, name) && !isRight(claims[name])) refuse(`${name} is not what it should be`);
  }
  if (claims.sub !== claims.userId || claims.sub !== claims.user_id) refuse('three names for more than one person');
}

function checkTimes({ iat, nbf, exp }, now) {
  const sane = iat >= 0 && nbf >= 0 && exp > iat;
  if (!sane || nbf > now + LEEWAY || iat > now + LEEWAY) refuse('not good yet');
  if (exp <= now) refuse('expired');
}

/**
 * @param {object} options
 * @param {Map<string, Buffer>} options.keyring from `readKeyring`
 * @param {string} options.issuer `https://app.<base domain>`
 * @param {(claims: object) => boolean} [options.isRevoked] asked of every good token: keep a snapshot of auth's
 *   `GET /internal/v1/revocations`, polled every two seconds
 * @param {() => number} [options.now] seconds since 1970
 */
export function identity({ keyring, issuer, isRevoked = () => false, now = () => Math.floor(Date.now() / 1000) }) {
  const newestTwo = [...keyring.values()].slice(0, 2);

  /** The claims of a good token; throws `InvalidToken` for any other. */
  function verify(token) {
    try {
      const parts = token.split('.');
      if (parts.length !== 3) refuse('not three parts');
      const header = readPart(parts[0]);
      const claims = readPart(parts[1]);
      checkHeader(header);
      // The header only picks one of our keys. Keys that a token brings along are not read.
      const keys = 'kid' in header ? [keyring.get(header.kid)].filter(Boolean) : newestTwo;
      // Our own clock decides about time, below.
      const options = { algorithms: ['HS256'], issuer, audience: AUDIENCE, ignoreExpiration: true, ignoreNotBefore: true };
      const isSigned = keys.some((key) => {
        try {
          return Boolean(jwt.verify(token, key, options));
        } catch {
          return false;
        }
      });
      if (!isSigned) refuse('not signed by us for us');
      checkClaims(claims);
      checkTimes(claims, now());
      return claims;
    } catch (error) {
      throw error instanceof InvalidToken ? error : new InvalidToken('not a token');
    }
  }

  /** Express middleware: `request.user` are the claims of the caller, or the answer is 401 (RFC 6750, RFC 9457). */
  function requireUser(request, response, next) {
    const [, token] = /^bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '') ?? [];
    try {
      const claims = verify(token ?? refuse('no token'));
      if (isRevoked(claims)) refuse('revoked');
      request.user = claims;
    } catch {
      response.statusCode = 401;
      response.setHeader('www-authenticate', 'Bearer');
      response.setHeader('content-type', 'application/problem+json');
      response.end(JSON.stringify({
        type: 'about:blank', title: 'Unauthorized', status: 401, code: 'unauthenticated',
        detail: 'Sign in and send a valid access token.',
      }));
      return;
    }
    next();
  }

  return { verify, requireUser };
}
