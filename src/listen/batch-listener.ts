/** One listening socket of the batched transport: what arrives, who sent it, and the replies that wait to leave. */
import type { BatchClient } from './batch-client.ts';
import { isWildcard } from './bind-message.ts';
import {
  type BatchShape,
  CONTROL_WORDS,
  InBatch,
  Messages,
  NAME_WORDS,
  OutBatch,
} from './native/batch.ts';
import type { Kernel } from './native/kernel.ts';
import { CONTROL, IP, IPV6, SOCKADDR, SOL } from './native/layout.ts';
import type { DatagramSocket } from './native/sockets.ts';
import { MAX_UDP_REPLY_BYTES } from './transport.ts';

const WORD_BYTES = 4;
/** Of one control message to the next (CMSG_ALIGN). */
const CONTROL_ALIGNMENT = 8;

export class BatchListener {
  readonly fd: number;
  readonly address: string;
  readonly port: number;
  readonly isIpv6: boolean;
  readonly isWildcard: boolean;
  readonly incoming: InBatch;
  readonly outgoing: OutBatch;
  isClosed = false;

  /** @param room shared by all listeners: a batch is answered before the next is read */
  constructor(kernel: Kernel, socket: DatagramSocket, room: Messages) {
    this.fd = socket.fd;
    this.address = socket.own.address;
    this.port = socket.own.port;
    this.isIpv6 = socket.isIpv6;
    this.isWildcard = isWildcard(socket.own.address);
    const nameBytes = this.isIpv6 ? SOCKADDR.ipv6Bytes : SOCKADDR.ipv4Bytes;
    const shape = { messages: room, nameBytes, controlBytes: CONTROL.slotBytes };
    this.incoming = new InBatch(kernel, this.isWildcard ? shape : { ...shape, controlBytes: 0 });
    this.outgoing = new OutBatch(kernel, this.#outgoingShape(kernel, nameBytes));
    if (this.isWildcard) this.#writeControlHeaders();
  }

  #outgoingShape(kernel: Kernel, nameBytes: number): BatchShape {
    const messages = new Messages(kernel, { messageBytes: MAX_UDP_REPLY_BYTES });
    const space = this.isIpv6 ? CONTROL.ipv6SpaceBytes : CONTROL.ipv4SpaceBytes;
    return { messages, nameBytes, controlBytes: this.isWildcard ? space : 0 };
  }

  #writeControlHeaders(): void {
    const { words, controlWord, count } = this.outgoing;
    for (let i = 0; i < count; i++) {
      const at = controlWord + i * CONTROL_WORDS;
      words[at] = this.isIpv6 ? CONTROL.ipv6MessageBytes : CONTROL.ipv4MessageBytes;
      words[at + CONTROL.level / WORD_BYTES] = this.isIpv6 ? SOL.IPV6 : SOL.IP;
      words[at + CONTROL.type / WORD_BYTES] = this.isIpv6 ? IPV6.PKTINFO : IP.PKTINFO;
    }
  }

  /** Makes `client` the sender of the i-th message that came in. */
  load(client: BatchClient, i: number): void {
    const { words, nameWord } = this.incoming;
    const at = nameWord + i * NAME_WORDS;
    client.listener = this;
    client.name0 = words[at] ?? 0;
    client.name1 = words[at + 1] ?? 0;
    if (this.isIpv6) {
      client.name2 = words[at + 2] ?? 0;
      client.name3 = words[at + 3] ?? 0;
      client.name4 = words[at + 4] ?? 0;
      client.name5 = words[at + 5] ?? 0;
      client.name6 = words[at + 6] ?? 0;
    }
    if (this.isWildcard) this.#loadLocal(client, i);
  }

  /** The address that was asked, from among the control messages (a socket that was passed to us may bring others). */
  #loadLocal(client: BatchClient, i: number): void {
    const { words, controlWord } = this.incoming;
    const wantedLevel = this.isIpv6 ? SOL.IPV6 : SOL.IP;
    const wantedType = this.isIpv6 ? IPV6.PKTINFO : IP.PKTINFO;
    let at = controlWord + i * CONTROL_WORDS;
    const end = at + this.incoming.controlLengthAt(i) / WORD_BYTES;
    client.hasLocal = false;
    while (at + CONTROL.data / WORD_BYTES < end) {
      const bytes = words[at] ?? 0;
      if (bytes < CONTROL.data) return;
      const level = words[at + CONTROL.level / WORD_BYTES];
      if (level === wantedLevel && words[at + CONTROL.type / WORD_BYTES] === wantedType) {
        this.#readLocal(client, at);
        return;
      }
      at += Math.ceil(bytes / CONTROL_ALIGNMENT) * (CONTROL_ALIGNMENT / WORD_BYTES);
    }
  }

  #readLocal(client: BatchClient, at: number): void {
    const { words } = this.incoming;
    client.hasLocal = true;
    if (!this.isIpv6) {
      client.local0 = words[at + CONTROL.ipv4Local / WORD_BYTES] ?? 0;
      return;
    }
    const local = at + CONTROL.ipv6Local / WORD_BYTES;
    client.local0 = words[local] ?? 0;
    client.local1 = words[local + 1] ?? 0;
    client.local2 = words[local + 2] ?? 0;
    client.local3 = words[local + 3] ?? 0;
    // Only a link-local address (fe80::/10) needs its interface; for the others the route decides.
    const isLinkLocal = (client.local0 & 0xc0ff) === 0x80fe;
    const index = words[at + CONTROL.ipv6Interface / WORD_BYTES] ?? 0;
    client.localInterface = isLinkLocal ? index : 0;
  }

  /** Writes whom the next outgoing message goes to: `client`, from the address that it asked. */
  envelope(client: BatchClient): void {
    const { words, nameWord, controlWord, pending } = this.outgoing;
    const at = nameWord + pending * NAME_WORDS;
    words[at] = client.name0;
    words[at + 1] = client.name1;
    if (this.isIpv6) {
      words[at + 2] = client.name2;
      words[at + 3] = client.name3;
      words[at + 4] = client.name4;
      words[at + 5] = client.name5;
      words[at + 6] = client.name6;
    }
    if (!this.isWildcard) return;
    const control = controlWord + pending * CONTROL_WORDS;
    if (!this.isIpv6) {
      // Without an address that was asked it is 0.0.0.0: the route decides.
      words[control + CONTROL.ipv4Local / WORD_BYTES] = client.hasLocal ? client.local0 : 0;
      return;
    }
    const local = control + CONTROL.ipv6Local / WORD_BYTES;
    words[local] = client.hasLocal ? client.local0 : 0;
    words[local + 1] = client.hasLocal ? client.local1 : 0;
    words[local + 2] = client.hasLocal ? client.local2 : 0;
    words[local + 3] = client.hasLocal ? client.local3 : 0;
    words[control + CONTROL.ipv6Interface / WORD_BYTES] = client.hasLocal
      ? client.localInterface
      : 0;
  }
}
