/** Small grammars of single values that no other file has: each says what is wrong and what to write. */
import { parseCidr } from './endpoint.ts';
import { faulty, type Parsed, parsed } from './problem.ts';
import { nearest } from './suggest.ts';

/** The stubs that `homeport parity` can be asked to try, each also with a version: `musl-1.2.3`. */
const STUB_FAMILIES = ['glibc', 'musl', 'go', 'c-ares', 'busybox'] as const;

export function parseStubName(name: string): Parsed<string> {
  const family = STUB_FAMILIES.find((word) => name === word || name.startsWith(`${word}-`));
  const version = family === undefined ? '' : name.slice(family.length);
  if (family !== undefined && /^(-\d+(\.\d+)*)?$/.test(version)) return parsed(name);
  const near = nearest(name.replace(/-[\d.]+$/, ''), STUB_FAMILIES);
  return faulty(
    'is no stub resolver',
    near === undefined ? `write one of ${STUB_FAMILIES.join(', ')}` : `did you mean ${near}?`,
  );
}

export function parseNetworkName(name: string): Parsed<string> {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)
    ? parsed(name)
    : faulty('is no name of a Docker network', 'write it as `docker network ls` does');
}

export function parseEngineName(name: string): Parsed<string> {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/.test(name)
    ? parsed(name)
    : faulty(
        'is no name for an engine',
        'use letters, digits, dots, hyphens and underscores: local',
      );
}

export function parseAllow(word: string): Parsed<string> {
  if ((ALLOW_WORDS as readonly string[]).includes(word)) return parsed(word);
  if (word === 'all' || word === 'any' || word === '*') {
    return faulty('is neither loopback, engine-networks nor a CIDR', 'write 0.0.0.0/0 and ::/0');
  }
  const near = nearest(word, ALLOW_WORDS);
  if (near !== undefined) {
    return faulty('is neither loopback, engine-networks nor a CIDR', `did you mean ${near}?`);
  }
  return parseCidr(word);
}
export const ALLOW_WORDS = ['loopback', 'engine-networks'] as const;

/** A unix socket's path must fit into `sun_path` (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

export function parseSocketPath(path: string): Parsed<string> {
  const file = parsePath(path);
  if ('fault' in file) return file;
  return Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES
    ? faulty('is too long for a socket', `use at most ${MAX_SOCKET_PATH_BYTES} bytes`)
    : file;
}

export function parsePath(path: string): Parsed<string> {
  if (path.trim() === '') return faulty('is empty', 'write a path, or remove the key');
  return path.includes('\0') ? faulty('has a NUL byte', 'write a path') : parsed(path);
}

export function parseDay(day: string): Parsed<string> {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(day);
  const time = isDay ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(day)) return parsed(day);
  return faulty('is no day', 'write one like 2026-12-31');
}

export function parseService(service: string): Parsed<string> {
  return /^_[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?\._(tcp|udp)$/i.test(service)
    ? parsed(service)
    : faulty('is no service of an SRV record', 'write one like _mongodb._tcp');
}

/** RFC 1035 §3.3: a character-string has a length byte. */
const MAX_TXT_BYTES = 255;

export function parseTxt(words: string): Parsed<string> {
  return Buffer.byteLength(words) <= MAX_TXT_BYTES
    ? parsed(words)
    : faulty('is too long for one TXT string', `use at most ${MAX_TXT_BYTES} bytes`);
}

export function parseNonEmpty(words: string): Parsed<string> {
  return words.trim() === '' ? faulty('is empty', 'say it in a few words') : parsed(words);
}
