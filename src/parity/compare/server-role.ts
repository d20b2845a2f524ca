/** Who a nameserver address is, seen from where the question is asked. Pure. */
import { canonicalAddress } from '../../dns/address.ts';
import { EMBEDDED_ADDRESS } from '../engine/embedded.ts';
import { isLoopback, publicServers } from '../engine/settings.ts';
import type { ParityInputs } from '../inputs.ts';
import type { Target } from '../target.ts';

/** What a server is to the comparison. */
export type ServerRole =
  | 'homeport'
  /** Docker's 127.0.0.11 */
  | 'embedded'
  /** systemd-resolved's 127.0.0.53 and 127.0.0.54 */
  | 'resolved'
  | 'production'
  /** a public resolver: it knows no internal name */
  | 'public'
  /** a loopback address in a container's own namespace, where nobody listens */
  | 'nobody'
  | 'other';

/** Where a question is asked from. */
export type Namespace = 'host' | 'container';

const PUBLIC: ReadonlySet<string> = new Set([
  ...publicServers.ipv4,
  ...publicServers.ipv6,
  ...['1.1.1.1', '1.0.0.1', '2606:4700:4700::1111', '2606:4700:4700::1001'],
  ...['9.9.9.9', '149.112.112.112', '2620:fe::fe'],
  ...['208.67.222.222', '208.67.220.220', '4.2.2.1', '4.2.2.2'],
]);
const RESOLVED: ReadonlySet<string> = new Set(['127.0.0.53', '127.0.0.54']);

/** The role of a server for questions from a namespace. */
export function serverRole(address: string, from: Namespace, inputs: ParityInputs): ServerRole {
  const canonical = canonicalAddress(address);
  if (from === 'container' && canonical === EMBEDDED_ADDRESS) return 'embedded';
  if (from === 'container' && isLoopback(canonical)) return 'nobody';
  if (inputs.homeport.addresses.some((own) => canonicalAddress(own) === canonical)) {
    return 'homeport';
  }
  if (RESOLVED.has(canonical)) return 'resolved';
  if (productionServers(inputs).has(canonical)) return 'production';
  return PUBLIC.has(canonical) ? 'public' : 'other';
}

/** The namespace that a target's programs ask from: a container on the host's network has no other. */
export function namespaceOf(target: Target): Namespace {
  return target.kind === 'container' && target.container?.network !== 'host' ? 'container' : 'host';
}

/** Asked for every query of every look-up; inputs never change during a check. */
const serversOf = new WeakMap<ParityInputs, ReadonlySet<string>>();

/** The servers of production's profile, and those that homeport forwards to. */
export function productionServers(inputs: ParityInputs): ReadonlySet<string> {
  const known = serversOf.get(inputs) ?? findProductionServers(inputs);
  serversOf.set(inputs, known);
  return known;
}

function findProductionServers(inputs: ParityInputs): ReadonlySet<string> {
  const text = inputs.production.surroundings.resolvConf.text ?? '';
  const listed = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, word]) => word ?? '');
  const all = [
    ...listed,
    ...Object.keys(inputs.production.answers ?? {}),
    ...inputs.homeport.upstreams,
  ];
  return new Set(
    all.map((address) => canonicalAddress(address)).filter((address) => !isLoopback(address)),
  );
}
