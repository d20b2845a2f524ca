/** The stubs that a check can be asked to try, by the names that the configuration uses. */
import { readAsBusybox } from '../../resolv-conf/readings/busybox.ts';
import { readAsCAres } from '../../resolv-conf/readings/c-ares.ts';
import { readAsGlibc } from '../../resolv-conf/readings/glibc.ts';
import { readAsGo } from '../../resolv-conf/readings/go.ts';
import { readAsMusl } from '../../resolv-conf/readings/musl.ts';
import type { Reading, ReadingContext } from '../../resolv-conf/readings/reading.ts';
import type { ResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { Libc } from '../collect/libc.ts';
import { isStubName, type StubName as SimulatedStub } from '../stubs/registry.ts';

/** `FAMILY` or `FAMILY-VERSION`. */
export const STUB_FAMILIES = [
  'glibc',
  'musl',
  'go',
  'c-ares',
  'busybox',
  'node',
  'java',
  'systemd-resolved',
] as const;
export type StubFamily = (typeof STUB_FAMILIES)[number];

/** What a configuration without `parity.stubs` tries. */
export const DEFAULT_STUBS: readonly string[] = ['glibc', 'musl', 'go', 'c-ares'];

/** A stub: its family, and the version whose behaviour was recorded. */
export interface StubName {
  readonly family: StubFamily;
  /** as the recordings name it, e.g. `2.36` */
  readonly version: string;
}

/**
 * The recorded stub nearest to a name; undefined where none is: no version is guessed over a change
 * that was recorded (musl 1.2.4 brought TCP, c-ares 1.20 a new parser, Go 1.20 another fallback).
 */
export function parseStub(text: string): StubName | undefined {
  const family = STUB_FAMILIES.find((name) => text === name || text.startsWith(`${name}-`));
  if (family === undefined) return undefined;
  return { family, version: recordedVersion(family, text.slice(family.length + 1)) };
}

/** The name of the simulator; undefined where there is none. */
export function simulatorOf({ family, version }: StubName): SimulatedStub | undefined {
  const name = `${family === 'busybox' ? 'busybox-nslookup' : family}-${version}`;
  return isStubName(name) ? name : undefined;
}

/** The stub that an image's C library stands for; undefined where files did not tell. */
export function stubOfLibc(libc: Libc): string | undefined {
  if (libc.kind === 'unknown') return undefined;
  return libc.version === undefined || libc.version === ''
    ? libc.kind
    : `${libc.kind}-${libc.version}`;
}

/** What a stub takes from a resolv.conf. */
export function readAs(
  stub: StubName,
  conf: ResolvConf | undefined,
  context: ReadingContext,
): Reading {
  switch (stub.family) {
    // Node and the JVM ask the C library; the recorded ones were built with glibc.
    case 'glibc':
    case 'node':
    case 'java':
    case 'systemd-resolved':
      return readAsGlibc(conf, context);
    case 'musl':
      return readAsMusl(conf);
    case 'go':
      return readAsGo(conf, context, stub.version === '1.19' ? '1.19' : '1.24');
    case 'c-ares':
      return readAsCAres(conf, context, stub.version.startsWith('1.18') ? '1.18' : '1.34');
    case 'busybox':
      return readAsBusybox(conf, context);
  }
}

function recordedVersion(family: StubFamily, version: string): string {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  switch (family) {
    case 'glibc':
      return '2.36';
    case 'musl':
      return version !== '' && major === 1 && minor === 2 && patch < 4 ? '1.2.3' : '1.2.5';
    case 'go':
      return version !== '' && major === 1 && minor < 20 ? '1.19' : '1.24';
    case 'c-ares':
      return version !== '' && major === 1 && minor < 20 ? '1.18.1' : '1.34.5';
    case 'busybox':
      return '1.35';
    case 'node':
      return '20.20.2';
    case 'java':
      return version !== '' && major > 17 ? '25' : '17';
    case 'systemd-resolved':
      return version !== '' && major > 252 ? '257' : '252';
  }
}
