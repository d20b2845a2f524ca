/** Mail between two ends, here on one thread. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { createDoorbell, Mailbox, openMailbox } from '../../src/listen/mailbox.ts';

describe('the mailbox of a blocked thread', { skip: process.platform !== 'linux' }, () => {
  let port: MessagePort | undefined;
  afterEach(() => port?.close());

  it('hands over everything that was posted, in order, when it is looked into', () => {
    const { port1, port2 } = new MessageChannel();
    port = port1;
    const bell = createDoorbell('batch');
    const mailbox = new Mailbox<number>(port1, bell);
    const got: number[] = [];
    const look = openMailbox<number>(port2, bell, (message) => got.push(message));
    look();
    assert.deepEqual(got, []);
    for (let i = 0; i < 1000; i++) mailbox.post(i);
    look();
    assert.deepEqual(
      got,
      Array.from({ length: 1000 }, (_, i) => i),
    );
    mailbox.post(1000);
    look();
    assert.equal(got.at(-1), 1000);
  });

  it('hands over what is posted while it is being read', () => {
    const { port1, port2 } = new MessageChannel();
    port = port1;
    const bell = createDoorbell('batch');
    const mailbox = new Mailbox<number>(port1, bell);
    const got: number[] = [];
    const look = openMailbox<number>(port2, bell, (message) => {
      got.push(message);
      if (message < 3) mailbox.post(message + 1);
    });
    mailbox.post(1);
    look();
    look();
    assert.deepEqual(got, [1, 2, 3]);
  });
});

describe('the mailbox of a thread with an event loop', () => {
  it('hands over what was posted without being looked into', async () => {
    const { port1, port2 } = new MessageChannel();
    const bell = createDoorbell('dgram');
    const mailbox = new Mailbox<string>(port1, bell);
    const got: string[] = [];
    openMailbox<string>(port2, bell, (message) => got.push(message));
    const heard = once(port2, 'message');
    mailbox.post('a');
    await heard;
    assert.deepEqual(got, ['a']);
    port1.close();
  });
});
