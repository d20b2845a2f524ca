/** Stops homeport for a moment and measures: until the rest of the world resolves again, and until homeport is back. */
import { existsSync, readFileSync } from 'node:fs';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import { HOST_ADDRESS, RESOLV_CONF } from '../addresses.ts';
import type { Machine } from '../machine.ts';
import { FALLBACK_MARK } from '../plan/resolv-conf-text.ts';
import { RESOLVED_FILE } from '../plan/resolved-text.ts';
import { ask } from './ask.ts';
import { type Check, failed, passed, skipped } from './check.ts';

/** The promise: within this time the host resolves again without homeport. */
const GAP_LIMIT_MS = 10_000;
const GIVE_UP_MS = 20_000;
const POLL_MS = 50;
/** If this process is killed in between, systemd starts homeport again by itself. */
const RESCUE_UNIT = 'homeport-verify-rescue';
const RESCUE_SECONDS = 60;
const UNITS = ['homeport.socket', 'homeport.service'];
const NOERROR = 0;
const NXDOMAIN = 3;

export interface GapSettings {
  /** A name of the rest of the world. */
  readonly worldName: string;
  /** Bare names that must not reach production meanwhile. */
  readonly expected: readonly string[];
}

/** The three claims about an outage; homeport runs again when this returns. */
export async function gapChecks(
  machine: Machine,
  settings: GapSettings,
): Promise<readonly Check[]> {
  const outage = `without homeport the host resolves the rest of the world within ${GAP_LIMIT_MS / 1000} s`;
  if (!(await resolvesWorld(settings.worldName))) {
    return [
      skipped(
        'gap',
        outage,
        `${settings.worldName} does not resolve now either; give another with --world NAME`,
      ),
    ];
  }
  await armRescue(machine);
  const checks: Check[] = [];
  try {
    const stopped = performance.now();
    await machine.run(['systemctl', 'stop', ...UNITS]);
    const gap = await until(() => resolvesWorld(settings.worldName), stopped);
    checks.push(timed('gap', outage, gap, GAP_LIMIT_MS));
    for (const name of settings.expected) checks.push(await leakCheck(machine, name));
  } finally {
    const started = performance.now();
    await machine.run(['systemctl', 'start', ...UNITS]);
    const back = await until(async () => (await ask(HOST_ADDRESS, 'localhost.')) !== null, started);
    checks.push(timed('back', 'homeport comes back', back, GAP_LIMIT_MS));
    const normal = await until(asksHomeport, started);
    checks.push(timed('normal', 'and the host asks it again', normal, GAP_LIMIT_MS));
    await machine.run(['systemctl', 'stop', `${RESCUE_UNIT}.timer`]);
  }
  return checks;
}

async function armRescue(machine: Machine): Promise<void> {
  await machine.run(['systemctl', 'stop', `${RESCUE_UNIT}.timer`]);
  const timer = ['--collect', `--unit=${RESCUE_UNIT}`, `--on-active=${RESCUE_SECONDS}`];
  await machine.run(['systemd-run', ...timer, 'systemctl', 'start', ...UNITS]);
}

async function leakCheck(machine: Machine, name: string): Promise<Check> {
  const claim = `without homeport, ${name} does not become production's`;
  const { stdout } = await machine.run(['getent', 'ahosts', name], { timeoutMs: 30_000 });
  const seen = stdout.trim().split(/\s/)[0] ?? '';
  return seen === '' ? passed('leak', claim, 'it does not resolve') : failed('leak', claim, seen);
}

/** Asks as a stub does: the servers that resolv.conf names now, the first alone. */
async function resolvesWorld(name: string): Promise<boolean> {
  const server = firstServer();
  const reply = server === undefined ? null : await ask(server, name, { timeoutMs: 1_000 });
  return reply !== null && (reply.rcode === NOERROR || reply.rcode === NXDOMAIN);
}

/** The file is homeport's again, or the stub's, whose drop-in was switched back. */
async function asksHomeport(): Promise<boolean> {
  const server = firstServer();
  if (server === undefined) return false;
  const reply = await ask(server, 'localhost.', { timeoutMs: 1_000 });
  return reply !== null && ![RESOLV_CONF, RESOLVED_FILE].some(isFallback);
}

function isFallback(path: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8').startsWith(FALLBACK_MARK);
}

function firstServer(): string | undefined {
  return parseResolvConf(readFileSync(RESOLV_CONF, 'utf8')).nameservers[0]?.address;
}

/** @returns ms since `begun` when it first held; null: not in time */
async function until(holds: () => Promise<boolean>, begun: number): Promise<number | null> {
  while (performance.now() - begun < GIVE_UP_MS) {
    if (await holds()) return performance.now() - begun;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return null;
}

function timed(id: string, claim: string, ms: number | null, limitMs: number): Check {
  if (ms === null) return failed(id, claim, `not within ${GIVE_UP_MS / 1000} s`);
  if (ms <= limitMs) return passed(id, claim, 'it does', ms);
  return failed(id, claim, `only after ${(ms / 1000).toFixed(1)} s`, ms);
}
