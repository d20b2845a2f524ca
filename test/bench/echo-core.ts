/** The smallest core: every query comes back with one A record, no look-up. What a transport alone costs. */
import type { Client, Core, Transport } from '../../src/listen/transport.ts';

const RECORD = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 10, 1, 2, 3]);

/** @returns a core that answers through `transport` at once; replies and malformed messages are dropped */
export function echoCore(transport: Transport): Core {
  return {
    onQuery(bytes: Buffer, length: number, client: Client): void {
      if (length < 17 || ((bytes[2] ?? 0) & 0x80) !== 0) return;
      let at = 12;
      while (at < length && bytes[at] !== 0) at += (bytes[at] ?? 0) + 1;
      at += 5;
      if (at > length) return;
      const out = transport.beginReply(client);
      for (let i = 0; i < at; i++) out[i] = bytes[i] ?? 0;
      out[2] = 0x84 | ((bytes[2] ?? 0) & 1);
      out[3] = 0x80;
      out[6] = 0;
      out[7] = 1;
      out[8] = 0;
      out[9] = 0;
      out[10] = 0;
      out[11] = 0;
      for (let i = 0; i < RECORD.length; i++) out[at + i] = RECORD[i] ?? 0;
      transport.endReply(client, at + RECORD.length);
    },
    onUpstreamReply(): void {},
    onUpstreamError(): void {},
    onTick: () => Number.POSITIVE_INFINITY,
  };
}
