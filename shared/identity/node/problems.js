// Every refusal of the middleware: RFC 9457, in French and English, with the codes of the Rust services.

import { randomUUID } from 'node:crypto';

const PROBLEMS = {
  unauthenticated: {
    status: 401, title: 'Unauthorized', headers: { 'www-authenticate': 'Bearer' },
    en: 'Sign in and send a valid access token.',
    fr: "Connectez-vous et envoyez un jeton d'accès valide.",
  },
  read_only_token: {
    status: 403, title: 'Forbidden',
    en: 'You are looking at the platform as somebody else: nothing can be changed that way.',
    fr: "Vous voyez la plateforme à la place de quelqu'un d'autre : rien ne peut être modifié ainsi.",
  },
  wrong_tenant: {
    status: 403, title: 'Forbidden',
    en: 'This sign-in belongs to another studio than this address.',
    fr: 'Cette connexion appartient à un autre studio que cette adresse.',
  },
  people_only: {
    status: 403, title: 'Forbidden',
    en: 'Only a person can do this: you came with the token of a service account.',
    fr: "Seule une personne peut faire cela : ce jeton est celui d'un compte de service.",
  },
  permission_denied: {
    status: 403, title: 'Forbidden',
    en: 'Your role does not allow this.',
    fr: 'Votre rôle ne permet pas cette action.',
  },
  revocations_unknown: {
    status: 503, title: 'Service Unavailable', headers: { 'retry-after': '2' },
    en: 'This part of the platform has just started and cannot check your sign-in yet. Nothing was changed; try again soon.',
    fr: "Cette partie de la plateforme vient de démarrer et ne peut pas encore vérifier votre connexion. Rien n'a été modifié ; réessayez bientôt.",
  },
  trust_unavailable: {
    status: 503, title: 'Service Unavailable', headers: { 'retry-after': '2' },
    en: 'Whether you may still do this cannot be checked at the moment. Nothing was changed; try again soon.',
    fr: 'Vos droits ne peuvent pas être vérifiés pour le moment. Rien n\'a été modifié ; réessayez bientôt.',
  },
};

/** Why a request goes no further. Its message is for logs, its code for the answer. */
export class Refusal extends Error {
  /** @param {keyof typeof PROBLEMS} code */
  constructor(code, why = code, options = undefined) {
    super(why, options);
    this.code = code;
  }
}

/** A token that is not one of ours, or not good now. */
export class InvalidToken extends Refusal {
  constructor(why) {
    super('unauthenticated', why);
  }
}

export function answerRefusal({ code }, request, response) {
  const { status, title, headers = {}, ...detail } = PROBLEMS[code];
  response.statusCode = status;
  const always = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  for (const [name, value] of Object.entries({ ...always, ...headers })) response.setHeader(name, value);
  const language = languageOf(request.headers['accept-language']);
  const requestId = traceIdOf(request.headers.traceparent);
  response.end(JSON.stringify({ type: 'about:blank', title, status, code, detail: detail[language], requestId }));
}

/** The one of our languages with the greatest weight (RFC 9110 section 12.5.4); English when none fits. */
function languageOf(header = '') {
  let best = { language: 'en', weight: 0 };
  for (const range of header.split(',')) {
    const [tag, ...parameters] = range.split(';').map((part) => part.trim());
    const language = tag.split('-')[0].toLowerCase();
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    if (['fr', 'en'].includes(language) && weight > best.weight) best = { language, weight };
  }
  return best.language;
}

function traceIdOf(header = '') {
  const [, traceId] = /^[^-]{2}-(?!0{32})([0-9a-f]{32})(?:-|$)/.exec(header) ?? [];
  return traceId ?? randomUUID().replaceAll('-', '');
}
