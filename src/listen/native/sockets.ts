/** Datagram sockets: opened, bound or connected, with their options. */

import { HomeportError } from '../../errors.ts';
import { bindMessage, isWildcard } from '../bind-message.ts';
import { errorName } from './error-name.ts';
import type { Kernel } from './kernel.ts';
import { AF, IP, IPV6, SO, SOCK, SOCKADDR, SOL } from './layout.ts';
import { Memory, type Region } from './memory.ts';
import { readSocketAddress, type SocketAddress, writeSocketAddress } from './sockaddr.ts';

/**
 * Room for what arrives while the thread is busy, and for a batch that a slow link takes its time
 * for: 4 MiB, some 5,000 small messages as the kernel counts them.
 */
const BUFFER_BYTES: number = 4 * 1024 * 1024;

/** A bound or connected socket. */
export interface DatagramSocket {
  readonly fd: number;
  readonly isIpv6: boolean;
  /** The address that it is bound to. */
  readonly own: SocketAddress;
}

/** A failed system call: its name and a negative error number. */
export interface Failure {
  readonly call: string;
  readonly errno: number;
}

/** Opens sockets; one for each thread, since its scratch memory is not shared. */
export class Sockets {
  readonly #kernel: Kernel;
  readonly #memory: Memory;
  readonly #name: Region;
  readonly #number: Region;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#memory = new Memory(kernel, SOCKADDR.slotBytes + 8);
    this.#name = this.#memory.take(SOCKADDR.slotBytes);
    this.#number = this.#memory.take(8);
  }

  /**
   * A socket that listens on `target`. IPv6 ones take IPv6 only, so that `0.0.0.0` and `::` can both be bound.
   *
   * @param isShared several threads listen there, each with a socket of its own (SO_REUSEPORT)
   * @throws HomeportError BIND_FAILED
   */
  listen(target: SocketAddress, isShared: boolean): DatagramSocket {
    const length = this.#write(target);
    if (length === 0) throw bindFailed(target, 'it is no address');
    const fd = this.#open();
    if (fd < 0) throw bindFailed(target, errorName(fd));
    if (this.#isIpv6()) this.#set(fd, SOL.IPV6, IPV6.V6ONLY, 1);
    if (isShared) this.#set(fd, SOL.SOCKET, SO.REUSEPORT, 1);
    const result = this.#kernel.bind(fd, this.#name.address, length);
    if (result < 0) {
      this.#kernel.close(fd);
      throw bindFailed(target, errorName(result));
    }
    return this.#listening(fd, target);
  }

  /**
   * A bound socket that was passed to the process (LISTEN_FDS).
   *
   * @throws HomeportError BIND_FAILED: not a datagram socket of the internet
   */
  adopt(fd: number): DatagramSocket {
    const target = { address: `descriptor ${fd}`, port: 0 };
    this.#memory.words[this.#number.offset >> 2] = 4;
    const { address } = this.#number;
    const result = this.#kernel.getsockopt(fd, SOL.SOCKET, SO.TYPE, address + 4, address);
    if (result < 0) throw bindFailed(target, errorName(result));
    const type = this.#memory.words[(this.#number.offset >> 2) + 1];
    if (type !== SOCK.DGRAM) throw bindFailed(target, 'it is not a datagram socket');
    return this.#listening(fd, target);
  }

  #listening(fd: number, target: SocketAddress): DatagramSocket {
    const own = this.#ownAddress(fd);
    if (own === undefined) throw bindFailed(target, 'it is not an internet socket');
    const isIpv6 = this.#isIpv6();
    if (isWildcard(own.address)) {
      // Replies must leave from the address that was asked (RFC 1035 §7.3), which only the control message says.
      if (isIpv6) this.#set(fd, SOL.IPV6, IPV6.RECVPKTINFO, 1);
      else this.#set(fd, SOL.IP, IP.PKTINFO, 1);
    }
    this.#enlarge(fd);
    return { fd, isIpv6, own };
  }

  /** A socket towards `peer` from a port of the kernel's choice: takes messages from that peer alone. */
  connect(peer: SocketAddress): DatagramSocket | Failure {
    const length = this.#write(peer);
    if (length === 0) return { call: 'connect', errno: -1 };
    const fd = this.#open();
    if (fd < 0) return { call: 'socket', errno: fd };
    const result = this.#kernel.connect(fd, this.#name.address, length);
    const own = result < 0 ? undefined : this.#ownAddress(fd);
    if (own === undefined) {
      this.#kernel.close(fd);
      return { call: 'connect', errno: result };
    }
    this.#enlarge(fd);
    return { fd, isIpv6: this.#isIpv6(), own };
  }

  close(fd: number): void {
    this.#kernel.close(fd);
  }

  #write(address: SocketAddress): number {
    return writeSocketAddress(this.#memory.bytes, this.#name.offset, address);
  }

  /** Of the address that was written or read last. */
  #isIpv6(): boolean {
    return this.#memory.bytes.readUInt16LE(this.#name.offset) === AF.INET6;
  }

  #open(): number {
    const family = this.#isIpv6() ? AF.INET6 : AF.INET;
    return this.#kernel.socket(family, SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
  }

  #ownAddress(fd: number): SocketAddress | undefined {
    this.#memory.words[this.#number.offset >> 2] = SOCKADDR.slotBytes;
    const result = this.#kernel.getsockname(fd, this.#name.address, this.#number.address);
    if (result < 0) return undefined;
    return readSocketAddress(this.#memory.bytes, this.#name.offset);
  }

  #set(fd: number, level: number, option: number, value: number): number {
    this.#memory.words[this.#number.offset >> 2] = value;
    return this.#kernel.setsockopt(fd, level, option, this.#number.address, 4);
  }

  /** Past net.core.rmem_max where we may (CAP_NET_ADMIN), else up to it. */
  #enlarge(fd: number): void {
    if (this.#set(fd, SOL.SOCKET, SO.RCVBUFFORCE, BUFFER_BYTES) < 0) {
      this.#set(fd, SOL.SOCKET, SO.RCVBUF, BUFFER_BYTES);
    }
    if (this.#set(fd, SOL.SOCKET, SO.SNDBUFFORCE, BUFFER_BYTES) < 0) {
      this.#set(fd, SOL.SOCKET, SO.SNDBUF, BUFFER_BYTES);
    }
  }
}

function bindFailed(target: SocketAddress, reason: string): HomeportError {
  return new HomeportError('BIND_FAILED', bindMessage(target, reason));
}
