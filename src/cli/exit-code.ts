/** What the process exits with (sysexits(3) for usage and configuration). */
import type { ErrorCode } from '../errors.ts';

export const EXIT = {
  OK: 0,
  FAILED: 1,
  /** No such name, no data, something missing. */
  NOT_FOUND: 2,
  /** No server answers. */
  NO_SERVER: 3,
  /** What was waited for did not come. */
  NOT_READY: 4,
  USAGE: 64,
  CONFIG: 78,
} as const;

/** The exit code for an error that ends a command. */
export function exitCodeOf(code: ErrorCode): number {
  switch (code) {
    case 'LEASE_UNKNOWN':
      return EXIT.NOT_FOUND;
    case 'CONTROL_UNAVAILABLE':
      return EXIT.NO_SERVER;
    case 'CONFIG_INVALID':
    case 'CONFIG_UNREADABLE':
      return EXIT.CONFIG;
    case 'USAGE':
      return EXIT.USAGE;
    default:
      return EXIT.FAILED;
  }
}
