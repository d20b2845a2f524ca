/** Addresses with ports as text. */

/** `127.0.0.1:53`, `[::1]:53`. */
export function addressWithPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
