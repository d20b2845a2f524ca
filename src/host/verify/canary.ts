/** Names that only homeport can know: containers that live as long as the check. */
import { randomBytes } from 'node:crypto';
import type { Machine } from '../machine.ts';
import { importProbeImage } from './probe-image.ts';

/** One container that is looked up, and from which names are looked up. */
export interface Canary {
  readonly container: string;
  /** By label: Docker's own resolver does not know it, so whoever resolves it has asked homeport. */
  readonly name: string;
  readonly address: string;
}

export interface Canaries {
  readonly onBridge: Canary;
  readonly onUserNetwork: Canary;
  /** Takes every trace away again. */
  remove(): Promise<void>;
}

/** A check takes seconds; an abandoned container ends by itself. */
const LIFE_SECONDS = 300;

/** @returns the canaries, or in a sentence why there are none */
export async function startCanaries(machine: Machine): Promise<Canaries | string> {
  const id = `homeport-verify-${randomBytes(4).toString('hex')}`;
  const ping = await machine.run(['docker', 'version', '--format', '{{.Server.Version}}']);
  if (ping.code !== 0)
    return `no containers: ${firstLine(ping.stderr) || 'the engine does not answer'}`;
  const remove = async (): Promise<void> => {
    await machine.run(['docker', 'rm', '-f', `${id}-b`, `${id}-n`]);
    await machine.run(['docker', 'network', 'rm', id]);
    await machine.run(['docker', 'image', 'rm', id]);
  };
  const problem = await importProbeImage(machine, id);
  if (problem !== null) return `no containers: ${problem}`;
  try {
    await mustRun(machine, ['docker', 'network', 'create', id]);
    return {
      onBridge: await startCanary(machine, id, 'b', 'bridge'),
      onUserNetwork: await startCanary(machine, id, 'n', id),
      remove,
    };
  } catch (error) {
    await remove();
    return `no containers: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function startCanary(
  machine: Machine,
  id: string,
  suffix: string,
  network: string,
): Promise<Canary> {
  const container = `${id}-${suffix}`;
  const name = `${container}-label`;
  const label = `homeport.names=${name}`;
  const sleep = ['sleep', String(LIFE_SECONDS)];
  await mustRun(machine, [
    'docker',
    'run',
    '-d',
    '--rm',
    '--name',
    container,
    '--network',
    network,
    '--label',
    label,
    id,
    ...sleep,
  ]);
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  const address = await mustRun(machine, ['docker', 'inspect', '--format', format, container]);
  return { container, name, address: address.trim() };
}

async function mustRun(machine: Machine, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.run(argv);
  if (code !== 0) throw new Error(`${argv.slice(0, 3).join(' ')}: ${firstLine(stderr)}`);
  return stdout;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
