/**
 * The shapes of the kernel's structures and the numbers of its calls, for the platforms that we
 * batch on. The kernel's own, not the C library's: batches go through `syscall`, since musl's
 * sendmmsg is a loop of sendmsg (its msghdr has other field sizes than the kernel's).
 */

/** `struct mmsghdr`: the same on x86-64 and arm64, little-endian. Offsets in bytes. */
export const MMSGHDR = {
  bytes: 64,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  received: 56,
} as const;

/** `struct iovec`. */
export const IOVEC = { bytes: 16, base: 0, length: 8 } as const;

/** `struct sockaddr_in` (16 bytes) and `struct sockaddr_in6` (28), in one slot. */
export const SOCKADDR = {
  family: 0,
  port: 2,
  ipv4: 4,
  ipv4Bytes: 16,
  ipv6: 8,
  ipv6Scope: 24,
  ipv6Bytes: 28,
  slotBytes: 32,
} as const;

/** `struct cmsghdr` and what we send and get behind it: in_pktinfo (12 bytes), in6_pktinfo (20). */
export const CONTROL = {
  length: 0,
  level: 8,
  type: 12,
  data: 16,
  /** in_pktinfo: interface index, the local address to use, the destination of the header. */
  ipv4Interface: 16,
  ipv4Local: 20,
  ipv4MessageBytes: 28,
  ipv4SpaceBytes: 32,
  /** in6_pktinfo: the address, then the interface index. */
  ipv6Local: 16,
  ipv6Interface: 32,
  ipv6MessageBytes: 36,
  ipv6SpaceBytes: 40,
  /** A dual-stack socket gets one of either kind. */
  slotBytes: 96,
} as const;

/** `struct epoll_event`: packed on x86-64 only. */
export interface EpollEventLayout {
  readonly bytes: number;
  readonly events: number;
  readonly data: number;
}

export interface Platform {
  readonly epollEvent: EpollEventLayout;
  readonly syscall: { readonly recvmmsg: number; readonly sendmmsg: number };
}

/** By `process.arch`; others are served by `node:dgram`. */
export const PLATFORMS: Readonly<Record<string, Platform>> = {
  x64: {
    epollEvent: { bytes: 12, events: 0, data: 4 },
    syscall: { recvmmsg: 299, sendmmsg: 307 },
  },
  arm64: {
    epollEvent: { bytes: 16, events: 0, data: 8 },
    syscall: { recvmmsg: 243, sendmmsg: 269 },
  },
};

/** Constants of the asm-generic ABI, which x86-64 and arm64 share. */
export const AF = { UNIX: 1, INET: 2, INET6: 10 } as const;
export const SOCK = { DGRAM: 2, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;
export const SOL = { SOCKET: 1, IP: 0, IPV6: 41 } as const;
export const SO = {
  TYPE: 3,
  SNDBUF: 7,
  RCVBUF: 8,
  REUSEPORT: 15,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
} as const;
export const IP = { PKTINFO: 8, FREEBIND: 15 } as const;
export const IPV6 = { V6ONLY: 26, RECVPKTINFO: 49, PKTINFO: 50 } as const;
export const MSG = { DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;
export const EPOLL = {
  CLOEXEC: 0o2000000,
  ADD: 1,
  IN: 1,
  EXCLUSIVE: 0x10000000,
} as const;
export const EFD = { CLOEXEC: 0o2000000, NONBLOCK: 0o4000 } as const;

/** Error numbers that are handled, by name. */
export const ERRNO = {
  EINTR: 4,
  EAGAIN: 11,
  EINVAL: 22,
  ENETUNREACH: 101,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
} as const;
