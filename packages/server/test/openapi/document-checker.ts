/** Holds answers against the OpenAPI document: their status, content type and body. What the document says is taken literally. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import type { Media, OpenApiDocument, Operation, Response as Documented } from '../../src/api/openapi/document.ts';

export interface DocumentedOperation {
  id: string;
  method: string;
  /** With `{name}` for its parameters. */
  path: string;
  operation: Operation;
}

export interface AnswerToCheck {
  status: number;
  /** As the header says; empty when there is none. */
  contentType: string;
  body: string | Uint8Array;
}

export interface DocumentChecker {
  operations: readonly DocumentedOperation[];
  /** What is wrong with an answer; empty: nothing. */
  problemsOf(operation: DocumentedOperation, answer: AnswerToCheck): string[];
  /** What is wrong with a body that is to be sent; of JSON, whether it fits the schema. */
  problemsOfRequest(operation: DocumentedOperation, request: Omit<AnswerToCheck, 'status'>): string[];
  /** The same for an error document alone, whatever it answers. */
  problemsOfProblem(body: string | Uint8Array): string[];
  /** Compiles every schema of the document; throws for one that is none. */
  compileAll(): number;
}

const ROOT = 'https://pelorus.test/openapi.json';
const METHODS = new Set(['get', 'put', 'post', 'delete', 'patch']);

export function createDocumentChecker(document: OpenApiDocument): DocumentChecker {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    strictTuples: false,
    allErrors: false,
  });
  addFormats.default(ajv);
  // The document itself is taken for a schema, for the references into it.
  ajv.addVocabulary([...Object.keys(document), 'x-json-text']);
  ajv.addSchema({ $id: ROOT, ...document }, ROOT, undefined, false);
  const compiled = new Map<string, ValidateFunction>();
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => METHODS.has(method))
      .map(([method, operation]) => ({ id: operation.operationId, method: method.toUpperCase(), path, operation })),
  );

  function validatorAt(pointer: string): ValidateFunction {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `${ROOT}#${pointer}` });
    compiled.set(pointer, known);
    return known;
  }

  function documented({ path, method, operation }: DocumentedOperation, status: number): Place<Documented> | null {
    const response = operation.responses[String(status)];
    if (response === undefined) return null;
    if (!('$ref' in response))
      return { value: response, pointer: pointerOf('paths', path, method.toLowerCase(), 'responses', String(status)) };
    const name = response.$ref.slice(response.$ref.lastIndexOf('/') + 1);
    const responses = document.components['responses'] as Record<string, Documented>;
    const shared = responses[name];
    return shared === undefined ? null : { value: shared, pointer: pointerOf('components', 'responses', name) };
  }

  function problemsOf(operation: DocumentedOperation, answer: AnswerToCheck): string[] {
    const place = documented(operation, answer.status);
    const what = `${operation.id} answered ${answer.status}`;
    if (place === null) return [`${what}, which is not documented: ${shown(answer.body)}`];
    const content = '$ref' in place.value ? undefined : place.value.content;
    if (content === undefined)
      return answer.body.length === 0 ? [] : [`${what} with a body that is not documented: ${shown(answer.body)}`];
    const type = answer.contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    const media = content[type];
    if (media === undefined)
      return [`${what} with ${type || 'no content type'}; documented are ${Object.keys(content).join(', ')}`];
    return bodyProblems(media, `${place.pointer}${pointerOf('content', type)}`, type, answer.body).map(
      (problem) => `${what}: ${problem}`,
    );
  }

  function bodyProblems(media: Media, pointer: string, type: string, body: string | Uint8Array): string[] {
    if (type === 'text/event-stream') {
      const events = eventsOf(textOf(body));
      return media['x-event'] === undefined
        ? []
        : events.flatMap((event) => valueProblems(`${pointer}/x-event`, event));
    }
    if (!type.endsWith('json')) return [];
    return valueProblems(`${pointer}/schema`, textOf(body));
  }

  function valueProblems(pointer: string, text: string): string[] {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return [`not JSON: ${shown(text)}`];
    }
    const validate = validatorAt(pointer);
    if (validate(value)) return [];
    return [`${ajv.errorsText(validate.errors, { dataVar: '' })} in ${shown(text)}`];
  }

  function problemsOfRequest(
    { path, method, operation }: DocumentedOperation,
    { contentType, body }: Omit<AnswerToCheck, 'status'>,
  ): string[] {
    const type = contentType.split(';', 1)[0] ?? '';
    const media = operation.requestBody?.content[type];
    if (media === undefined) return [`a body of type ${type} is not documented`];
    const pointer = pointerOf('paths', path, method.toLowerCase(), 'requestBody', 'content', type, 'schema');
    return type.endsWith('json') ? valueProblems(pointer, textOf(body)) : [];
  }

  return {
    operations,
    problemsOf,
    problemsOfRequest,
    problemsOfProblem: (body) => valueProblems(pointerOf('components', 'schemas', 'Problem'), textOf(body)),
    compileAll: () => {
      const pointers = [...pointersOfSchemas(document)];
      for (const pointer of pointers) validatorAt(pointer);
      return pointers.length;
    },
  };
}

interface Place<Value> {
  value: Value;
  pointer: string;
}

/** Every `schema` and `x-event` of the paths, and every component. */
function* pointersOfSchemas(document: OpenApiDocument): Iterable<string> {
  for (const name of Object.keys(document.components.schemas)) yield pointerOf('components', 'schemas', name);
  yield* within(document.paths, '/paths');
  yield* within(document.components['responses'], '/components/responses');

  function* within(value: unknown, pointer: string): Iterable<string> {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const at = pointer + pointerOf(key);
      if (key === 'schema' || key === 'x-event') yield at;
      else yield* within(inner, at);
    }
  }
}

function pointerOf(...steps: string[]): string {
  // As a fragment of a URI: what stands in braces is escaped there.
  return steps.map((step) => `/${encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');
}

/** The events of a stream, each as JSON of `{event, data}`; comments are left out, and an event that was cut off. */
function eventsOf(stream: string): string[] {
  return stream
    .split('\n\n')
    .slice(0, -1)
    .flatMap((event) => {
      const valuesOf = (field: string) =>
        event
          .split('\n')
          .flatMap((line) => (line.startsWith(`${field}:`) ? [line.slice(field.length + 1).trimStart()] : []));
      const data = valuesOf('data');
      return data.length === 0
        ? []
        : [`{"event":${JSON.stringify(valuesOf('event')[0] ?? 'message')},"data":${data.join('\n')}}`];
    });
}

function textOf(body: string | Uint8Array): string {
  return typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
}

function shown(body: string | Uint8Array): string {
  return textOf(body).slice(0, 2000);
}
