// What every story needs: a Chromium that trusts the installation's authority and nobody else's word for it, the hosts of the
// installation, its mailbox, and pages of other hosts, ours and strangers'.
'use strict';

const assert = require('node:assert/strict');
const { X509Certificate, createHash } = require('node:crypto');
const { execFileSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const https = require('node:https');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const tls = require('node:tls');
const { chromium } = require('playwright-core');

const setting = (name) => process.env[name] ?? assert.fail(`${name} is not set: the suite tells these stories`);
const domain = setting('STORY_DOMAIN');
const port = setting('STORY_PORT');
const authority = readFileSync(setting('STORY_AUTHORITY'));

const originOf = (host) => `https://${host}.${domain}:${port}`;
const app = originOf('app');
const studio = originOf('studio');
/// The names below `.localhost` are this machine's, also where the system does not say so.
const lookup = (_, options, found) => (options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4));

/// A request of another program than the browser.
const request = (method, url) =>
  new Promise((resolve, reject) => {
    const sent = https.request(url, { method, ca: authority, lookup, agent: false }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(parts).toString() }));
    });
    sent.on('error', reject);
    sent.end();
  });

/// Asks again until there is an answer, for half a minute.
const until = async (what, ask) => {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const found = await ask();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(`in vain: ${what}`);
};

/// The texts of the mails to an address that hold `needle`, newest first.
const mails = async (to, needle) => {
  const { text } = await request('GET', `${originOf('mail')}/api/messages?to=${encodeURIComponent(to)}`);
  return JSON.parse(text).items.map((mail) => mail.text).filter((mail) => mail.includes(needle));
};

/// The digest of the gateway's own key, once its certificate has been checked against the authority: Chromium takes this key
/// and no other.
const keyOfTheGateway = () =>
  new Promise((resolve, reject) => {
    const connection = tls.connect({ host: '127.0.0.1', port, servername: `app.${domain}`, ca: authority }, () => {
      const certificate = connection.getPeerX509Certificate();
      connection.end();
      resolve(digestOf(certificate.publicKey));
    });
    connection.on('error', reject);
  });

const digestOf = (key) => createHash('sha256').update(key.export({ type: 'spki', format: 'der' })).digest('base64');

/// Serves an empty page on every name that the browser is told to look for here. No request of a browser is answered by the
/// test itself: while one may be, Chromium leaves out what it asks before a call from another origin.
const servePages = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'));
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-subj', '/CN=pages', '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  const pair = { key: readFileSync(key), cert: readFileSync(certificate) };
  rmSync(folder, { recursive: true });
  const server = https.createServer(pair, (_, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end('<!doctype html><title>A page</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${server.address().port}`, key: digestOf(new X509Certificate(pair.cert).publicKey), server };
};

/// A new browser of somebody's. Every page in it has the test's web client.
const person = async (browser) => {
  const context = await browser.newContext({ locale: 'en-GB' });
  await context.addInitScript({ path: join(__dirname, 'client.js') });
  context.setDefaultTimeout(20_000);
  return context;
};

/// A page of an origin, open in a tab.
const tab = async (context, origin) => {
  const opened = await context.newPage();
  await opened.goto(origin === app ? `${app}/magic-link` : origin);
  return opened;
};

/// Where no page is that a test could have.
const STRANGER = 'https://evil.test';
const NEIGHBOUR = originOf('evil');

/// Tells a story. What it throws fails it.
const tell = async (story) => {
  const pages = await servePages();
  const elsewhere = [studio, STRANGER, NEIGHBOUR].map((origin) => `MAP ${new URL(origin).hostname} ${pages.address}`);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      `--ignore-certificate-errors-spki-list=${await keyOfTheGateway()},${pages.key}`,
      `--host-resolver-rules=${elsewhere.join(', ')}`,
      '--no-proxy-server',
    ],
  });
  try {
    await story(browser);
    console.log('told to its end');
  } finally {
    await browser.close();
    pages.server.closeAllConnections();
    pages.server.close();
  }
};

module.exports = { NEIGHBOUR, STRANGER, app, domain, mails, person, request, setting, studio, tab, tell, until };
