/** What homeport owns, asked at its control socket. */
import { request } from 'node:http';
import type { OwnedName } from '../parity/inputs.ts';

const TIMEOUT_MS = 3000;
const MAX_BYTES = 64 * 1024 * 1024;
const KINDS = ['container', 'service', 'static', 'lease'] as const;

/** The owned names of a running server; undefined where none answers at that socket. Never rejects. */
export async function ownedByServer(
  socketPath: string,
  suffixes: readonly string[],
): Promise<readonly OwnedName[] | undefined> {
  try {
    const body: unknown = JSON.parse(await get(socketPath, '/v1/names'));
    return ownedIn(body, suffixes);
  } catch {
    return undefined;
  }
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) response.destroy(new Error('the reply is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', reject);
    call.end();
  });
}

/** `{ names: [{ name, groups: [{ owner, kind, addresses: [{ address, network }] }] }] }`; what is odd is left out. */
function ownedIn(body: unknown, suffixes: readonly string[]): readonly OwnedName[] {
  return listOf(body, 'names').flatMap((entry) => {
    const name = textOf(entry, 'name')?.toLowerCase().replace(/\.$/, '');
    if (name === undefined) return [];
    const suffix = suffixes.find((end) => name.endsWith(`.${end}`));
    const short = suffix === undefined ? name : name.slice(0, -suffix.length - 1);
    return listOf(entry, 'groups').map((group): OwnedName => {
      const kind = KINDS.find((known) => known === textOf(group, 'kind')) ?? 'container';
      return {
        name: short,
        owner: { kind, title: textOf(group, 'owner') ?? short },
        addresses: listOf(group, 'addresses').flatMap((one) => {
          const address = textOf(one, 'address');
          return address === undefined
            ? []
            : [{ address, network: textOf(one, 'network') ?? null }];
        }),
      };
    });
  });
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = fieldOf(value, key);
  return Array.isArray(list) ? list : [];
}

function textOf(value: unknown, key: string): string | undefined {
  const text = fieldOf(value, key);
  return typeof text === 'string' ? text : undefined;
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
