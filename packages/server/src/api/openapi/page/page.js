// @ts-check
/**
 * The page for people about the API, made in the browser from the OpenAPI document beside it. Owns: the token that was typed in,
 * in memory only, and the request under way. It loads nothing but the document and what is tried.
 */

/**
 * @typedef {{
 *   $ref?: string, type?: string | string[], description?: string, format?: string,
 *   const?: unknown, enum?: unknown[], default?: unknown, oneOf?: Schema[], anyOf?: Schema[],
 *   properties?: Record<string, Schema>, required?: string[], additionalProperties?: boolean | Schema,
 *   items?: Schema, prefixItems?: Schema[],
 *   minimum?: number, maximum?: number, minLength?: number, maxLength?: number, maxItems?: number,
 * }} Schema
 * @typedef {{ name: string, in: string, required: boolean, description?: string, schema?: Schema, content?: Record<string, { schema: Schema }> }} Parameter
 * @typedef {{ schema: Schema, encoding?: Record<string, { contentType: string }>, 'x-event'?: Schema }} Media
 * @typedef {{ description: string, content?: Record<string, Media> }} Answer
 * @typedef {{ schemas: Record<string, Schema>, responses: Record<string, Answer> }} Components
 * @typedef {{ operationId: string, summary: string, tags: string[], 'x-access': string, parameters: Parameter[], requestBody?: { required: boolean, content: Record<string, Media> }, responses: Record<string, Answer | { $ref: string }> }} Described
 * @typedef {Described & { method: string, path: string }} Operation
 * @typedef {{ info: { version: string }, paths: Record<string, Record<string, Described>>, components: Components }} Api
 */

const DEPTH_SHOWN = 12;
const EVENTS_SHOWN = 500;

/** @type {Components} */
let components = { schemas: {}, responses: {} };
/** @type {Operation[]} */
let operations = [];
/** @type {AbortController | null} */
let underWay = null;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const search = /** @type {HTMLInputElement} */ (byId('search'));
const token = /** @type {HTMLInputElement} */ (byId('token'));
const main = byId('main');

start().catch((error) =>
  main.replaceChildren(h('p', { class: 'bad' }, `The document cannot be read: ${String(error)}`)),
);

async function start() {
  const answer = await fetch('openapi.json');
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  const api = /** @type {Api} */ (await answer.json());
  components = api.components;
  operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method, path })),
  );
  byId('version').textContent = api.info.version;
  search.addEventListener('input', showList);
  addEventListener('hashchange', showPage);
  addEventListener('keydown', onKey);
  byId('theme').addEventListener('click', turnTheme);
  labelTheme();
  showList();
  showPage();
}

// The list of operations

function showList() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = operations.filter((operation) => {
    const text = `${operation.method} ${operation.path} ${operation.operationId} ${operation.summary}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const tags = [...new Set(found.flatMap((operation) => operation.tags))];
  byId('operations').replaceChildren(
    ...tags.flatMap((tag) => [
      h('h2', {}, tag),
      h(
        'ul',
        {},
        ...found.filter((operation) => operation.tags.includes(tag)).map((operation) => h('li', {}, link(operation))),
      ),
    ]),
    ...(found.length === 0 ? [h('p', { class: 'quiet' }, 'Nothing is called so.')] : []),
  );
  markCurrent();
}

function link(/** @type {Operation} */ operation) {
  return h(
    'a',
    { href: `#/${operation.operationId}`, title: operation.summary },
    h('span', { class: `method ${operation.method}` }, operation.method),
    h('span', { class: 'path' }, shortPath(operation.path)),
  );
}

function shortPath(/** @type {string} */ path) {
  return path.replace(/^\/api\/v1(?=\/)/, '');
}

function markCurrent() {
  for (const each of byId('operations').querySelectorAll('a'))
    if (each.getAttribute('href') === location.hash) each.setAttribute('aria-current', 'page');
    else each.removeAttribute('aria-current');
}

/** `/` searches, arrows go through what was found, Escape leaves the search. */
function onKey(/** @type {KeyboardEvent} */ event) {
  const at = document.activeElement;
  const writes = at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement;
  if (event.key === '/' && !writes && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
    search.select();
    return;
  }
  const links = [...byId('operations').querySelectorAll('a')];
  const index = links.indexOf(/** @type {HTMLAnchorElement} */ (at));
  if (at !== search && index === -1) return;
  if (event.key === 'ArrowDown') links[index + 1]?.focus();
  else if (event.key === 'ArrowUp') (links[index - 1] ?? search).focus();
  else if (event.key === 'Enter' && at === search) links[0]?.click();
  else if (event.key === 'Escape') main.focus();
  else return;
  event.preventDefault();
}

