// The local snapshot of what auth has revoked: read on every request, refreshed every two seconds.

import { Refusal } from './problems.js';
import { isId, LONGEST_TOKEN } from './token.js';

/** A revocation reaches this service within twice this. */
const EVERY_MILLISECONDS = 2000;

/**
 * Follows auth's revocations, from now on until `stop`. While auth cannot be reached the last snapshot holds: the risk is one
 * access token's life. Before the first one nobody knows which tokens are good, and `covers` refuses to say.
 * @param {{ revocationsAfter: (cursor: number) => Promise<object> }} auth from `authClient`
 * @param {object} [options]
 * @param {(error: Error) => void} [options.onFailure] of each poll that brought nothing
 * @param {() => number} [options.now] milliseconds since 1970
 */
export function followRevocations(auth, { onFailure = report, now = Date.now } = {}) {
  const users = new Map();
  const sessions = new Map();
  let cursor = 0;
  let isWhole = false;
  let running;
  let timer;
  let isStopped = false;

  /** Page after page until nothing is left. */
  async function takeIn() {
    // What still runs at auth may commit something before what was read already: next time begins with it.
    let heldBack;
    let page = await readPage(cursor);
    while (page.next !== undefined) {
      if (page.cursor < page.next) heldBack ??= page.cursor;
      page = await readPage(page.next);
    }
    cursor = heldBack ?? page.cursor;
    isWhole = true;
    forgetExpired();
  }

  async function readPage(from) {
    const page = await auth.revocationsAfter(from);
    if (!Number.isSafeInteger(page.cursor)) throw new Error('auth told no cursor');
    const goesOn = Number.isSafeInteger(page.next) && page.next > from;
    if (page.next !== undefined && !goesOn) throw new Error('auth told no place to read on from');
    // All of a page or nothing: what cannot be read is asked for again.
    page.items.map(readEntry).forEach(apply);
    return page;
  }

  function covers({ sid, sub, tv }) {
    if (!isWhole) throw new Refusal('revocations_unknown');
    return sessions.has(sid) || tv < (users.get(sub)?.version ?? tv);
  }

  function apply({ userId, version, sessionId, at }) {
    if (sessionId) {
      sessions.set(sessionId, at);
    } else {
      const known = users.get(userId) ?? { version, at };
      users.set(userId, { version: Math.max(known.version, version), at: Math.max(known.at, at) });
    }
  }

  /** Drops what has outlived every token it could concern. */
  function forgetExpired() {
    const isOver = (at) => now() - at >= LONGEST_TOKEN * 1000;
    for (const [id, { at }] of users) if (isOver(at)) users.delete(id);
    for (const [id, at] of sessions) if (isOver(at)) sessions.delete(id);
  }

  async function pollOnce() {
    clearTimeout(timer);
    try {
      await takeIn();
      return true;
    } catch (error) {
      onFailure(error);
      return false;
    } finally {
      running = undefined;
      if (!isStopped) timer = setTimeout(poll, EVERY_MILLISECONDS).unref();
    }
  }

  /** Asks now, or joins the asking that is under way: did it bring anything to go by? */
  function poll() {
    running ??= pollOnce();
    return running;
  }

  poll();
  return {
    poll,
    covers,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

function readEntry({ kind, userId, tokenVersion, sessionId, revokedAt }) {
  const at = Date.parse(revokedAt);
  if (!Number.isNaN(at)) {
    if (kind === 'user' && isId(userId) && Number.isInteger(tokenVersion)) return { userId, version: tokenVersion, at };
    if (kind === 'session' && isId(sessionId)) return { sessionId, at };
  }
  throw new Error('auth told of a revocation that is not known here');
}

function report(error) {
  console.error(`revocations cannot be read: ${error.message}`);
}
