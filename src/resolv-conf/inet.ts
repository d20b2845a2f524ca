/** Address literals as C libraries read them: laxer than `node:net`, each in its own way. Pure. */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * An IPv4 address as inet_aton(3) reads it: one to four parts, decimal, octal or hexadecimal, the last
 * part filling the remaining bytes (`127.2` is 127.0.0.2, `12345` is 0.0.48.57).
 *
 * @returns dotted text, or undefined
 */
export function inetAton(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  const numbers = parts.map(cNumber);
  let value = 0;
  for (const [index, number] of numbers.entries()) {
    const isLast = index === numbers.length - 1;
    if (number === undefined) return undefined;
    if (number > (isLast ? 256 ** (4 - index) - 1 : 255)) return undefined;
    value += isLast ? number : number * 256 ** (3 - index);
  }
  return dotted(value);
}

/**
 * An IPv4 address as inet_net_pton(3) reads it, which c-ares uses: missing parts are zero at the end
 * (`127.2` is the network 127.2.0.0).
 */
export function inetNetPton(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length > 4 || !parts.every((part) => /^\d{1,3}$/.test(part))) return undefined;
  const numbers = parts.map(Number);
  if (numbers.some((number) => number > 255)) return undefined;
  return [...numbers, 0, 0, 0].slice(0, 4).join('.');
}

/** A full address of either family without a scope, as inet_pton(3) reads it. */
export function inetPton(text: string): string | undefined {
  return isIPv4(text) || (isIPv6(text) && !text.includes('%')) ? text : undefined;
}

/** An IPv6 address, a scope (`%eth0`) after it allowed and kept. */
export function ipv6WithScope(text: string): string | undefined {
  const percent = text.indexOf('%');
  return isIPv6(percent < 0 ? text : text.slice(0, percent)) ? text : undefined;
}

/** atoi(3): leading blanks, a sign, digits; whatever else is 0. */
export function atoi(text: string): number {
  const match = /^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text);
  return match === null ? 0 : Number(match[1]);
}

function cNumber(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
