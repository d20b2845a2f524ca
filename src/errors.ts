/** The errors homeport throws. Expected outcomes (NXDOMAIN, a silent upstream) are values, not errors. */

/** What callers, tests and exit codes match on; never the message text. */
export type ErrorCode =
  | 'USAGE'
  | 'CONFIG_INVALID'
  | 'CONFIG_UNREADABLE'
  | 'NAME_INVALID'
  | 'ADDRESS_INVALID'
  | 'BIND_FAILED'
  | 'DOCKER_UNAVAILABLE'
  | 'DOCKER_REPLY_INVALID'
  | 'UPSTREAM_FAILED'
  | 'HOST_FILE_UNREADABLE'
  | 'HOST_REFUSED'
  | 'CONTROL_UNAVAILABLE'
  | 'CONTROL_REPLY_INVALID'
  | 'PROFILE_INVALID'
  | 'STATE_UNREADABLE'
  | 'STATE_UNWRITABLE'
  | 'LEASE_UNKNOWN'
  | 'NATIVE_UNAVAILABLE';

/**
 * An error homeport raises itself. The message names the thing, the value and the way out,
 * lower case, without a full stop.
 */
export class HomeportError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HomeportError';
    this.code = code;
  }
}

/** The message of anything that was thrown, for a log line or a wrapped error. Never throws. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of anything that was thrown (`ENOENT`, `CONFIG_INVALID`…), or undefined. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
