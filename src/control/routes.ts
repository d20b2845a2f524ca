/** The control socket's routes: a request in, what to write out. No sockets. */

import { isIP } from 'node:net';
import { canonicalAddress } from '../dns/address.ts';
import { parseType, typeName } from '../dns/codes.ts';
import { nameProblem } from '../dns/name.ts';
import type { ControlSource } from './reports.ts';

/** What becomes of a request. */
export type Reply =
  | {
      readonly kind: 'json';
      readonly status: number;
      readonly body: unknown;
      readonly allow?: string;
    }
  | { readonly kind: 'events' };

interface Route {
  readonly method: 'GET' | 'POST';
  readonly parameters: readonly string[];
  readonly act: (source: ControlSource, query: URLSearchParams) => Reply | Promise<Reply>;
}

const ROUTES: Readonly<Record<string, Route>> = {
  '/v1/names': get(async (source) => ok(await source.names())),
  '/v1/status': get(async (source) => ok(await source.status())),
  '/v1/explain': { method: 'GET', parameters: ['name', 'from', 'type'], act: explain },
  '/v1/events': get(() => ({ kind: 'events' })),
  '/v1/reload': {
    method: 'POST',
    parameters: [],
    act: async (source) => {
      const report = await source.reload();
      return { kind: 'json', status: report.isReloaded ? 200 : 422, body: report };
    },
  },
};

function get(act: Route['act']): Route {
  return { method: 'GET', parameters: [], act };
}

function ok(body: unknown): Reply {
  return { kind: 'json', status: 200, body };
}

/** An error as the socket says it. */
export function failure(status: number, code: string, message: string): Reply & { kind: 'json' } {
  return { kind: 'json', status, body: { error: { code, message } } };
}

/**
 * Answers one request. What the source throws is thrown on.
 *
 * @param target path and query as in the request line
 */
export async function route(method: string, target: string, source: ControlSource): Promise<Reply> {
  if (!URL.canParse(target, 'http://homeport')) {
    return failure(400, 'BAD_REQUEST', 'the request has no valid path');
  }
  const { pathname, searchParams } = new URL(target, 'http://homeport');
  const found = Object.hasOwn(ROUTES, pathname) ? ROUTES[pathname] : undefined;
  if (found === undefined) {
    const known = Object.entries(ROUTES).map(([path, route]) => `${route.method} ${path}`);
    return failure(404, 'NOT_FOUND', `there is no ${pathname}; there are ${known.join(', ')}`);
  }
  if (method !== found.method) {
    const message = `${pathname} takes ${found.method}, not ${method}`;
    return { ...failure(405, 'METHOD_NOT_ALLOWED', message), allow: found.method };
  }
  const unknown = [...searchParams.keys()].find((key) => !found.parameters.includes(key));
  if (unknown !== undefined) {
    const known = found.parameters.length === 0 ? 'none' : found.parameters.join(', ');
    return failure(
      400,
      'BAD_REQUEST',
      `${pathname} has no parameter "${unknown}"; it has ${known}`,
    );
  }
  return await found.act(source, searchParams);
}

async function explain(source: ControlSource, query: URLSearchParams): Promise<Reply> {
  const name = query.get('name');
  if (name === null)
    return failure(400, 'BAD_REQUEST', 'name is missing; ask /v1/explain?name=NAME');
  const problem = nameProblem(name);
  if (problem !== undefined) {
    return failure(400, 'BAD_REQUEST', `name "${name}" is no domain name: ${problem}`);
  }
  const from = query.get('from');
  if (from !== null && isIP(from) === 0) {
    return failure(
      400,
      'BAD_REQUEST',
      `from "${from}" is no address; write the client's IP address`,
    );
  }
  const type = parseType(query.get('type') ?? 'A');
  if (type === undefined) {
    return failure(
      400,
      'BAD_REQUEST',
      `type "${query.get('type')}" is none; write A, AAAA, SRV or TYPE65`,
    );
  }
  return ok(
    await source.explain({
      name,
      from: from === null ? null : canonicalAddress(from),
      type: typeName(type),
    }),
  );
}
