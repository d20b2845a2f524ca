/** All stub simulators by name, as profiles, options and vectors spell them. */
import { createBusyboxNslookup } from './busybox.ts';
import { createCAres } from './c-ares/lookup.ts';
import { createGlibc } from './glibc/getaddrinfo.ts';
import { createGo } from './go.ts';
import { createJava } from './java.ts';
import { createMusl } from './musl.ts';
import { createNode } from './node.ts';
import { BeyondMeasured, type Situation, type StubResolver } from './stub.ts';
import { createDig, createDnspython, createHost } from './tools.ts';

/** What can be simulated: a resolver and the version whose behaviour was measured. */
export const stubNames = [
  'glibc-2.36',
  'glibc-2.41',
  'getent-2.36',
  'musl-1.2.3',
  'musl-1.2.5',
  'busybox-nslookup-1.35',
  'busybox-nslookup-1.37',
  'go-1.19',
  'go-1.24',
  'c-ares-1.18.1',
  'c-ares-1.34.5',
  'node-20.20.2',
  'java-17',
  'java-25',
  'systemd-resolved-252',
  'systemd-resolved-257',
  'dig-9.18',
  'host-9.18',
  'dnspython-2.3.0',
] as const;

export type StubName = (typeof stubNames)[number];

type Create = (situation: Situation) => StubResolver;

const glibcWith252: Create = (situation) => createGlibc(situation, '252');
const glibcWith257: Create = (situation) => createGlibc(situation, '257');

/** The recorded Node and JVMs were glibc builds; systemd-resolved is glibc with the daemon running. */
const stubs: Readonly<Record<StubName, Create>> = {
  'glibc-2.36': glibcWith252,
  'glibc-2.41': glibcWith257,
  'getent-2.36': glibcWith252,
  'musl-1.2.3': (situation) => createMusl(situation, '1.2.3'),
  'musl-1.2.5': (situation) => createMusl(situation, '1.2.5'),
  'busybox-nslookup-1.35': createBusyboxNslookup,
  'busybox-nslookup-1.37': createBusyboxNslookup,
  'go-1.19': (situation) => createGo(situation, '1.19'),
  'go-1.24': (situation) => createGo(situation, '1.24'),
  'c-ares-1.18.1': (situation) => createCAres(situation, '1.18'),
  'c-ares-1.34.5': (situation) => createCAres(situation, '1.34'),
  'node-20.20.2': (situation) => createNode(situation, glibcWith252),
  'java-17': (situation) => createJava(situation, glibcWith252),
  'java-25': (situation) => createJava(situation, glibcWith257),
  'systemd-resolved-252': glibcWith252,
  'systemd-resolved-257': glibcWith257,
  'dig-9.18': createDig,
  'host-9.18': createHost,
  'dnspython-2.3.0': createDnspython,
};

export function isStubName(name: string): name is StubName {
  return stubNames.some((known) => known === name);
}

/**
 * A stub for a situation; reads the situation once, then answers many lookups.
 *
 * @returns a resolver that never throws: where the measured rules end, its outcome is `unknown`
 */
export function createStub(name: StubName, situation: Situation): StubResolver {
  let resolver: StubResolver | undefined;
  return (lookup, oracle) => {
    try {
      resolver ??= stubs[name](situation);
      return resolver(lookup, oracle);
    } catch (thrown) {
      if (!(thrown instanceof BeyondMeasured)) throw thrown;
      return { kind: 'unknown', reason: thrown.message, queries: [], elapsedMs: 0 };
    }
  };
}
