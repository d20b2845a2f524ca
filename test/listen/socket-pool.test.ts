/** When upstream sockets are picked, replaced and closed; simulated time, no sockets. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { SOCKETS_PER_UPSTREAM, SocketPool } from '../../src/listen/socket-pool.ts';

interface FakeSocket {
  readonly index: number;
  isClosed: boolean;
}

describe('the sockets towards an upstream', () => {
  let opened: FakeSocket[] = [];
  let hasRoute = true;
  let pool: SocketPool<FakeSocket>;

  const open = (index: number): FakeSocket | undefined => {
    if (!hasRoute) return undefined;
    const socket = { index, isClosed: false };
    opened.push(socket);
    return socket;
  };
  const close = (socket: FakeSocket): void => {
    assert.equal(socket.isClosed, false, 'closed twice');
    socket.isClosed = true;
  };

  beforeEach(() => {
    opened = [];
    hasRoute = true;
    pool = new SocketPool({ open, close }, 0);
  });

  it('are all open from the start', () => {
    assert.equal(opened.length, SOCKETS_PER_UPSTREAM);
  });

  it('are picked once for each round', () => {
    for (let round = 0; round < 50; round++) {
      const first = pool.pick(round, 0);
      assert.equal(pool.pick(round, 0), first);
    }
  });

  it('are all picked in time, none much more often than others', () => {
    const picks = new Array<number>(SOCKETS_PER_UPSTREAM).fill(0);
    const rounds = 16_000;
    for (let round = 0; round < rounds; round++) {
      const index = pool.pick(round, 0);
      picks[index] = (picks[index] ?? 0) + 1;
    }
    const mean = rounds / SOCKETS_PER_UPSTREAM;
    for (const count of picks) assert.ok(count > mean * 0.8 && count < mean * 1.2, `${picks}`);
  });

  it('are replaced when they are old, and hear replies for a while yet', () => {
    const index = pool.pick(1, 0);
    const old = pool.use(index, 0);
    let round = 2;
    while (pool.pick(round, 31_000) !== index) round++;
    const young = pool.use(index, 31_000);
    assert.ok(old !== undefined && young !== undefined);
    assert.notEqual(young, old);
    assert.equal(young.index, index);
    assert.equal(old.isClosed, false);
    assert.ok(pool.sweep(31_000) > 5_000);
    assert.equal(pool.sweep(42_000), Number.POSITIVE_INFINITY);
    assert.equal(old.isClosed, true);
  });

  it('are left alone when nothing was sent by them', () => {
    for (let round = 0; round < 200; round++) pool.pick(round, 1_000_000);
    assert.equal(opened.length, SOCKETS_PER_UPSTREAM);
  });

  it('are opened again at most once a second while there is no route', () => {
    hasRoute = false;
    pool = new SocketPool({ open, close }, 0);
    assert.equal(pool.use(0, 10), undefined);
    hasRoute = true;
    assert.equal(pool.use(0, 500), undefined);
    assert.ok(pool.use(0, 1_500) !== undefined);
  });

  it('are replaced at once when they cannot send any more', () => {
    const index = pool.pick(1, 0);
    const broken = pool.use(index, 0);
    pool.abandon(index, 5);
    assert.notEqual(pool.use(index, 6), broken);
  });

  it('are all closed with the pool, those that were replaced too', () => {
    pool.abandon(3, 0);
    pool.close();
    assert.ok(opened.every((socket) => socket.isClosed));
  });
});
