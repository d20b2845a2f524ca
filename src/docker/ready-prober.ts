/** Tries ports until they accept, for containers with the label homeport.ready. */
import { connect } from 'node:net';
import type { ProbeTarget } from './container-table.ts';

const CONNECT_TIMEOUT_MS = 1000;
/** A program listens some milliseconds after its start, a database some seconds. */
const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 1000;

interface Attempt {
  readonly target: ProbeTarget;
  readonly abort: AbortController;
}

export class ReadyProber {
  readonly #attempts = new Map<string, Attempt>();
  readonly #onReady: (target: ProbeTarget) => void;

  /** @param onReady called once for each target whose port accepted */
  constructor(onReady: (target: ProbeTarget) => void) {
    this.#onReady = onReady;
  }

  /** From now on these are to be tried, and no others. */
  update(targets: ReadonlyMap<string, ProbeTarget>): void {
    for (const [id, { target, abort }] of this.#attempts) {
      const wanted = targets.get(id);
      if (wanted === undefined || !isSame(wanted, target)) {
        abort.abort();
        this.#attempts.delete(id);
      }
    }
    for (const [id, target] of targets) {
      if (this.#attempts.has(id)) continue;
      const attempt = { target, abort: new AbortController() };
      this.#attempts.set(id, attempt);
      this.#try(attempt, FIRST_WAIT_MS);
    }
  }

  close(): void {
    this.update(new Map());
  }

  #try({ target, abort }: Attempt, waitMs: number): void {
    const socket = connect({
      host: target.address,
      port: target.port,
      timeout: CONNECT_TIMEOUT_MS,
    });
    const later = () => {
      socket.destroy();
      if (abort.signal.aborted) return;
      const timer = setTimeout(() => {
        abort.signal.removeEventListener('abort', stop);
        this.#try({ target, abort }, Math.min(LONGEST_WAIT_MS, waitMs * 2));
      }, waitMs);
      const stop = () => clearTimeout(timer);
      abort.signal.addEventListener('abort', stop);
    };
    const cancel = () => socket.destroy();
    abort.signal.addEventListener('abort', cancel);
    socket.on('close', () => abort.signal.removeEventListener('abort', cancel));
    socket.on('timeout', later);
    socket.on('error', later);
    socket.on('connect', () => {
      socket.destroy();
      if (!abort.signal.aborted) this.#onReady(target);
    });
  }
}

function isSame(a: ProbeTarget, b: ProbeTarget): boolean {
  return a.address === b.address && a.port === b.port && a.startedAtMs === b.startedAtMs;
}
