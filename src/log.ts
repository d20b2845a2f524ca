/** The pino set-up: JSON for machines, readable lines on a terminal. Everyone else takes a `Logger`. */
import { Writable } from 'node:stream';
import pino from 'pino';
import { StandardError } from './standard-error.ts';

export type Logger = pino.Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Makes the program's logger.
 *
 * @param options `level`: the least that is written; `isTerminal`: readable lines instead of JSON;
 *   `destination`: where lines go (default: stderr, so that stdout stays the command's own)
 */
export async function createLogger(options: {
  readonly level: LogLevel;
  readonly isTerminal: boolean;
  readonly isColoured?: boolean;
  readonly destination?: pino.DestinationStream;
}): Promise<Logger> {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const destination = options.destination ?? new StandardError();
  if (!options.isTerminal) return pino(settings, destination);
  // A service, which has no terminal, starts without what only a terminal needs.
  const { default: pretty } = await import('pino-pretty');
  const readable = pretty({
    colorize: options.isColoured ?? false,
    destination: new Writable({
      decodeStrings: false,
      write: (line, _encoding, done) => {
        destination.write(String(line));
        done();
      },
    }),
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'room',
    messageFormat: '{room}: {msg}',
  });
  return pino(settings, readable);
}

/** A logger that writes nothing, for tests and for commands that only print. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
