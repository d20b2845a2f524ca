/** Error numbers of the kernel in words. */
import { getSystemErrorName } from 'node:util';

/** `ECONNREFUSED` of -111; never throws. */
export function errorName(negative: number): string {
  try {
    return getSystemErrorName(negative);
  } catch {
    return `error ${-negative}`;
  }
}