function turnTheme() {
  const root = document.documentElement;
  root.dataset['theme'] = isDark() ? 'light' : 'dark';
  labelTheme();
}

function isDark() {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
}

function labelTheme() {
  byId('theme').textContent = isDark() ? 'Light' : 'Dark';
}

// One operation

function showPage() {
  underWay?.abort();
  const operation = operations.find((each) => `#/${each.operationId}` === location.hash);
  main.replaceChildren(...(operation === undefined ? overview() : operationPage(operation)));
  document.title = operation === undefined ? 'Pelorus API' : `${operation.operationId} · Pelorus API`;
  main.scrollTo(0, 0);
  markCurrent();
  if (operation !== undefined && document.activeElement?.closest('nav') === null) main.focus();
}

function overview() {
  const rows = operations.map((operation) =>
    h(
      'tr',
      {},
      h('td', {}, link(operation)),
      h('td', {}, operation.summary),
      h('td', { class: 'quiet' }, operation['x-access']),
    ),
  );
  return [
    h('h1', {}, 'Operations'),
    h('p', {}, 'The document that this page is made from: ', h('a', { href: 'openapi.json' }, 'openapi.json'), '.'),
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, h('th', {}, 'Operation'), h('th', {}, ''), h('th', {}, 'Who may'))),
      h('tbody', {}, ...rows),
    ),
  ];
}

function operationPage(/** @type {Operation} */ operation) {
  return [
    h('h1', {}, operation.summary),
    h(
      'p',
      {},
      h('span', { class: `method ${operation.method}` }, operation.method),
      ' ',
      h('code', {}, operation.path),
    ),
    h('p', { class: 'quiet' }, `${operation.operationId} · who may: ${accessText(operation['x-access'])}`),
    ...tryIt(operation),
    h('h2', {}, 'Answers'),
    ...Object.entries(operation.responses).map(([status, answer]) => answerSection(status, answer)),
  ];
}

function accessText(/** @type {string} */ access) {
  return access.startsWith('project:') ? `who may ${access.slice('project:'.length)} in its project` : access;
}

function answerSection(/** @type {string} */ status, /** @type {Answer | { $ref: string }} */ reference) {
  const answer =
    '$ref' in reference ? /** @type {Answer} */ (components.responses[lastStep(reference.$ref)]) : reference;
  const details = h(
    'details',
    status < '300' ? { open: '' } : {},
    h('summary', {}, h('code', { class: status < '300' ? 'good' : 'bad' }, status), ` ${answer.description}`),
  );
  for (const [type, media] of Object.entries(answer.content ?? {})) {
    details.append(h('h3', {}, type), schemaView(media.schema));
    if (media['x-event'] !== undefined)
      details.append(h('p', { class: 'quiet' }, 'Its events:'), schemaView(media['x-event']));
  }
  return details;
}

// Schemas

function schemaView(/** @type {Schema} */ schema, depth = 0) {
  const known = resolved(schema);
  const parts = partsOf(known);
  const view = h('div', { class: 'schema' });
  if (parts.length === 0) view.append(h('code', {}, typeText(schema)));
  for (const part of parts) view.append(memberView(part, depth));
  return view;
}

/**
 * @typedef {{ name: string, required: boolean, schema: Schema }} Part
 * @returns {Part[]}
 */
function partsOf(/** @type {Schema} */ schema) {
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties ?? {}).map(([name, inner]) => ({
    name,
    required: required.has(name),
    schema: inner,
  }));
  const items = schema.items === undefined ? [] : [{ name: 'each item', required: true, schema: schema.items }];
  const fixed = (schema.prefixItems ?? []).map((/** @type {Schema} */ inner, /** @type {number} */ at) => ({
    name: `[${at}]`,
    required: true,
    schema: inner,
  }));
  const more =
    typeof schema.additionalProperties === 'object' && Object.keys(schema.additionalProperties).length > 0
      ? [{ name: 'each member', required: false, schema: schema.additionalProperties }]
      : [];
  const choices = (schema.oneOf ?? schema.anyOf ?? []).map((/** @type {Schema} */ inner) => ({
    name: 'or',
    required: false,
    schema: inner,
  }));
  return [...members, ...fixed, ...items, ...more, ...choices];
}

