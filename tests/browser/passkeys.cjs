// A passkey: made, signed in with alone and as a second factor, and worth nothing to anybody else. The authenticator is
// Chromium's own virtual one; everything else is what a page of ours does.
'use strict';

const assert = require('node:assert/strict');
const { app, person, setting, tab, tell } = require('./stage.cjs');

const [email, password] = [setting('STORY_EMAIL'), setting('STORY_PASSWORD')];

/// Gives a tab an authenticator as telephones and laptops have one: it keeps its keys, and knows its owner.
const withAuthenticator = async (context, page) => {
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options });
  const keys = async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
  const recognise = (isUserVerified) => devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
  return { keys, recognise };
};

/// Posts to the API from the page, as a web client in cookie mode.
const post = (page, path, body, access) =>
  page.evaluate(
    ([url, sent, token]) => {
      const headers = { 'session-mode': 'cookie', ...(token && { authorization: `Bearer ${token}` }) };
      return client.call(url, { body: sent, headers });
    },
    [`${app}${path}`, body, access],
  );

const posted = async (page, path, body, access, status = 200) => {
  const answer = await post(page, path, body, access);
  assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer)}`);
  return answer.body;
};

const create = (page, publicKey) =>
  page.evaluate(async (json) => {
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(json);
    return (await navigator.credentials.create({ publicKey: options })).toJSON();
  }, publicKey);

const get = (page, publicKey) =>
  page.evaluate(async (json) => {
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(json);
    return (await navigator.credentials.get({ publicKey: options })).toJSON();
  }, publicKey);

const signIn = (page) => posted(page, '/api/auth/signin', { email, password });

const register = async (page, authenticator) => {
  const { accessToken } = await signIn(page);
  const { publicKey } = await posted(page, '/api/auth/passkeys/register/options', undefined, accessToken);
  const credential = await create(page, publicKey);
  const made = await posted(page, '/api/auth/passkeys/register/verify', { name: 'A laptop', credential }, accessToken, 201);
  assert.deepEqual([made.name, made.discoverable], ['A laptop', true]);
  assert.equal(made.recoveryCodes.length, 10);
  const keys = await authenticator.keys();
  assert.deepEqual(keys.map((key) => key.isResidentCredential), [true]);
  // What was answered once is used up.
  const again = await post(page, '/api/auth/passkeys/register/verify', { credential }, accessToken);
  assert.ok([401, 410].includes(again.status), JSON.stringify(again));
};

/// Nobody types anything: the authenticator says who it is.
const alone = async (page) => {
  const { publicKey } = await posted(page, '/api/auth/passkeys/login/options');
  assert.deepEqual(publicKey.allowCredentials, [], 'nothing is told about who has a passkey');
  const credential = await get(page, publicKey);
  const answer = await posted(page, '/api/auth/passkeys/login/verify', { credential });
  assert.equal(answer.user.email, email);
  assert.ok(answer.csrfToken && answer.refreshToken === undefined, 'the browser keeps the session');
  const used = await post(page, '/api/auth/passkeys/login/verify', { credential });
  assert.deepEqual([used.status, used.body.code], [410, 'challenge_gone'], 'an answer is good once');
  return answer;
};

const asSecondFactor = async (page) => {
  const half = await signIn(page);
  assert.equal(half.mfaRequired, true, 'the password alone no longer signs in');
  assert.ok(half.methods.includes('passkey'), JSON.stringify(half.methods));
  const { mfaToken } = half;
  const { publicKey } = await posted(page, '/api/auth/signin/mfa/passkey/options', { mfaToken });
  assert.equal(publicKey.allowCredentials.length, 1);
  const credential = await get(page, publicKey);
  const answer = await posted(page, '/api/auth/signin/mfa/passkey/verify', { mfaToken, credential });
  assert.equal(answer.user.email, email);
};

const refused = (page, publicKey) =>
  assert.rejects(get(page, { ...publicKey, timeout: 1_000 }), /NotAllowedError|not allowed/i);

/// Somebody who picked the laptop up: it does not know them. Chromium keeps to what auth asks for; a page that asks for less
/// gets a touch, and a touch is half of a sign-in.
const withoutItsOwner = async (page, authenticator) => {
  await authenticator.recognise(false);
  const { publicKey } = await posted(page, '/api/auth/passkeys/login/options');
  await refused(page, publicKey);
  const [{ credentialId }] = await authenticator.keys();
  const id = Buffer.from(credentialId, 'base64').toString('base64url');
  const allowCredentials = [{ type: 'public-key', id, transports: ['internal'] }];
  const credential = await get(page, { ...publicKey, allowCredentials, userVerification: 'discouraged' });
  const half = await posted(page, '/api/auth/passkeys/login/verify', { credential });
  assert.equal(half.mfaRequired, true, 'a touch alone does not sign in');
  assert.equal(half.accessToken, undefined);
  await authenticator.recognise(true);
};

const elsewhere = async (browser) => {
  const stranger = await person(browser);
  const page = await tab(stranger, app);
  await withAuthenticator(stranger, page);
  const { publicKey } = await posted(page, '/api/auth/passkeys/login/options');
  await refused(page, publicKey);
  await stranger.close();
};

tell(async (browser) => {
  const context = await person(browser);
  const page = await tab(context, app);
  const authenticator = await withAuthenticator(context, page);
  await register(page, authenticator);
  const { accessToken } = await alone(page);
  await posted(page, '/api/auth/logout', undefined, accessToken, 204);
  await asSecondFactor(page);
  await withoutItsOwner(page, authenticator);
  await elsewhere(browser);
});
