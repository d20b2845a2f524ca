/** Real look-ups of each kind of client: processes, systemd-resolved, containers. */
import { randomBytes } from 'node:crypto';
import { CONTAINER_ADDRESS, HOST_ADDRESS, RESOLVED_STUB } from '../addresses.ts';
import type { Machine } from '../machine.ts';
import { ask } from './ask.ts';
import type { Canaries, Canary } from './canary.ts';
import { type Check, failed, passed, skipped } from './check.ts';

/** homeport answers in milliseconds; more means that somebody else is asked first (LLMNR, a dead server). */
const SLOW_MS = 1_000;

export interface LookUpSettings {
  readonly searchDomains: readonly string[];
  readonly isResolvedActive: boolean;
}

/** homeport answers at its two addresses. */
export async function addressChecks(): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const address of [HOST_ADDRESS, CONTAINER_ADDRESS]) {
    const claim = `homeport answers at ${address}`;
    const reply = await ask(address, 'localhost.');
    const id = `address-${address}`;
    if (reply === null) checks.push(failed(id, claim, 'no reply; see journalctl -u homeport'));
    else checks.push(passed(id, claim, 'it does', reply.ms));
  }
  return checks;
}

/** Every kind of client finds a container that only homeport knows. */
export async function canaryChecks(
  machine: Machine,
  canaries: Canaries,
  settings: LookUpSettings,
): Promise<readonly Check[]> {
  const { onBridge, onUserNetwork } = canaries;
  const [region] = settings.searchDomains;
  const names = ({ name }: Canary): readonly (readonly [string, string])[] => [
    ['bare', name],
    ...(region === undefined ? [] : ([['region', `${name}.${region}`]] as const)),
  ];
  const checks: Check[] = [];
  for (const [form, name] of names(onBridge)) {
    const host = ['getent', 'ahosts', name];
    checks.push(
      await lookUp(machine, `host-${form}`, `a process finds ${name}`, host, onBridge.address),
    );
    if (settings.isResolvedActive)
      checks.push(await throughResolved(machine, form, name, onBridge, region !== undefined));
    const argv = ['docker', 'exec', onBridge.container, 'getent', 'ahosts', name];
    const claim = `a container on the default bridge finds ${name}`;
    checks.push(await lookUp(machine, `bridge-${form}`, claim, argv, onBridge.address));
  }
  for (const [form, name] of names(onUserNetwork)) {
    const argv = ['docker', 'exec', onUserNetwork.container, 'getent', 'ahosts', name];
    const claim = `a container on a user-defined network finds ${name}`;
    checks.push(await lookUp(machine, `network-${form}`, claim, argv, onUserNetwork.address));
  }
  return checks;
}

async function throughResolved(
  machine: Machine,
  form: string,
  name: string,
  canary: Canary,
  hasRegion: boolean,
): Promise<Check> {
  const claim = `systemd-resolved finds ${name}`;
  // Its search list finds bare names; without a region they go to the stub as they are.
  if (hasRegion) {
    return lookUp(
      machine,
      `resolved-${form}`,
      claim,
      ['resolvectl', 'query', '--legend=no', name],
      canary.address,
    );
  }
  const reply = await ask(RESOLVED_STUB, name, { timeoutMs: 6_000 });
  if (reply === null) return skipped('resolved-bare', claim, 'its stub does not listen');
  const isRight = reply.addresses.includes(canary.address);
  const detail = isRight
    ? canary.address
    : `${reply.addresses.join(' ') || `rcode ${reply.rcode}`}, not ${canary.address}`;
  return judged('resolved-bare', claim, isRight, detail, reply.ms);
}

async function lookUp(
  machine: Machine,
  id: string,
  claim: string,
  argv: readonly string[],
  address: string,
): Promise<Check> {
  const begun = performance.now();
  const { stdout } = await machine.run(argv, { timeoutMs: 30_000 });
  const ms = performance.now() - begun;
  const isRight = new RegExp(`(^|\\s)${address.replaceAll('.', '\\.')}(\\s|$)`, 'm').test(stdout);
  const seen = [...new Set(stdout.match(/\d+\.\d+\.\d+\.\d+/g) ?? [])].join(' ') || 'no address';
  return judged(id, claim, isRight, isRight ? address : `${seen}, not ${address}`, ms);
}

function judged(id: string, claim: string, isRight: boolean, detail: string, ms: number): Check {
  if (!isRight) return failed(id, claim, detail, ms);
  if (ms <= SLOW_MS) return passed(id, claim, detail, ms);
  return failed(id, claim, `${detail}, but only after ${(ms / 1000).toFixed(1)} s`, ms);
}

/** A name that nobody has is denied at once, or LLMNR and dead servers are still in the way. */
export async function absentNameCheck(machine: Machine): Promise<Check> {
  const name = `homeport-verify-${randomBytes(4).toString('hex')}`;
  const claim = 'a bare name that nobody has is denied at once';
  const begun = performance.now();
  const { stdout } = await machine.run(['getent', 'ahosts', name], { timeoutMs: 30_000 });
  const ms = performance.now() - begun;
  if (stdout.trim() !== '')
    return failed('absent', claim, `somebody answers: ${stdout.trim().split('\n')[0]}`, ms);
  if (ms > SLOW_MS)
    return failed('absent', claim, `after ${(ms / 1000).toFixed(1)} s: who is asked first?`, ms);
  return passed('absent', claim, 'it is', ms);
}
