/** Why an engine cannot be reached, in words that say what to do. Pure. */
import { codeOf, messageOf } from '../errors.ts';

/**
 * One line for a failed connection: the engine's URL, what happened, and the way out where there is one.
 *
 * @param error whatever was thrown
 */
export function failureText(error: unknown, url: string): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return `no engine at ${url}: the socket does not exist; is Docker running?`;
    case 'ECONNREFUSED':
      return `no engine at ${url}: nobody listens there; is Docker running?`;
    case 'EACCES':
    case 'EPERM':
      return `no permission for the engine at ${url}; homeport's user must be in the group docker`;
    case 'ENOTFOUND':
      return `no engine at ${url}: its host name has no address`;
    case 'ECONNRESET':
      return `the engine at ${url} closed the connection`;
    default:
      return messageOf(error);
  }
}
