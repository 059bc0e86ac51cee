'use strict';

// A web client in cookie mode, as small as one can be: the access and CSRF tokens are in memory alone.
window.client = {
  access: null,
  csrf: null,

  async call(url, { method = 'POST', body, headers = {}, credentials = 'include', ...more } = {}) {
    if (body !== undefined) headers = { 'content-type': 'application/json', ...headers };
    try {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const answer = await fetch(url, { method, headers, body: text, credentials, ...more });
      const said = await answer.text();
      return { status: answer.status, type: answer.type, body: said && answer.type !== 'opaque' ? JSON.parse(said) : null };
    } catch (fault) {
      return { fault: String(fault) };
    }
  },

  keep(answer) {
    if (answer.body?.csrfToken) this.csrf = answer.body.csrfToken;
    if (answer.body?.accessToken) this.access = answer.body.accessToken;
    return answer;
  },

  async signIn(base, email, password) {
    const options = { body: { email, password }, headers: { 'session-mode': 'cookie' } };
    return this.keep(await this.call(`${base}/api/auth/signin`, options));
  },

  async askForCsrf(base) {
    return this.keep(await this.call(`${base}/api/auth/csrf`));
  },

  async refresh(base, options = {}) {
    return this.keep(await this.call(`${base}/api/auth/refresh`, { body: {}, headers: { 'x-csrf-token': this.csrf ?? '' }, ...options }));
  },

  async profile(base) {
    const headers = { authorization: `Bearer ${this.access}` };
    return this.call(`${base}/api/user/profile`, { method: 'GET', headers, credentials: 'omit' });
  },

  async signOut(base) {
    return this.call(`${base}/api/auth/logout`, { headers: { authorization: `Bearer ${this.access}` } });
  },
};