function memberView(/** @type {Part} */ part, /** @type {number} */ depth) {
  const head = [
    h('code', {}, part.name),
    ...(part.required ? [h('span', { class: 'required', title: 'required' }, '*')] : []),
    h('span', { class: 'quiet' }, ` ${typeText(part.schema)}`),
    ...(typeof part.schema.description === 'string'
      ? [h('span', { class: 'quiet' }, ` — ${part.schema.description}`)]
      : []),
  ];
  if (depth >= DEPTH_SHOWN || partsOf(resolved(part.schema)).length === 0) return h('div', {}, ...head);
  const details = h('details', {}, h('summary', {}, ...head));
  // Schemas refer to themselves: what is inside is made when it is opened.
  details.addEventListener('toggle', () => details.append(schemaView(part.schema, depth + 1)), { once: true });
  return details;
}

function resolved(/** @type {Schema} */ schema) {
  return typeof schema.$ref === 'string' ? { ...components.schemas[lastStep(schema.$ref)], ...schema } : schema;
}

function lastStep(/** @type {string} */ reference) {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** @returns {string} */
function typeText(/** @type {Schema} */ schema) {
  if (typeof schema.$ref === 'string') return lastStep(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choices)) return choices.map(typeText).join(' | ');
  if (schema.type === 'array' && schema.items !== undefined) return `array of ${typeText(schema.items)}`;
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
  return [type, ...limitsOf(schema)].join(', ');
}

/** @type {['minimum' | 'maximum' | 'minLength' | 'maxLength' | 'maxItems', string][]} */
const BOUNDS = [
  ['minimum', '≥'],
  ['maximum', '≤'],
  ['minLength', 'length ≥'],
  ['maxLength', 'length ≤'],
  ['maxItems', 'items ≤'],
];

/** @returns {string[]} */
function limitsOf(/** @type {Schema} */ schema) {
  const limits = [];
  if (schema.format !== undefined) limits.push(schema.format);
  for (const [keyword, word] of BOUNDS) {
    const bound = schema[keyword];
    if (bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER) limits.push(`${word} ${bound}`);
  }
  if (schema.default !== undefined) limits.push(`default ${JSON.stringify(schema.default)}`);
  return limits;
}

/**
 * Something that fits the schema: what is required, and nothing else.
 * @returns {unknown}
 */
function exampleOf(/** @type {Schema} */ schema, depth = 0) {
  const known = resolved(schema);
  if (known.default !== undefined) return known.default;
  if (known.const !== undefined) return known.const;
  if (Array.isArray(known.enum)) return known.enum[0];
  if (depth > 6) return null;
  const [choice] = known.oneOf ?? known.anyOf ?? [];
  if (choice !== undefined) return exampleOf(choice, depth + 1);
  switch (Array.isArray(known.type) ? known.type[0] : known.type) {
    case 'object': {
      const names = known.required ?? [];
      return Object.fromEntries(
        names.map((/** @type {string} */ name) => [name, exampleOf(known.properties?.[name] ?? {}, depth + 1)]),
      );
    }
    case 'array':
      return [];
    case 'integer':
    case 'number':
      return known.minimum ?? 0;
    case 'boolean':
      return false;
    default:
      return known.format === 'date-time' ? new Date().toISOString() : '';
  }
}

// Trying it

function tryIt(/** @type {Operation} */ operation) {
  /** @type {{ parameter: Parameter, input: HTMLInputElement | HTMLSelectElement }[]} */
  const inputs = operation.parameters.map((parameter) => ({ parameter, input: inputFor(parameter) }));
  const body = operation.requestBody === undefined ? null : bodyEditor(operation.requestBody.content);
  const outcome = h('div', { 'aria-live': 'polite' });
  const stop = h('button', { type: 'button', hidden: '' }, 'Stop');
  stop.addEventListener('click', () => underWay?.abort());
  const form = /** @type {HTMLFormElement} */ (h('form', {}));
  const rows = inputs.map(({ parameter, input }) =>
    h(
      'tr',
      {},
      h(
        'td',
        {},
        h(
          'label',
          { for: input.id },
          h('code', {}, parameter.name),
          ...(parameter.required ? [h('span', { class: 'required' }, '*')] : []),
        ),
      ),
      h('td', { class: 'quiet' }, parameter.in),
      h('td', {}, input),
      h('td', { class: 'quiet' }, [typeText(schemaOf(parameter)), parameter.description].filter(Boolean).join(' — ')),
    ),
  );
  if (rows.length > 0)
    form.append(
      h('h2', {}, 'Parameters'),
      h(
        'table',
        {},
        h('thead', {}, h('tr', {}, ...['Name', 'In', 'Value', 'Is'].map((word) => h('th', {}, word)))),
        h('tbody', {}, ...rows),
      ),
    );
  if (body !== null) form.append(h('h2', {}, 'Body'), body.element);
  form.append(h('div', { class: 'row' }, h('button', { class: 'primary' }, 'Send'), stop), outcome);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    stop.hidden = false;
    send(
      operation,
      inputs.map(({ parameter, input }) => ({ parameter, value: input.value })),
      body?.read() ?? null,
      outcome,
    )
      .catch((error) => outcome.append(h('p', { class: 'bad' }, String(error))))
      .finally(() => (stop.hidden = true));
  });
  return [form];
}

