/** The table of layouts, for both architectures whichever one runs this: by the rules of their ABIs, and by the headers where they are installed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  AF,
  CONTROL,
  EFD,
  EPOLL,
  ERRNO,
  IOVEC,
  IP,
  IPV6,
  MMSGHDR,
  MSG,
  PLATFORMS,
  SO,
  SOCK,
  SOCKADDR,
  SOL,
} from '../../../src/listen/native/layout.ts';

/** Fields as [name, size]; a field is aligned to its own size, unless the structure is packed. */
type Fields = readonly (readonly [string, number])[];

function layOut(
  fields: Fields,
  isPacked = false,
): { bytes: number; offsets: Record<string, number> } {
  const offsets: Record<string, number> = {};
  let at = 0;
  let widest = 1;
  for (const [name, size] of fields) {
    if (!isPacked) at = Math.ceil(at / size) * size;
    offsets[name] = at;
    at += size;
    widest = Math.max(widest, size);
  }
  return { bytes: isPacked ? at : Math.ceil(at / widest) * widest, offsets };
}

describe('the layouts of the kernel on 64-bit platforms', () => {
  it('lays out mmsghdr', () => {
    const header = layOut([
      ['name', 8],
      ['nameLength', 4],
      ['iov', 8],
      ['iovCount', 8],
      ['control', 8],
      ['controlLength', 8],
      ['flags', 4],
    ]);
    const received = header.bytes;
    const bytes = Math.ceil((received + 4) / 8) * 8;
    assert.deepEqual({ ...MMSGHDR }, { bytes, ...header.offsets, received });
  });

  it('lays out iovec', () => {
    const { bytes, offsets } = layOut([
      ['base', 8],
      ['length', 8],
    ]);
    assert.deepEqual({ ...IOVEC }, { bytes, ...offsets });
  });

  it('lays out epoll_event packed on x86-64, aligned on arm64', () => {
    const fields: Fields = [
      ['events', 4],
      ['data', 8],
    ];
    const packed = layOut(fields, true);
    const aligned = layOut(fields);
    assert.deepEqual(PLATFORMS.x64?.epollEvent, { bytes: packed.bytes, ...packed.offsets });
    assert.deepEqual(PLATFORMS.arm64?.epollEvent, { bytes: aligned.bytes, ...aligned.offsets });
  });

  it('lays out control messages with a packet info behind a header of 16 bytes', () => {
    const header = layOut([
      ['length', 8],
      ['level', 4],
      ['type', 4],
    ]);
    const ipv4 = layOut([
      ['interface', 4],
      ['local', 4],
      ['destination', 4],
    ]);
    assert.equal(CONTROL.level, header.offsets.level);
    assert.equal(CONTROL.type, header.offsets.type);
    assert.equal(CONTROL.data, header.bytes);
    assert.equal(CONTROL.ipv4Local, header.bytes + (ipv4.offsets.local ?? 0));
    assert.equal(CONTROL.ipv4MessageBytes, header.bytes + ipv4.bytes);
    assert.equal(CONTROL.ipv6Interface, header.bytes + 16);
    assert.equal(CONTROL.ipv6MessageBytes, header.bytes + 20);
    assert.ok(CONTROL.slotBytes >= CONTROL.ipv4SpaceBytes + CONTROL.ipv6SpaceBytes);
  });
});

