// Signing in by a mailed link, past a link scanner, and by the short code where the link is opened elsewhere.
'use strict';

const assert = require('node:assert/strict');
const { app, mails, person, request, setting, tell, until } = require('./stage.cjs');

const email = setting('STORY_EMAIL');
const page = `${app}/magic-link`;

const tokenOf = (link) => new URL(link).hash.slice('#token='.length);

/// Asks for a link in a new tab; the tab stays open.
const asked = async (context) => {
  const before = (await mails(email, '/magic-link#token=')).length;
  const tab = await context.newPage();
  await tab.goto(page);
  await tab.getByLabel('Your address').fill(email);
  await tab.getByRole('button', { name: 'Send me a link' }).click();
  await tab.getByText('a letter is on its way').waitFor();
  const letters = await until('a letter with a link', async () => {
    const found = await mails(email, '/magic-link#token=');
    return found.length > before && found;
  });
  const link = letters[0].match(/https:\S+\/magic-link#token=[\w-]+/)[0];
  assert.ok(link.startsWith(`${page}#token=`), link);
  return { tab, link };
};

/// A link scanner: as a program that asks for the address, and as a browser that runs the page but presses nothing.
const scan = async (browser, link) => {
  const token = tokenOf(link);
  for (const url of [link, link, `${page}?token=${token}`, `${app}/api/auth/magic-link/consume?token=${token}`]) {
    for (const method of ['HEAD', 'GET']) assert.ok([200, 405].includes((await request(method, url)).status), url);
  }
  const scanner = await person(browser);
  const opened = await scanner.newPage();
  await opened.goto(link);
  await opened.getByText('Press the button to sign in.').waitFor();
  assert.deepEqual(await scanner.cookies(), [], 'nobody is signed in by looking');
  await scanner.close();
};

const isSignedIn = async (context, tab) => {
  await tab.getByText('You are signed in.').waitFor();
  const body = JSON.parse(await tab.evaluate(() => sessionStorage.getItem('sign-in')));
  assert.equal(body.user.email, email);
  assert.equal(body.refreshToken, undefined, 'what lasts is not for scripts');
  const cookies = await context.cookies(app);
  assert.ok(cookies.some((cookie) => cookie.name === '__Host-rt' && cookie.httpOnly));
  const shown = await tab.evaluate(async (token) => {
    const answer = await fetch('/api/user/profile', { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()).email;
  }, body.accessToken);
  assert.equal(shown, email);
};

/// The link is opened from the mail program: in another tab of the same browser, which hands over to the one that asked.
const inTheSameBrowser = async (browser) => {
  const human = await person(browser);
  const { tab, link } = await asked(human);
  await scan(browser, link);
  const opened = await human.newPage();
  await opened.goto(link);
  await opened.getByRole('button', { name: 'Sign in' }).click();
  await opened.getByText('You are being signed in where you began.').waitFor();
  assert.equal(new URL(opened.url()).hash, '', 'the token does not stay in the address');
  await isSignedIn(human, tab);

  // Once used it is good for nothing.
  const used = await tab.evaluate(async (token) => {
    const body = JSON.stringify({ token, codeVerifier: 'a'.repeat(43) });
    const headers = { 'content-type': 'application/json' };
    return (await fetch('/api/auth/magic-link/consume', { method: 'POST', headers, body })).status;
  }, tokenOf(link));
  assert.equal(used, 410);
  await human.close();
};

/// The link is opened on the telephone: it shows a short code, which is typed where the link was asked for.
const inAnotherBrowser = async (browser) => {
  const [desk, phone] = [await person(browser), await person(browser)];
  const { tab, link } = await asked(desk);
  await scan(browser, link);
  const opened = await phone.newPage();
  await opened.goto(link);
  await opened.getByRole('button', { name: 'Sign in' }).click();
  await opened.getByText('You began in another browser.').waitFor();
  const code = await opened.locator('#code-shown').textContent();
  assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  assert.deepEqual(await phone.cookies(), [], 'the telephone is not signed in');

  await tab.getByLabel('The code of the letter').fill(code.toLowerCase());
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await isSignedIn(desk, tab);
  await Promise.all([desk.close(), phone.close()]);
};

tell(async (browser) => {
  await inTheSameBrowser(browser);
  await inAnotherBrowser(browser);
});
