/**
 * The page at the root of the server: signing in with a link or a password, setting the password, signing out. One text
 * without anything from elsewhere; its policy names the hashes of its own script and style, so that nothing else runs in it.
 */
import { createHash } from 'node:crypto';
import { API_BASE } from '@pelorus/protocol';

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#c9ccd1, #43474e); --quiet: light-dark(#565b63, #a3a8b0);
  --accent: light-dark(#0b5cad, #7db8f5); --bad: light-dark(#a8071a, #ff8f8f); }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: start center; padding: 12vh 1rem 2rem;
  font: 16px/1.5 system-ui, sans-serif; background: light-dark(#f6f7f9, #17191c); color: light-dark(#1a1c1f, #e8eaed); }
main { width: 100%; max-width: 26rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
section, form { display: grid; gap: .75rem; }
[hidden] { display: none; }
label { display: grid; gap: .25rem; font-weight: 600; }
input, button { font: inherit; padding: .55rem .7rem; border-radius: 6px; border: 1px solid var(--line); }
input { background: light-dark(#fff, #202328); color: inherit; }
button { cursor: pointer; background: var(--accent); border-color: var(--accent); color: light-dark(#fff, #101214); font-weight: 600; }
button.plain { background: none; color: inherit; border-color: var(--line); }
button:disabled { opacity: .6; cursor: progress; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); }
p { margin: 0; }
.quiet { color: var(--quiet); }
#message { min-height: 1.5em; margin-bottom: .5rem; }
#message.bad { color: var(--bad); font-weight: 600; }
ul { margin: 0; padding-left: 1.2rem; }
`;

const SCRIPT = `
'use strict';
const byId = (id) => document.getElementById(id);
const sections = ['out', 'in'];

function show(name) {
  for (const each of sections) byId(each).hidden = each !== name;
}

function say(text, bad) {
  byId('message').textContent = text;
  byId('message').className = bad ? 'bad' : '';
}

async function ask(method, path, body) {
  const response = await fetch('${API_BASE}' + path, {
    method,
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  let answer = null;
  try { answer = text === '' ? null : JSON.parse(text); } catch { answer = null; }
  if (response.ok) return answer;
  throw new Error(answer && answer.message ? answer.message : 'The server answered ' + response.status + '.');
}

function signedOut() {
  show('out');
  byId('login').reset();
  byId('name').focus();
}

function signedIn(me) {
  show('in');
  document.title = 'Pelorus: ' + me.user;
  byId('who').textContent = me.user + (me.administrator ? ', administrator' : '');
  byId('password-title').textContent = me.hasPassword ? 'Change the password' : 'Set a password';
  byId('current-row').hidden = !me.hasPassword;
  byId('current').required = me.hasPassword;
  byId('projects-row').hidden = me.projects.length === 0;
  byId('projects').replaceChildren(...me.projects.map((project) => {
    const item = document.createElement('li');
    const bits = [[4, 'change'], [2, 'read'], [1, 'run']].filter(([bit]) => project.perm & bit).map(([, word]) => word);
    item.textContent = project.name + ': ' + (project.owner ? 'owner' : bits.join(', '));
    return item;
  }));
  byId('set-password').reset();
  byId('set-password').dataset.user = me.user;
  byId('who').focus();
}

function onSubmit(id, work) {
  byId(id).addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = event.target.querySelector('button');
    button.disabled = true;
    say('', false);
    try { await work(); } catch (error) { say(error.message, true); } finally { button.disabled = false; }
  });
}

onSubmit('login', async () => {
  const name = byId('name').value.trim();
  const who = name.includes('@') ? { email: name } : { name };
  signedIn(await ask('POST', '/login', { ...who, password: byId('password').value }));
});

onSubmit('set-password', async () => {
  if (byId('new').value !== byId('again').value) throw new Error('The two new passwords differ.');
  const current = byId('current').value;
  const path = '/users/' + encodeURIComponent(byId('set-password').dataset.user) + '/password';
  await ask('POST', path, { ...(current === '' ? {} : { current }), new: byId('new').value });
  signedIn(await ask('GET', '/me'));
  say('The password is set. All other sessions have ended.', false);
});

onSubmit('logout', async () => {
  await ask('POST', '/logout');
  signedOut();
  say('You are signed out.', false);
});

async function start() {
  const address = new URL(location.href);
  const code = address.searchParams.get('code');
  address.searchParams.delete('code');
  if (code !== null) {
    history.replaceState(null, '', address.pathname + address.search);
    try { return signedIn(await ask('POST', '/login/code', { code })); } catch (error) { say(error.message, true); }
  }
  try { signedIn(await ask('GET', '/me')); } catch { signedOut(); }
}
start();
`;

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pelorus</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Pelorus</h1>
<p id="message" role="status" aria-live="polite"></p>
<noscript><p>This page needs JavaScript. The API is described at <a href="${API_BASE}/docs">${API_BASE}/docs</a>.</p></noscript>
<section id="out" hidden aria-label="Sign in">
<form id="login">
<label>Name or e-mail address <input id="name" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="320"></label>
<label>Password <input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024"></label>
<button>Sign in</button>
</form>
<p class="quiet">No password yet? An administrator can give you a sign-in link: <code>pelorus user link &lt;name&gt;</code></p>
</section>
<section id="in" hidden aria-label="Your account">
<p>Signed in as <strong id="who" tabindex="-1"></strong></p>
<p><a href="${API_BASE}/docs">API documentation</a></p>
<div id="projects-row"><h2>Your projects</h2><ul id="projects"></ul></div>
<h2 id="password-title">Set a password</h2>
<form id="set-password">
<div id="current-row"><label>Present password <input id="current" type="password" autocomplete="current-password" maxlength="1024"></label></div>
<label>New password <input id="new" type="password" autocomplete="new-password" required minlength="12" maxlength="1024" aria-describedby="rule"></label>
<p id="rule" class="quiet">12 characters or more.</p>
<label>New password again <input id="again" type="password" autocomplete="new-password" required maxlength="1024"></label>
<button>Set password</button>
</form>
<form id="logout"><button class="plain">Sign out</button></form>
</section>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;

function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The page, and the headers that it is to be sent with. */
export const START_PAGE = {
  html: HTML,
  headers: {
    'content-security-policy': [
      "default-src 'none'",
      `script-src ${sourceHash(SCRIPT)}`,
      `style-src ${sourceHash(STYLE)}`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  },
} as const;
