/** The tables that forwarding keeps its questions in, against a Map and a sorted list. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Datagram, Datagrams } from '../../src/resolve/datagrams.ts';
import { Deadlines } from '../../src/resolve/deadlines.ts';
import { hashOfQuestion, Pending, SharedQuestions } from '../../src/resolve/pending.ts';
import { MessageRoom } from '../../src/resolve/room.ts';
import { Upstreams } from '../../src/resolve/upstreams.ts';
import { QueryReader } from '../../src/wire/query.ts';
import { query } from '../support/message.ts';

function someUpstream() {
  const upstreams = new Upstreams(() => undefined);
  upstreams.configure([
    { domain: '', servers: [{ id: 1, address: '10.0.0.2', port: 53, tlsName: null }] },
  ]);
  const upstream = upstreams.byId(1);
  assert.ok(upstream !== undefined);
  return upstream;
}

describe('datagrams in flight', () => {
  // IDs that fall together, at both ends of what there is.
  const id = fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 65_530, max: 65_535 }),
    fc.nat(65_535),
  );
  const step = fc.record({ socket: fc.nat(15), id, isAdd: fc.boolean() });

  it('are found by socket and ID as in a map, whatever comes and goes', () => {
    const upstream = someUpstream();
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 400 }), (steps) => {
        const datagrams = new Datagrams();
        const map = new Map<string, Datagram>();
        for (const { socket, id: at, isAdd } of steps) {
          const key = `${socket} ${at}`;
          assert.equal(datagrams.find(socket, at), map.get(key));
          const known = map.get(key);
          if (known !== undefined) {
            datagrams.delete(known);
            map.delete(key);
          } else if (isAdd) {
            const datagram = new Datagram(upstream);
            datagram.socket = socket;
            datagram.id = at;
            datagrams.add(datagram);
            map.set(key, datagram);
          }
        }
        for (const [key, datagram] of map) {
          assert.equal(datagrams.find(datagram.socket, datagram.id), datagram, key);
        }
        for (let socket = 0; socket < 16; socket++) {
          const own = [...map.values()].filter((datagram) => datagram.socket === socket);
          assert.deepEqual(new Set(datagrams.of(socket)), new Set(own));
        }
      }),
    );
  });
});

describe('questions that others may join', () => {
  it('are found as in a map, whatever comes and goes', () => {
    const reader = new QueryReader();
    const step = fc.record({ name: fc.nat(40), isUpper: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const shared = new SharedQuestions();
        const map = new Map<number, Pending>();
        for (const { name, isUpper } of steps) {
          const text = `n${name}.example.com`;
          const message = query(isUpper ? text.toUpperCase() : text, 'A', { id: name });
          reader.read(message, message.length);
          const hash = hashOfQuestion(message, reader);
          const found = shared.find(message, reader, message.length, hash);
          assert.equal(found, map.get(name));
          if (found !== undefined) {
            shared.delete(found);
            map.delete(name);
            continue;
          }
          const pending = new Pending();
          pending.begin(1, message, reader, message.length);
          pending.hash = hash;
          shared.add(pending);
          map.set(name, pending);
        }
      }),
    );
  });
});

describe('deadlines', () => {
  it('fall due in order, also after thousands', () => {
    const deadlines = new Deadlines<number>();
    const taken: number[] = [];
    for (let i = 0; i < 5_000; i++) {
      deadlines.add(i, i % 7, i);
      if (i % 3 !== 0) continue;
      const due = deadlines.takeDue(i - 100);
      if (due === undefined) continue;
      assert.equal(deadlines.takenTag, due % 7);
      taken.push(due);
    }
    assert.equal(deadlines.nextMs, taken.length);
    for (let due = deadlines.takeDue(1e9); due !== undefined; due = deadlines.takeDue(1e9))
      taken.push(due);
    assert.deepEqual(
      taken,
      Array.from({ length: 5_000 }, (_, i) => i),
    );
    assert.equal(deadlines.nextMs, Number.POSITIVE_INFINITY);
  });

  it('are dropped from the front as far as nobody waits for them', () => {
    const deadlines = new Deadlines<string>();
    for (const [i, item] of ['a', 'b', 'c', 'd'].entries()) deadlines.add(item, i, i);
    deadlines.skipWhile((_, tag) => tag !== 2);
    assert.equal(deadlines.takeDue(2), 'c');
  });
});

describe('the room for a message', () => {
  it('holds whatever it is given, of any length', () => {
    const room = new MessageRoom();
    for (const length of [12, 20, 28, 12, 512, 513, 40_000, 0, 20]) {
      const message = Buffer.alloc(length, length);
      assert.deepEqual(room.copy(Buffer.concat([message, Buffer.alloc(9, 1)]), length), message);
    }
  });
});
