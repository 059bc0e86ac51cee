// Verifies access tokens. It takes what auth signs and nothing that the Rust services refuse; `../conformance` holds the tokens
// that both are tried with. It is stricter than they are in how a token is written: as auth writes it, and in no other way.

import jwt from 'jsonwebtoken';

import { InvalidToken } from './problems.js';

const AUDIENCE = 'platform';
/** RFC 9068 section 2.1. */
const TOKEN_TYPE = 'at+jwt';
/** Clocks of two machines may differ by this many seconds. */
const LEEWAY = 30;
/** No token lives longer, in seconds from `iat`: what was revoked this long ago has nothing left to revoke. */
export const LONGEST_TOKEN = 3600;

const isText = (value) => typeof value === 'string';
const isFlag = (value) => typeof value === 'boolean';
// In lower case, so that two that mean the same are the same text.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const isId = (value) => isText(value) && UUID.test(value);
const isTime = (value) => Number.isSafeInteger(value);
/** One that a calendar knows. */
const isInstant = (value) => isTime(value) && Math.abs(value) < 8e12;
const isOneOf = (...words) => (value) => words.includes(value);
const isListOf = (check) => (value) => Array.isArray(value) && value.every(check);
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isNullOr = (check) => (value) => value === null || check(value);

/** What auth writes into every access token. Claims that are not named here are left alone. */
const CLAIMS = {
  iss: isText,
  aud: isListOf(isText),
  sub: isId,
  userId: isId,
  user_id: isId,
  email: isText,
  email_verified: isFlag,
  roles: isListOf(isOneOf('admin', 'manager', 'coach', 'member', 'moderator')),
  tier: isOneOf('free', 'premium'),
  tenant_id: isId,
  sid: isId,
  jti: isId,
  tv: (value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31,
  amr: isListOf(isText),
  acr: isOneOf('aal1', 'aal2'),
  auth_time: isInstant,
  acct: isText,
  iat: isTime,
  nbf: isTime,
  exp: isTime,
};

/** What it writes into some: those of service accounts, of staff in somebody's place, of members with a studio's own roles. */
const CLAIMS_OF_SOME = {
  custom_roles: isListOf(isText),
  step_up: isOneOf('aal1', 'aal2'),
  act: isNullOr((value) => isObject(value) && Object.hasOwn(value, 'sub') && isId(value.sub)),
  ro: isFlag,
  scope: isNullOr(isText),
  client_id: isNullOr(isText),
};

function refuse(why) {
  throw new InvalidToken(why);
}

/** One part of a token. Only the one way of writing it is taken: anything else is a second token with the same meaning. */
function readPart(part) {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) refuse('a part is not base64url');
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const value = JSON.parse(text, (name, member) => {
    if (!name.isWellFormed() || (isText(member) && !member.isWellFormed())) refuse('half a character');
    return member;
  });
  if (!isObject(value)) refuse('a part is no object');
  // A member that stands twice, and a number like 1.0 or 1e9, do not come out as they went in.
  if (JSON.stringify(value) !== text) refuse('a part is not written as auth writes it');
  return value;
}

function checkHeader(header) {
  // Neither keys that a token brings along nor extensions: what is not read here cannot be misread.
  if (!Object.keys(header).every(isOneOf('alg', 'typ', 'kid'))) refuse('a header that says more than ours');
  if (header.alg !== 'HS256' || header.typ !== TOKEN_TYPE) refuse('another algorithm or type');
  if (Object.hasOwn(header, 'kid') && !isText(header.kid)) refuse('a kid that is no text');
}

function checkClaims(claims) {
  for (const [name, isRight] of Object.entries(CLAIMS)) {
    if (!Object.hasOwn(claims, name) || !isRight(claims[name])) refuse(`${name} is missing or not what it should be`);
  }
  for (const [name, isRight] of Object.entries(CLAIMS_OF_SOME)) {
    if (Object.hasOwn(claims, name) && !isRight(claims[name])) refuse(`${name} is not what it should be`);
  }
  if (claims.sub !== claims.userId || claims.sub !== claims.user_id) refuse('three names for more than one person');
  if (claims.act && !claims.ro) refuse('somebody in the place of another who could change things');
}

function checkTimes({ iat, nbf, exp }, now) {
  const sane = iat >= 0 && nbf >= 0 && exp > iat && exp - iat <= LONGEST_TOKEN;
  if (!sane || nbf > now + LEEWAY || iat > now + LEEWAY) refuse('not good yet, or for too long');
  if (exp <= now) refuse('expired');
}

function isSigned(token, header, { keyring, issuer }) {
  // The header only picks one of our keys. One without `kid` is from before rotation: the two newest may have signed it.
  const keys = keyring();
  const candidates = Object.hasOwn(header, 'kid') ? [keys.get(header.kid)].filter(Boolean) : [...keys.values()].slice(0, 2);
  // Our own clock decides about time, after this.
  const options = { algorithms: ['HS256'], issuer, audience: AUDIENCE, ignoreExpiration: true, ignoreNotBefore: true };
  return candidates.some((key) => {
    try {
      return Boolean(jwt.verify(token, key, options));
    } catch {
      return false;
    }
  });
}

/** The claims of a good token; throws `InvalidToken` for any other. Revocation, tenant and method are the middleware's to look at. */
export function verifyToken(token, { keyring, issuer, now }) {
  try {
    const parts = token.split('.');
    if (parts.length !== 3) refuse('not three parts');
    const header = readPart(parts[0]);
    const claims = readPart(parts[1]);
    checkHeader(header);
    if (!isSigned(token, header, { keyring, issuer })) refuse('not signed by us for us');
    checkClaims(claims);
    checkTimes(claims, now());
    return claims;
  } catch (error) {
    throw error instanceof InvalidToken ? error : new InvalidToken('not a token');
  }
}
