/**
 * The one door to the C library: every koffi declaration is here. Results below zero are negative
 * error numbers, as the kernel's own. Addresses are those of `Memory`; nothing else is passed.
 */
import { endianness } from 'node:os';
import { codeOf, HomeportError, messageOf } from '../../errors.ts';
import { EPOLL, IOVEC, MMSGHDR, PLATFORMS, type Platform } from './layout.ts';
import { loadKoffi } from './load-koffi.ts';
import { selfTest } from './self-test.ts';

type Koffi = typeof import('koffi');
type Native = (...values: number[]) => number;

/** What is called, and how: plain integers only, so that koffi converts nothing. */
export interface Kernel {
  readonly platform: Platform;
  /** The address of a buffer's first byte. The caller keeps the buffer alive. */
  addressOf(buffer: Buffer): number;
  socket(family: number, type: number, protocol: number): number;
  socketpair(family: number, type: number, protocol: number, pair: number): number;
  bind(fd: number, address: number, length: number): number;
  connect(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  getsockname(fd: number, address: number, length: number): number;
  sendto(
    fd: number,
    bytes: number,
    length: number,
    flags: number,
    address: number,
    addressLength: number,
  ): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  epollCreate(flags: number): number;
  epollAdd(epoll: number, fd: number, event: number): number;
  epollWait(epoll: number, events: number, maxEvents: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  read(fd: number, bytes: number, length: number): number;
  close(fd: number): number;
}

let opened: Kernel | undefined;

/**
 * Loads koffi and checks every layout against it and against the running kernel. Once per thread.
 *
 * @param options `isFresh`: check again, whatever came of it before
 * @throws HomeportError NATIVE_UNAVAILABLE: not Linux, an architecture without a table, koffi does
 *   not load, a layout differs, or a sandbox forbids the calls
 */
export function openKernel({ isFresh = false }: { readonly isFresh?: boolean } = {}): Kernel {
  if (isFresh) return openChecked();
  opened ??= openChecked();
  return opened;
}

function openChecked(): Kernel {
  const platform = PLATFORMS[process.arch];
  if (process.platform !== 'linux' || platform === undefined || endianness() !== 'LE') {
    throw unavailable(`${process.platform} on ${process.arch} is not supported`);
  }
  const koffi = koffiOrReason();
  checkLayouts(koffi, platform);
  const kernel = declare(koffi, platform);
  const fault = selfTest(kernel);
  if (fault !== undefined) throw unavailable(fault);
  return kernel;
}

function unavailable(reason: string, cause?: unknown): HomeportError {
  return new HomeportError(
    'NATIVE_UNAVAILABLE',
    `batched system calls are not available: ${reason}; node:dgram serves instead`,
    { cause },
  );
}

function koffiOrReason(): Koffi {
  try {
    return loadKoffi();
  } catch (error) {
    const text = messageOf(error).split('\n')[0] ?? '';
    throw unavailable(`koffi does not load (${codeOf(error) ?? text})`, error);
  }
}

/** Compares our table with what this platform's ABI makes of the kernel's declarations. */
function checkLayouts(koffi: Koffi, platform: Platform): void {
  const msghdr = koffi.struct({
    name: 'void *',
    nameLength: 'int',
    iov: 'void *',
    iovCount: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'unsigned int',
  });
  const mmsghdr = koffi.struct({ header: msghdr, received: 'unsigned int' });
  const iovec = koffi.struct({ base: 'void *', length: 'size_t' });
  const epollFields = { events: 'uint32_t', data: 'uint64_t' };
  const epollEvent = process.arch === 'x64' ? koffi.pack(epollFields) : koffi.struct(epollFields);
  const seen: readonly (readonly [string, number, number])[] = [
    ['mmsghdr', koffi.sizeof(mmsghdr), MMSGHDR.bytes],
    ['mmsghdr.msg_len', koffi.offsetof(mmsghdr, 'received'), MMSGHDR.received],
    ['msghdr.msg_name', koffi.offsetof(msghdr, 'name'), MMSGHDR.name],
    ['msghdr.msg_namelen', koffi.offsetof(msghdr, 'nameLength'), MMSGHDR.nameLength],
    ['msghdr.msg_iov', koffi.offsetof(msghdr, 'iov'), MMSGHDR.iov],
    ['msghdr.msg_iovlen', koffi.offsetof(msghdr, 'iovCount'), MMSGHDR.iovCount],
    ['msghdr.msg_control', koffi.offsetof(msghdr, 'control'), MMSGHDR.control],
    ['msghdr.msg_controllen', koffi.offsetof(msghdr, 'controlLength'), MMSGHDR.controlLength],
    ['msghdr.msg_flags', koffi.offsetof(msghdr, 'flags'), MMSGHDR.flags],
    ['iovec', koffi.sizeof(iovec), IOVEC.bytes],
    ['iovec.iov_len', koffi.offsetof(iovec, 'length'), IOVEC.length],
    ['epoll_event', koffi.sizeof(epollEvent), platform.epollEvent.bytes],
    ['epoll_event.data', koffi.offsetof(epollEvent, 'data'), platform.epollEvent.data],
    ['pointer', koffi.sizeof('void *'), 8],
  ];
  for (const [what, is, want] of seen) {
    if (is !== want) throw unavailable(`${what} is ${is}, not ${want}, on this platform`);
  }
}

function declare(koffi: Koffi, platform: Platform): Kernel {
  // The program itself: whichever C library it runs with, by whatever file name.
  const libc = koffi.load(null);
  const int = (name: string, ...parameters: string[]): Native => libc.func(name, 'int', parameters);
  const long = (name: string, ...parameters: string[]): Native =>
    libc.func(name, 'long', parameters);
  const pointer = 'uintptr_t';
  const socket = int('socket', 'int', 'int', 'int');
  const socketpair = int('socketpair', 'int', 'int', 'int', pointer);
  const bind = int('bind', 'int', pointer, 'uint');
  const connect = int('connect', 'int', pointer, 'uint');
  const setsockopt = int('setsockopt', 'int', 'int', 'int', pointer, 'uint');
  const getsockopt = int('getsockopt', 'int', 'int', 'int', pointer, pointer);
  const getsockname = int('getsockname', 'int', pointer, pointer);
  const sendto = long('sendto', 'int', pointer, 'size_t', 'int', pointer, 'uint');
  const epollCreate = int('epoll_create1', 'int');
  const epollCtl = int('epoll_ctl', 'int', 'int', 'int', pointer);
  const epollWait = int('epoll_wait', 'int', pointer, 'int', 'int');
  const eventfd = int('eventfd', 'uint', 'int');
  const read = long('read', 'int', pointer, 'size_t');
  const close = int('close', 'int');
  const batch = long('syscall', 'long', 'int', pointer, 'uint', 'int', pointer);
  const { recvmmsg, sendmmsg } = platform.syscall;
  const checked = (result: number): number => (result === -1 ? -koffi.errno() : result);
  return {
    platform,
    addressOf: (buffer) => Number(koffi.address(buffer)),
    socket: (family, type, protocol) => checked(socket(family, type, protocol)),
    socketpair: (family, type, protocol, pair) => checked(socketpair(family, type, protocol, pair)),
    bind: (fd, address, length) => checked(bind(fd, address, length)),
    connect: (fd, address, length) => checked(connect(fd, address, length)),
    setsockopt: (fd, level, option, value, length) =>
      checked(setsockopt(fd, level, option, value, length)),
    getsockopt: (fd, level, option, value, length) =>
      checked(getsockopt(fd, level, option, value, length)),
    getsockname: (fd, address, length) => checked(getsockname(fd, address, length)),
    sendto: (fd, bytes, length, flags, address, addressLength) =>
      checked(sendto(fd, bytes, length, flags, address, addressLength)),
    recvmmsg: (fd, messages, count, flags) =>
      checked(batch(recvmmsg, fd, messages, count, flags, 0)),
    sendmmsg: (fd, messages, count, flags) =>
      checked(batch(sendmmsg, fd, messages, count, flags, 0)),
    epollCreate: (flags) => checked(epollCreate(flags)),
    epollAdd: (epoll, fd, event) => checked(epollCtl(epoll, EPOLL.ADD, fd, event)),
    epollWait: (epoll, events, maxEvents, timeoutMs) =>
      checked(epollWait(epoll, events, maxEvents, timeoutMs)),
    eventfd: (initial, flags) => checked(eventfd(initial, flags)),
    read: (fd, bytes, length) => checked(read(fd, bytes, length)),
    close: (fd) => checked(close(fd)),
  };
}
