/** Tells systemd how the service is (sd_notify(3)): ready, reloading, stopping, alive. Silent where systemd did not start it. */
import { spawn } from 'node:child_process';
import { codeOf } from '../errors.ts';
import { NotifySocket } from '../listen/native/notify-socket.ts';
import type { Logger } from '../log.ts';

/** The variables that systemd sets; taken by the caller from its environment. */
export interface ServiceEnvironment {
  readonly notifySocket: string | undefined;
  readonly watchdogUsec: string | undefined;
}

export class ServiceManager {
  readonly #send: (state: string) => void;
  #native: NotifySocket | undefined;
  /** How often systemd wants to hear that the service is alive, in ms; null: not at all. */
  readonly watchdogMs: number | null;

  constructor(environment: ServiceEnvironment, log: Logger) {
    const { notifySocket, watchdogUsec } = environment;
    const usec = Number(watchdogUsec);
    this.watchdogMs = notifySocket !== undefined && usec > 0 ? usec / 1000 : null;
    this.#send = notifySocket === undefined ? () => undefined : this.#sender(notifySocket, log);
  }

  #sender(path: string, log: Logger): (state: string) => void {
    try {
      const socket = new NotifySocket(path);
      this.#native = socket;
      return (state) => {
        const problem = socket.send(state);
        if (problem !== undefined) log.warn({ path, problem }, 'could not notify systemd');
      };
    } catch (error) {
      if (codeOf(error) !== 'NATIVE_UNAVAILABLE') throw error;
      // A child may speak for us where the unit says NotifyAccess=all.
      return (state) => {
        const child = spawn('systemd-notify', state.split('\n'), { stdio: 'ignore' });
        child.on('error', (err) => log.warn({ err }, 'could not run systemd-notify'));
      };
    }
  }

  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}`);
  }

  status(status: string): void {
    this.#send(`STATUS=${status}`);
  }

  /** The answering thread has just answered: the watchdog must not be fed by anything less. */
  alive(): void {
    this.#send('WATCHDOG=1');
  }

  stopping(): void {
    this.#send('STOPPING=1\nSTATUS=stopping');
  }

  close(): void {
    this.#native?.close();
  }
}
