// Symmetric keys by `kid`, from a file that operators replace while everything runs (docs/adr/0012).

import { readFileSync, statSync } from 'node:fs';

const LOOK_EVERY_MILLISECONDS = 2000;

/** Reads a keyring: `kid:base64` lines, newest first. It refuses what the Rust services refuse to start with. */
export function readKeyring(text) {
  const keys = new Map();
  for (const line of text.split('\n').map((line) => line.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [kid, written] = line.split(/:(.*)/);
    const secret = Buffer.from(written ?? '', 'base64');
    if (kid === '' || secret.length < 32 || secret.toString('base64') !== written) {
      throw new Error('a line of the keyring is not `kid:base64` of 32 bytes or more');
    }
    if (isGuessable(secret)) throw new Error(`the key ${kid} is a known default or trivially guessable`);
    if (keys.has(kid)) throw new Error(`the key ${kid} stands twice in the keyring`);
    keys.set(kid, secret);
  }
  if (keys.size === 0) throw new Error('the keyring holds no key');
  return keys;
}

/** A secret a person typed has few distinct bytes or says so itself. */
function isGuessable(secret) {
  const text = secret.toString('utf8').toLowerCase();
  const known = ['secret', 'changeme', 'change-me', 'password', 'default', 'example'];
  return new Set(secret).size < 10 || known.some((word) => text.includes(word));
}

/**
 * The keys of a file, as a function that says which are in force. It looks at the file when it is asked, every two seconds at
 * most, and takes a changed one in. What cannot be read later changes nothing: the known keys hold.
 * @param {string} path what cannot be read at the start throws
 * @param {object} [options]
 * @param {(error: Error) => void} [options.onFailure]
 * @param {() => number} [options.now] milliseconds of a clock that never goes back
 * @returns {() => Map<string, Buffer>}
 */
export function keyringFile(path, { onFailure = report, now = () => performance.now() } = {}) {
  let keys;
  let seen;
  let lookedAt = now();

  function look() {
    // Another file, or the same one written anew.
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    const stamp = `${ino} ${size} ${mtimeNs}`;
    if (stamp === seen) return;
    keys = readKeyring(readFileSync(path, 'utf8'));
    seen = stamp;
  }

  look();
  return () => {
    if (now() - lookedAt >= LOOK_EVERY_MILLISECONDS) {
      lookedAt = now();
      try { look(); } catch (error) { onFailure(error); }
    }
    return keys;
  };
}

function report(error) {
  console.error(`the known keys stay in force: ${error.message}`);
}