function schemaOf(/** @type {Parameter} */ parameter) {
  return parameter.schema ?? parameter.content?.['application/json']?.schema ?? {};
}

function inputFor(/** @type {Parameter} */ parameter) {
  const schema = resolved(schemaOf(parameter));
  const values = schema.type === 'boolean' ? ['true', 'false'] : schema.enum;
  const attributes = {
    id: `parameter-${parameter.in}-${parameter.name}`,
    ...(parameter.required ? { required: '' } : {}),
  };
  if (Array.isArray(values))
    return /** @type {HTMLSelectElement} */ (
      h(
        'select',
        attributes,
        ...(parameter.required ? [] : [h('option', { value: '' }, '')]),
        ...values.map((value) => h('option', { value: String(value) }, String(value))),
      )
    );
  const hint = parameter.content !== undefined ? 'JSON' : schema.type === 'array' ? 'several: a, b' : '';
  return /** @type {HTMLInputElement} */ (
    h('input', { ...attributes, autocomplete: 'off', spellcheck: 'false', placeholder: hint })
  );
}

/** @typedef {{ type: string, content: string | FormData | URLSearchParams, shown: string }} Body */

function bodyEditor(/** @type {Record<string, Media>} */ content) {
  const types = Object.keys(content);
  const select = /** @type {HTMLSelectElement} */ (
    h('select', { 'aria-label': 'Content type' }, ...types.map((type) => h('option', {}, type)))
  );
  const place = h('div', {});
  const shape = h('div', {});
  /** @type {() => Body | null} */
  let read = () => null;
  const show = () => {
    const media = content[select.value];
    if (media === undefined) return;
    const isForm = /form/.test(select.value);
    const editor = isForm ? formEditor(select.value, media) : textEditor(select.value, media);
    place.replaceChildren(editor.element);
    read = editor.read;
    shape.replaceChildren(h('details', {}, h('summary', {}, 'What it holds'), schemaView(media.schema)));
  };
  select.addEventListener('change', show);
  show();
  return { element: h('div', {}, h('div', { class: 'row' }, select), place, shape), read: () => read() };
}

function textEditor(/** @type {string} */ type, /** @type {Media} */ media) {
  const area = /** @type {HTMLTextAreaElement} */ (h('textarea', { 'aria-label': 'Body', spellcheck: 'false' }));
  const example = type.includes('yaml')
    ? "name: hello\ntasks:\n  greet: { run: 'echo hello' }\n"
    : JSON.stringify(exampleOf(media.schema), null, 2);
  area.value = /json|yaml/.test(type) ? example : '';
  return {
    element: area,
    /** @returns {Body | null} */
    read: () =>
      area.value === '' ? null : { type, content: area.value, shown: `--data-binary ${quoted(area.value)}` },
  };
}

function formEditor(/** @type {string} */ type, /** @type {Media} */ media) {
  const { properties = {}, required = [] } = resolved(media.schema);
  const isMultipart = type.startsWith('multipart');
  const fields = partsOf({ properties, required }).map((part) => {
    const isFile = isMultipart && media.encoding?.[part.name]?.contentType === 'application/octet-stream';
    const input = /** @type {HTMLInputElement} */ (
      h('input', { id: `field-${part.name}`, type: isFile ? 'file' : 'text', autocomplete: 'off' })
    );
    return { part, input, isFile };
  });
  const rows = fields.map(({ part, input }) =>
    h(
      'tr',
      {},
      h(
        'td',
        {},
        h(
          'label',
          { for: input.id },
          h('code', {}, part.name),
          ...(part.required ? [h('span', { class: 'required' }, '*')] : []),
        ),
      ),
      h('td', {}, input),
      h('td', { class: 'quiet' }, typeText(part.schema)),
    ),
  );
  return {
    element: h('table', {}, h('tbody', {}, ...rows)),
    /** @returns {Body | null} */
    read: () => {
      const given = fields.filter(({ input }) => input.value !== '');
      const shown = given
        .map(({ part, input, isFile }) =>
          isMultipart
            ? `-F ${quoted(`${part.name}=${isFile ? `@${input.files?.[0]?.name ?? ''}` : input.value}`)}`
            : `--data-urlencode ${quoted(`${part.name}=${input.value}`)}`,
        )
        .join(' ');
      if (!isMultipart)
        return { type, content: new URLSearchParams(given.map(({ part, input }) => [part.name, input.value])), shown };
      const form = new FormData();
      for (const { part, input, isFile } of given) form.set(part.name, isFile ? (input.files?.[0] ?? '') : input.value);
      return { type, content: form, shown };
    },
  };
}

