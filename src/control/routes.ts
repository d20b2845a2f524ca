/** The control socket's routes: a request in, what to write out. No sockets. */

import { isIP } from 'node:net';
import { canonicalAddress } from '../dns/address.ts';
import { parseType, typeName } from '../dns/codes.ts';
import { nameProblem } from '../dns/name.ts';
import { leaseWords } from './lease-words.ts';
import type { ControlSource, LeaseOutcome } from './reports.ts';

/** What becomes of a request. */
export type Reply =
  | {
      readonly kind: 'json';
      readonly status: number;
      readonly body: unknown;
      readonly allow?: string;
    }
  | { readonly kind: 'events' };

/** What a request carries. */
interface Asked {
  readonly query: URLSearchParams;
  /** As it came; '' for none. */
  readonly body: string;
}

type Act = (source: ControlSource, asked: Asked) => Reply | Promise<Reply>;

interface Route {
  readonly parameters: readonly string[];
  readonly act: Act;
}

/** Paths, then methods. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/v1/names': { GET: plain(async (source) => ok(await source.names())) },
  '/v1/status': { GET: plain(async (source) => ok(await source.status())) },
  '/v1/explain': { GET: { parameters: ['name', 'from', 'type'], act: explain } },
  '/v1/events': { GET: plain(() => ({ kind: 'events' })) },
  '/v1/leases': {
    GET: plain(async (source) => ok(await source.leases())),
    POST: plain(addLease),
    DELETE: { parameters: ['name'], act: removeLease },
  },
  '/v1/reload': {
    POST: plain(async (source) => {
      const report = await source.reload();
      return { kind: 'json', status: report.isReloaded ? 200 : 422, body: report };
    }),
  },
};

function plain(act: Act): Route {
  return { parameters: [], act };
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
 * @param body as it came
 */
export async function route(
  method: string,
  target: string,
  body: string,
  source: ControlSource,
): Promise<Reply> {
  if (!URL.canParse(target, 'http://homeport')) {
    return failure(400, 'BAD_REQUEST', 'the request has no valid path');
  }
  const { pathname, searchParams: query } = new URL(target, 'http://homeport');
  const methods = Object.hasOwn(ROUTES, pathname) ? ROUTES[pathname] : undefined;
  if (methods === undefined) {
    const known = Object.entries(ROUTES).map(([path, routes]) => `${methodsOf(routes)} ${path}`);
    return failure(404, 'NOT_FOUND', `there is no ${pathname}; there are ${known.join(', ')}`);
  }
  const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (found === undefined) {
    const message = `${pathname} takes ${methodsOf(methods)}, not ${method}`;
    const allow = Object.keys(methods).join(', ');
    return { ...failure(405, 'METHOD_NOT_ALLOWED', message), allow };
  }
  const unknown = [...query.keys()].find((key) => !found.parameters.includes(key));
  if (unknown !== undefined) {
    const known = found.parameters.length === 0 ? 'none' : found.parameters.join(', ');
    return failure(
      400,
      'BAD_REQUEST',
      `${pathname} has no parameter "${unknown}"; it has ${known}`,
    );
  }
  return await found.act(source, { query, body });
}

function methodsOf(routes: Readonly<Record<string, Route>>): string {
  return Object.keys(routes).join(' or ');
}

async function explain(source: ControlSource, { query }: Asked): Promise<Reply> {
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

async function addLease(source: ControlSource, { body }: Asked): Promise<Reply> {
  const words = leaseWords(body);
  if ('problem' in words) return failure(400, 'BAD_REQUEST', words.problem);
  return leaseReply(await source.addLease(words));
}

async function removeLease(source: ControlSource, { query }: Asked): Promise<Reply> {
  const name = query.get('name');
  if (name === null) {
    return failure(400, 'BAD_REQUEST', 'name is missing; ask /v1/leases?name=NAME');
  }
  return leaseReply(await source.removeLease(name));
}

function leaseReply(outcome: LeaseOutcome): Reply {
  switch (outcome.kind) {
    case 'added':
    case 'removed':
      return ok(outcome);
    case 'invalid':
      return failure(400, 'BAD_REQUEST', outcome.message);
    case 'unknown':
      return failure(404, 'LEASE_UNKNOWN', outcome.message);
    case 'unkept':
      // RFC 4918 §11.5: the server is unable to store what is needed.
      return failure(507, 'STATE_UNWRITABLE', outcome.message);
  }
}
