/** Clients that look a name up and connect to it without pause, each in a process of its own, by its C library. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Setup } from './setup.ts';

const TIMEOUT_MS = 20_000;
/** `read` is the pause between two connections, and ends with standard input. */
const SCRIPT = `while read -r -t 0.01; [ $? -gt 128 ]; do
  { printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; told=$(cat <&3); } 3<>"/dev/tcp/$0/$1" && echo "\${told##*$'\\n'}" || echo FAILED
done`;

interface Client {
  readonly child: ChildProcess;
  last: string;
}

export class Load {
  /** What was printed in place of an answer, with what came before it. */
  readonly failures: string[] = [];
  connections = 0;
  readonly #clients: readonly Client[];
  #look: () => void = () => undefined;

  /** @param places a container for each client; null: the host */
  constructor(setup: Setup, name: string, port: number, places: readonly (string | null)[]) {
    this.#clients = places.map((container) => {
      const argv = ['bash', '-c', SCRIPT, name, String(port)];
      const where = container === null ? argv : ['docker', 'exec', '-i', container, ...argv];
      const [program = '', ...args] = setup.hostArgv(where);
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const client: Client = { child, last: '' };
      createInterface({ input: child.stdout }).on('line', (told) => {
        this.connections++;
        if (told === 'FAILED' || told === '') {
          this.failures.push(`${container ?? 'the host'} failed after ${client.last}`);
        } else {
          client.last = told;
        }
        this.#look();
      });
      return client;
    });
  }

  /**
   * Resolves when what each client was told last fits. A client does one thing after another: it is then
   * done with all that it looked up before.
   */
  async allAre(fits: (told: string) => boolean): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#look = () => {
        if (this.#clients.every(({ last }) => fits(last))) resolve();
      };
      const lasts = () => this.#clients.map(({ last }) => last).join(', ');
      timer = setTimeout(() => reject(new Error(`clients were told ${lasts()}`)), TIMEOUT_MS);
      this.#look();
    }).finally(() => {
      clearTimeout(timer);
      this.#look = () => undefined;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#clients.map(async ({ child }) => {
        const closed = once(child, 'close');
        child.stdin?.end();
        await closed;
      }),
    );
  }
}