/**
 * @param {Operation} operation
 * @param {{ parameter: Parameter, value: string }[]} values
 * @param {Body | null} body
 * @param {HTMLElement} outcome
 */
async function send(operation, values, body, outcome) {
  underWay?.abort();
  const controller = new AbortController();
  underWay = controller;
  const url = urlOf(operation, values);
  const headers = headersOf(values, body);
  outcome.replaceChildren(h('h2', {}, 'Request'), h('pre', {}, curlOf(operation.method, url, headers, body)));
  const startedAt = performance.now();
  const answer = await fetch(url, {
    method: operation.method.toUpperCase(),
    headers,
    // A request may carry a session or a token, not both.
    credentials: token.value === '' ? 'same-origin' : 'omit',
    cache: 'no-store',
    signal: controller.signal,
    ...(body === null ? {} : { body: body.content }),
  });
  const took = Math.round(performance.now() - startedAt);
  const type = answer.headers.get('content-type') ?? '';
  outcome.append(
    h(
      'h2',
      {},
      h('span', { class: answer.ok ? 'good' : 'bad' }, `${answer.status} ${answer.statusText}`),
      h('span', { class: 'quiet' }, ` ${took} ms ${type}`),
    ),
    h(
      'details',
      {},
      h('summary', {}, 'Headers'),
      h('pre', {}, [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n')),
    ),
  );
  const text = h('pre', { tabindex: '0' });
  outcome.append(text);
  if (type.startsWith('text/event-stream')) return follow(answer, text);
  text.textContent = pretty(await answer.text(), type);
}

function pretty(/** @type {string} */ text, /** @type {string} */ type) {
  if (!type.includes('json')) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The events of a stream as they come, the latest of them. */
async function follow(/** @type {Response} */ answer, /** @type {HTMLElement} */ place) {
  if (answer.body === null) return;
  let rest = '';
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) place.append(`${event}\n\n`);
    while (place.childNodes.length > EVENTS_SHOWN) place.firstChild?.remove();
    place.scrollTo(0, place.scrollHeight);
  }
}

function urlOf(/** @type {Operation} */ operation, /** @type {{ parameter: Parameter, value: string }[]} */ values) {
  let path = operation.path;
  const query = new URLSearchParams();
  for (const { parameter, value } of values) {
    if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    if (parameter.in !== 'query' || value === '') continue;
    const several = parameter.schema !== undefined && resolved(parameter.schema).type === 'array';
    for (const one of several ? value.split(',').map((each) => each.trim()) : [value])
      query.append(parameter.name, one);
  }
  return path + (query.size === 0 ? '' : `?${query.toString()}`);
}

function headersOf(/** @type {{ parameter: Parameter, value: string }[]} */ values, /** @type {Body | null} */ body) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (const { parameter, value } of values)
    if (parameter.in === 'header' && value !== '') headers[parameter.name] = value;
  if (token.value !== '') headers['Authorization'] = `Bearer ${token.value.trim()}`;
  // The browser writes those of forms, with their boundary.
  if (body !== null && typeof body.content === 'string') headers['Content-Type'] = body.type;
  return headers;
}

/** The token is not shown. */
function curlOf(
  /** @type {string} */ method,
  /** @type {string} */ url,
  /** @type {Record<string, string>} */ headers,
  /** @type {Body | null} */ body,
) {
  const shown = Object.entries(headers).map(
    ([name, value]) =>
      `-H ${name === 'Authorization' ? '"Authorization: Bearer $PELORUS_TOKEN"' : quoted(`${name}: ${value}`)}`,
  );
  return [
    'curl',
    ...(method === 'get' ? [] : ['-X', method.toUpperCase()]),
    quoted(location.origin + url),
    ...shown,
    ...(body === null ? [] : [body.shown]),
  ].join(' ');
}

function quoted(/** @type {string} */ text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * An element with attributes and children.
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