const NUMBERS = [
  { arch: 'x64', header: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h' },
  { arch: 'arm64', header: '/usr/include/asm-generic/unistd.h' },
] as const;

describe('the numbers of the batch calls', () => {
  for (const { arch, header } of NUMBERS) {
    const skip = existsSync(header) ? false : `${header} is not installed`;
    it(`are those of the kernel's headers on ${arch}`, { skip }, () => {
      const text = readFileSync(header, 'utf8');
      for (const call of ['recvmmsg', 'sendmmsg'] as const) {
        const line = new RegExp(`#define __NR_${call}\\s+(\\d+)`).exec(text);
        assert.equal(PLATFORMS[arch]?.syscall[call], Number(line?.[1]), call);
      }
    });
  }
});

/** Our constants, as C spells them. */
const CONSTANTS: Readonly<Record<string, number>> = {
  AF_UNIX: AF.UNIX,
  AF_INET: AF.INET,
  AF_INET6: AF.INET6,
  SOCK_DGRAM: SOCK.DGRAM,
  SOCK_NONBLOCK: SOCK.NONBLOCK,
  SOCK_CLOEXEC: SOCK.CLOEXEC,
  SOL_SOCKET: SOL.SOCKET,
  SOL_IP: SOL.IP,
  SOL_IPV6: SOL.IPV6,
  SO_TYPE: SO.TYPE,
  SO_SNDBUF: SO.SNDBUF,
  SO_RCVBUF: SO.RCVBUF,
  SO_REUSEPORT: SO.REUSEPORT,
  SO_SNDBUFFORCE: SO.SNDBUFFORCE,
  SO_RCVBUFFORCE: SO.RCVBUFFORCE,
  IP_PKTINFO: IP.PKTINFO,
  IPV6_V6ONLY: IPV6.V6ONLY,
  IPV6_RECVPKTINFO: IPV6.RECVPKTINFO,
  IPV6_PKTINFO: IPV6.PKTINFO,
  MSG_DONTWAIT: MSG.DONTWAIT,
  MSG_NOSIGNAL: MSG.NOSIGNAL,
  EPOLL_CLOEXEC: EPOLL.CLOEXEC,
  EPOLL_CTL_ADD: EPOLL.ADD,
  EPOLLIN: EPOLL.IN,
  EPOLLEXCLUSIVE: EPOLL.EXCLUSIVE,
  EFD_CLOEXEC: EFD.CLOEXEC,
  EFD_NONBLOCK: EFD.NONBLOCK,
  EAGAIN: ERRNO.EAGAIN,
  EINTR: ERRNO.EINTR,
  ECONNREFUSED: ERRNO.ECONNREFUSED,
  'sizeof(struct sockaddr_in)': SOCKADDR.ipv4Bytes,
  'sizeof(struct sockaddr_in6)': SOCKADDR.ipv6Bytes,
  'offsetof(struct sockaddr_in, sin_port)': SOCKADDR.port,
  'offsetof(struct sockaddr_in, sin_addr)': SOCKADDR.ipv4,
  'offsetof(struct sockaddr_in6, sin6_addr)': SOCKADDR.ipv6,
  'offsetof(struct sockaddr_in6, sin6_scope_id)': SOCKADDR.ipv6Scope,
  'offsetof(struct in_pktinfo, ipi_spec_dst)': CONTROL.ipv4Local - CONTROL.data,
  'CMSG_SPACE(sizeof(struct in_pktinfo))': CONTROL.ipv4SpaceBytes,
  'CMSG_LEN(sizeof(struct in_pktinfo))': CONTROL.ipv4MessageBytes,
  'CMSG_SPACE(sizeof(struct in6_pktinfo))': CONTROL.ipv6SpaceBytes,
  'CMSG_LEN(sizeof(struct in6_pktinfo))': CONTROL.ipv6MessageBytes,
  'offsetof(struct in6_pktinfo, ipi6_ifindex)': CONTROL.ipv6Interface - CONTROL.data,
  'sizeof(struct mmsghdr)': MMSGHDR.bytes,
  'offsetof(struct mmsghdr, msg_len)': MMSGHDR.received,
};

function hasCompiler(): boolean {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('the constants', () => {
  const skip = process.platform === 'linux' && hasCompiler() ? false : 'no C compiler';
  it("are those of the C library's headers", { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeport-layout-'));
    const names = Object.keys(CONSTANTS);
    const program = [
      '#define _GNU_SOURCE',
      ...['errno', 'netinet/in', 'stddef', 'stdio', 'sys/epoll', 'sys/eventfd', 'sys/socket'].map(
        (header) => `#include <${header}.h>`,
      ),
      'int main(void) {',
      ...names.map((name) => `  printf("%lld\\n", (long long)(${name}));`),
      '}',
    ];
    try {
      const binary = join(folder, 'constants');
      execFileSync('gcc', ['-x', 'c', '-', '-o', binary], { input: program.join('\n') });
      const values = execFileSync(binary, { encoding: 'utf8' }).trim().split('\n').map(Number);
      const is = Object.fromEntries(names.map((name, i) => [name, values[i]]));
      assert.deepEqual(is, CONSTANTS);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
