// Cookie mode across two subdomains: signed in on `app.`, refreshed by a page of `studio.`, out of reach for everybody else.
'use strict';

const assert = require('node:assert/strict');
const { NEIGHBOUR, STRANGER, app, domain, person, setting, studio, tab, tell } = require('./stage.cjs');

const [email, password] = [setting('STORY_EMAIL'), setting('STORY_PASSWORD')];

/// What the browser keeps, which no page sees.
const kept = async (context, name) => (await context.cookies(app)).find((cookie) => cookie.name === name);
const signIn = (page) => page.evaluate(([base, who, secret]) => client.signIn(base, who, secret), [app, email, password]);
const askForCsrf = (page) => page.evaluate((base) => client.askForCsrf(base), app);
const refresh = (page, options) => page.evaluate(([base, given]) => client.refresh(base, given), [app, options]);
const profile = (page) => page.evaluate((base) => client.profile(base), app);
const cookiesOf = (page) => page.evaluate(() => document.cookie);

const signedIn = async (context) => {
  const here = await tab(context, app);
  const answer = await signIn(here);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  assert.ok(answer.body.accessToken && answer.body.csrfToken);
  assert.equal(answer.body.refreshToken, undefined, 'the refresh token is in no body');
  return here;
};

const theCookieIsOutOfReach = async (context, pages) => {
  for (const [name, days] of [['__Host-rt', 30], ['__Host-device', 400]]) {
    const { domain: host, path, httpOnly, secure, sameSite, expires } = await kept(context, name);
    assert.deepEqual({ host, path, httpOnly, secure, sameSite }, { host: `app.${domain}`, path: '/', httpOnly: true, secure: true, sameSite: 'Lax' });
    const left = (expires - Date.now() / 1000) / 86_400;
    assert.ok(left > days - 1 && left <= days, `${name} is kept for ${left} days`);
  }
  for (const page of pages) assert.equal(await cookiesOf(page), '', 'no script reads it');
};

const aSiblingRefreshes = async (context) => {
  const sibling = await tab(context, studio);
  const before = (await kept(context, '__Host-rt')).value;
  const without = await refresh(sibling);
  assert.deepEqual([without.status, without.body.code], [403, 'csrf_refused'], 'the cookie alone does not refresh');
  assert.equal((await askForCsrf(sibling)).status, 200);
  const anonymous = await refresh(sibling, { credentials: 'omit' });
  assert.deepEqual([anonymous.status, anonymous.body.code], [401, 'refresh_refused'], 'nor does the CSRF token');
  const answer = await refresh(sibling);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  assert.equal(answer.body.refreshToken, undefined);
  assert.notEqual((await kept(context, '__Host-rt')).value, before, 'it was rotated');
  const shown = await profile(sibling);
  assert.deepEqual([shown.status, shown.body.email], [200, email], 'the API answers a page of a sibling');
  return sibling;
};

/// A page that is not ours, with all that it can do: what asks first is not answered, and what does not ask is not obeyed.
const aStrangerGetsNothing = async (context, origin) => {
  const before = (await kept(context, '__Host-rt')).value;
  const stranger = await tab(context, origin);
  for (const path of ['/api/auth/refresh', '/api/auth/csrf', '/api/auth/signin']) {
    const asked = await stranger.evaluate((url) => client.call(url, { body: {}, headers: { 'session-mode': 'cookie' } }), app + path);
    assert.match(asked.fault ?? '', /Failed to fetch/, `${origin}${path}: ${JSON.stringify(asked)}`);
    const blind = await stranger.evaluate((url) => client.call(url, { mode: 'no-cors' }), app + path);
    assert.equal(blind.type, 'opaque', `${origin}${path}: ${JSON.stringify(blind)}`);
  }
  // A form goes out without asking, with whatever cookies there are, and shows the answer to the person alone.
  await stranger.evaluate((url) => {
    const form = document.body.appendChild(document.createElement('form'));
    Object.assign(form, { method: 'post', action: url, enctype: 'text/plain' }).submit();
  }, `${app}/api/auth/refresh`);
  await stranger.waitForURL(`${app}/api/auth/refresh`);
  assert.doesNotMatch(await stranger.content(), /accessToken/);
  assert.equal((await kept(context, '__Host-rt')).value, before, `${origin} moved the session`);
  await stranger.close();
};

const tabsRace = async (context, pages) => {
  const answers = await Promise.all(pages.flatMap((page) => [refresh(page), refresh(page)]));
  assert.deepEqual(answers.map((answer) => answer.status), answers.map(() => 200), 'no tab is signed out by another');
  for (const page of pages) assert.equal((await refresh(page)).status, 200);
};

const aReloadKeepsTheSession = async (page) => {
  await page.reload();
  assert.equal(await page.evaluate(() => client.access), null, 'the tokens in memory are gone');
  await askForCsrf(page);
  assert.equal((await refresh(page)).status, 200);
  assert.equal((await profile(page)).status, 200);
};

const signingOutEndsIt = async (context, sibling, here) => {
  const out = await sibling.evaluate((base) => client.signOut(base), app);
  assert.equal(out.status, 204, JSON.stringify(out));
  assert.equal(await kept(context, '__Host-rt'), undefined, 'the browser forgot it');
  const after = await refresh(here);
  assert.deepEqual([after.status, after.body.code], [401, 'refresh_refused']);
  assert.equal((await profile(here)).status, 401);
};

tell(async (browser) => {
  const context = await person(browser);
  const here = await signedIn(context);
  const sibling = await aSiblingRefreshes(context);
  await theCookieIsOutOfReach(context, [here, sibling]);
  await aStrangerGetsNothing(context, STRANGER);
  // Of the same site, so that the browser sends the cookie: the list alone keeps it out.
  await aStrangerGetsNothing(context, NEIGHBOUR);
  await tabsRace(context, [here, sibling]);
  await aReloadKeepsTheSession(here);
  await signingOutEndsIt(context, sibling, here);
});
