/** What an engine’s replies say of its swarm: none, one, or nothing at all. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EngineClient } from '../../../src/docker/engine-client.ts';
import type { SwarmBodies } from '../../../src/docker/swarm/swarm-facts.ts';

const TIMES = { callMs: 2000, inspectMs: 2000, listMs: 2000 };
const MANAGER = { Swarm: { NodeID: 'n1', ControlAvailable: true } };
const WORKER = { Swarm: { NodeID: 'n1', ControlAvailable: false } };
const LISTS = { '/services': [{ ID: 's' }], '/tasks': [{ ID: 't' }], '/nodes': [{ ID: 'n1' }] };
const NOT_A_MANAGER = { message: 'This node is not a swarm manager.' };
const NO_LEADER = { message: 'rpc error: The swarm does not have a leader.' };

type Reply = { readonly status: number; readonly body: unknown };

/** Asks an engine that replies so, by path; others are 404. */
async function ask(
  replies: Readonly<Record<string, unknown>>,
  knownNodeId: string | null = null,
): Promise<{ readonly swarm: SwarmBodies | null; readonly asked: readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'hp-swarm-unit-'));
  const path = join(directory, 'sock');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://engine');
    asked.push(`${url.pathname}${url.search}`);
    const reply = replies[url.pathname];
    const { status, body } = isReply(reply) ? reply : { status: reply ? 200 : 404, body: reply };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { message: 'page not found' }));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new EngineClient({ kind: 'unix', path }, TIMES);
  try {
    return { swarm: await client.swarm(knownNodeId), asked };
  } finally {
    client.close();
    server.close();
    rmSync(directory, { recursive: true });
  }
}

function isReply(reply: unknown): reply is Reply {
  return typeof reply === 'object' && reply !== null && 'status' in reply;
}

describe('the swarm of an engine', () => {
  it('is read whole from a manager, without the tasks that have ended', async () => {
    const { swarm, asked } = await ask({ '/info': MANAGER, ...LISTS });
    assert.deepEqual(swarm, {
      nodeId: 'n1',
      services: [{ ID: 's' }],
      tasks: [{ ID: 't' }],
      nodes: [{ ID: 'n1' }],
    });
    const tasks = asked.find((line) => line.startsWith('/tasks')) ?? '';
    assert.match(decodeURIComponent(tasks), /"desired-state":\["running","ready"\]/);
  });

  it('is read without another look at /info once the node is known', async () => {
    const { swarm, asked } = await ask(LISTS, 'n1');
    assert.equal(swarm?.nodeId, 'n1');
    assert.equal(
      asked.some((line) => line.startsWith('/info')),
      false,
    );
  });

  const none: readonly { readonly name: string; readonly replies: Record<string, unknown> }[] = [
    { name: 'an engine without one', replies: { '/info': { Swarm: {} } } },
    { name: 'a worker', replies: { '/info': WORKER } },
    { name: 'a proxy that hides /info', replies: { '/info': { status: 403, body: {} } } },
    { name: 'an engine that knows no /info', replies: {} },
  ];
  for (const { name, replies } of none) {
    it(`is none for ${name}, which is asked for nothing else`, async () => {
      const { swarm, asked } = await ask(replies);
      assert.deepEqual([swarm, asked], [null, ['/info']]);
    });
  }

  it('is none any more where a manager has left it or was demoted', async () => {
    const gone = { status: 503, body: NOT_A_MANAGER };
    const lists = { '/services': gone, '/tasks': gone, '/nodes': gone };
    const { swarm } = await ask({ '/info': WORKER, ...lists }, 'n1');
    assert.equal(swarm, null);
  });

  it('says nothing where the managers have lost their majority, or the engine fails', async () => {
    const lost = { status: 503, body: NO_LEADER };
    await assert.rejects(ask({ '/info': MANAGER, ...LISTS, '/tasks': lost }), /503/);
    await assert.rejects(ask({ '/info': { status: 500, body: {} } }), /500/);
    await assert.rejects(ask({ '/info': MANAGER, ...LISTS, '/nodes': { odd: true } }), /no list/);
  });
});
