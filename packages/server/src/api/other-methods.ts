/**
 * Answers 405 where a path is answered, but not with this method, and says which methods are.
 *
 * With a route for each of them the router would be five times as large, and an API take twice as long to be made: the path is looked
 * up when no route was found. Only paths that a less exact pattern answers too (`/executors/direct`, `/executors/:execId`) have routes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiFailure } from './problem.ts';

/** Of each path, as the router knows it, which methods are answered. */
export type MethodsAt = ReadonlyMap<string, readonly string[]>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const;

/** For `onRequest`, before the body is read: it does not matter any more. */
export function otherMethodsHook(methodsAt: MethodsAt) {
  let patterns: { pattern: RegExp; methods: readonly string[] }[] | null = null;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!request.is404) return;
    patterns ??= [...methodsAt].map(([url, methods]) => ({ pattern: patternOf(url), methods }));
    const path = decoded(pathOf(request));
    const found = patterns.find(({ pattern }) => pattern.test(path));
    if (found !== undefined) refuse(request, reply, found.methods);
  };
}

/** Adds those routes without which a less exact pattern would answer. */
export function refuseBesidePatterns(app: FastifyInstance, methodsAt: MethodsAt): void {
  const urls = [...methodsAt.keys()];
  const patterns = urls.filter((url) => url.includes(':')).map((url) => ({ url, pattern: patternOf(url) }));
  for (const [url, methods] of methodsAt) {
    if (!patterns.some((other) => other.url !== url && other.pattern.test(url))) continue;
    const answer = async (request: FastifyRequest, reply: FastifyReply) => refuse(request, reply, methods);
    const others = METHODS.filter((method) => !answered(methods).includes(method));
    app.route({ method: others, url, onRequest: answer, handler: answer });
  }
}

/** The path of a request, without its query. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}

function refuse(request: FastifyRequest, reply: FastifyReply, methods: readonly string[]): never {
  const right = answered(methods);
  void reply.header('allow', right.join(', '));
  throw new ApiFailure(
    'METHOD_NOT_ALLOWED',
    `${request.method} is not answered at ${pathOf(request)}; ${right.join(', ')} ${right.length === 1 ? 'is' : 'are'}`,
  );
}

function answered(methods: readonly string[]): readonly string[] {
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

/** What the router finds by it. */
function patternOf(url: string): RegExp {
  const text = url.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll(/:\w+/g, '[^/]*');
  return new RegExp(`^${text}$`);
}

/** As the router compares it: an escaped slash stays one. */
function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
