/** Builds situations and oracles for tests of the simulators. */

import { createStub, type StubName } from '../../../src/parity/stubs/registry.ts';
import type { Lookup, Outcome, Situation } from '../../../src/parity/stubs/stub.ts';
import { zoneOracle } from '../../../src/parity/vectors/zone-oracle.ts';
import { parseHosts } from '../../../src/resolv-conf/hosts-file.ts';
import { parseNsswitch } from '../../../src/resolv-conf/nsswitch.ts';
import { parseResolvConf } from '../../../src/resolv-conf/resolv-conf.ts';

export interface Scene {
  readonly resolvConf?: string;
  readonly zone?: Readonly<Record<string, unknown>>;
  readonly nsswitch?: string;
  readonly hosts?: string;
  readonly situation?: Partial<Situation>;
  readonly lookup?: Partial<Lookup>;
}

/** A situation around one resolv.conf. */
export function situationOf({ resolvConf, nsswitch, hosts, situation }: Scene): Situation {
  return {
    resolvConf: resolvConf === undefined ? undefined : parseResolvConf(resolvConf),
    nsswitch: parseNsswitch(nsswitch),
    hosts: parseHosts(hosts),
    hostname: 'ci-host',
    env: {},
    files: {},
    nssModules: new Set(),
    isReachable: () => true,
    configured: { inet: true, inet6: false },
    ...situation,
  };
}

/** Looks up `svc` for IPv4 unless the scene says otherwise. */
export function lookUp(stub: StubName, scene: Scene): Outcome {
  const lookup: Lookup = { name: 'svc', family: 'inet', ...scene.lookup };
  return createStub(stub, situationOf(scene))(lookup, zoneOracle(scene.zone ?? {}));
}

/** What was asked, in presentation form: `NAME TYPE @SERVER`. */
export function askedIn(outcome: Outcome): readonly string[] {
  return outcome.queries.map(({ name, type, server }) => `${name} ${type} @${server}`);
}
