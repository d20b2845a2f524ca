/** The native door on the running kernel, and what is said where it is shut. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HomeportError } from '../../../src/errors.ts';
import { InBatch, Messages, OutBatch } from '../../../src/listen/native/batch.ts';
import { type Kernel, openKernel } from '../../../src/listen/native/kernel.ts';
import { selfTest } from '../../../src/listen/native/self-test.ts';
import { Sockets } from '../../../src/listen/native/sockets.ts';

const skip = process.platform === 'linux' ? false : 'not Linux';

/** A property of `process` for the time of one call. */
function withProcess<T>(property: 'platform' | 'arch', value: string, act: () => T): T {
  const own = Object.getOwnPropertyDescriptor(process, property);
  assert.ok(own !== undefined);
  Object.defineProperty(process, property, { ...own, value });
  try {
    return act();
  } finally {
    Object.defineProperty(process, property, own);
  }
}

describe('the native door', () => {
  for (const [property, value] of [
    ['platform', 'darwin'],
    ['arch', 'riscv64'],
  ] as const) {
    it(`says that batches are not available on ${value}`, () => {
      assert.throws(
        () => withProcess(property, value, () => openKernel({ isFresh: true })),
        (error) =>
          error instanceof HomeportError &&
          error.code === 'NATIVE_UNAVAILABLE' &&
          /not supported; node:dgram serves instead$/.test(error.message),
      );
    });
  }

  it('passes its own test on this kernel', { skip }, () => {
    assert.equal(selfTest(openKernel()), undefined);
  });

  it('notices calls that a sandbox forbids', { skip }, () => {
    const EPERM = -1;
    const shut: Kernel = { ...openKernel(), sendmmsg: () => EPERM };
    assert.equal(selfTest(shut), 'sendmmsg does not send what it is given');
    assert.equal(selfTest({ ...openKernel(), recvmmsg: () => EPERM }), 'recvmmsg fails with EPERM');
    assert.equal(
      selfTest({ ...openKernel(), socketpair: () => EPERM }),
      'socketpair fails with EPERM',
    );
  });

  it('notices a layout that is not the kernel’s', { skip }, () => {
    const kernel = openKernel();
    const epollEvent = { ...kernel.platform.epollEvent, data: 0 };
    const fault = selfTest({ ...kernel, platform: { ...kernel.platform, epollEvent } });
    assert.equal(fault, 'epoll reports another socket');
  });
});

describe('a batch', { skip }, () => {
  function connectedPair(kernel: Kernel): {
    sockets: Sockets;
    left: number;
    right: number;
    near: number;
  } {
    const sockets = new Sockets(kernel);
    const right = sockets.listen({ address: '127.0.0.1', port: 0 }, false);
    const left = sockets.connect(right.own);
    assert.ok('fd' in left);
    return { sockets, left: left.fd, right: right.fd, near: left.own.port };
  }

  it('carries 64 messages of different lengths, the longest that UDP has among them', () => {
    const kernel = openKernel();
    const { sockets, left, right } = connectedPair(kernel);
    const shape = { nameBytes: 0, controlBytes: 0 };
    const out = new OutBatch(kernel, { messages: new Messages(kernel, {}), ...shape });
    const into = new InBatch(kernel, { messages: new Messages(kernel, {}), ...shape });
    const lengths = Array.from({ length: 64 }, (_, i) => (i === 63 ? 65_507 : i * 37));
    for (const [i, length] of lengths.entries()) {
      out.next().fill(i, 0, length);
      out.commit(length);
    }
    assert.equal(out.flush(left), 64);
    assert.equal(into.receive(right), 64);
    for (const [i, length] of lengths.entries()) {
      assert.equal(into.lengthAt(i), length);
      assert.ok(into.buffers[i]?.subarray(0, length).every((byte) => byte === i));
    }
    assert.equal(into.receive(right), 0);
    sockets.close(left);
    sockets.close(right);
  });

  it('drops a message that the kernel refuses, and sends the rest', () => {
    const kernel = openKernel();
    const { sockets, left, right } = connectedPair(kernel);
    const shape = { nameBytes: 0, controlBytes: 0 };
    const out = new OutBatch(kernel, { messages: new Messages(kernel, {}), ...shape });
    // 65,535 bytes do not fit a datagram with its headers: EMSGSIZE.
    for (const length of [10, 65_535, 20]) out.commit(length);
    assert.equal(out.flush(left), 2);
    assert.equal(out.unsent, 1);
    const into = new InBatch(kernel, { messages: new Messages(kernel, {}), ...shape });
    assert.equal(into.receive(right), 2);
    assert.deepEqual([into.lengthAt(0), into.lengthAt(1)], [10, 20]);
    sockets.close(left);
    sockets.close(right);
  });
});
