/** All stub simulators by name, as profiles, options and vectors spell them. */
import { createBusyboxNslookup } from './busybox.ts';
import { createCAres } from './c-ares/lookup.ts';
import { createGlibc } from './glibc/getaddrinfo.ts';
import { createGo } from './go.ts';
import { createMusl } from './musl.ts';
import { BeyondMeasured, type Situation, type StubResolver } from './stub.ts';

/** What can be simulated: a resolver and the version whose behaviour was measured. */
export const stubNames = [
  'glibc-2.36',
  'glibc-2.41',
  'getent-2.36',
  'musl-1.2.3',
  'musl-1.2.5',
  'go-1.19',
  'go-1.24',
  'busybox-nslookup-1.35',
  'busybox-nslookup-1.37',
  'c-ares-1.18.1',
  'c-ares-1.34.5',
] as const;

export type StubName = (typeof stubNames)[number];

const stubs: Readonly<Record<StubName, (situation: Situation) => StubResolver>> = {
  'glibc-2.36': createGlibc,
  'glibc-2.41': createGlibc,
  'getent-2.36': createGlibc,
  'musl-1.2.3': (situation) => createMusl(situation, '1.2.3'),
  'musl-1.2.5': (situation) => createMusl(situation, '1.2.5'),
  'go-1.19': (situation) => createGo(situation, '1.19'),
  'go-1.24': (situation) => createGo(situation, '1.24'),
  'busybox-nslookup-1.35': createBusyboxNslookup,
  'busybox-nslookup-1.37': createBusyboxNslookup,
  'c-ares-1.18.1': (situation) => createCAres(situation, '1.18'),
  'c-ares-1.34.5': (situation) => createCAres(situation, '1.34'),
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
