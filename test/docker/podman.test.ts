/** What Podman's Docker API says otherwise than Docker, from a recorded one. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { listEntry } from '../../src/docker/container-facts.ts';
import { EngineClient } from '../../src/docker/engine-client.ts';
import { EngineModel } from '../../src/docker/engine-model.ts';
import type { Owner } from '../../src/names/owner.ts';
import { KeptOwners } from '../support/engine/kept-owners.ts';

const FIXTURE = new URL('../fixtures/podman/podman-4.3.json', import.meta.url);
const recorded = JSON.parse(readFileSync(FIXTURE, 'utf8'));
const TIMES = { callMs: 2000, inspectMs: 2000, listMs: 2000 };

describe('a recorded podman', () => {
  let sink: KeptOwners;

  beforeEach(() => {
    sink = new KeptOwners();
    const interfaces = () => ({});
    const model = new EngineModel({
      engine: 'local',
      answer: { kind: 'container' },
      interfaces,
      sink,
    });
    model.sync(Number.POSITIVE_INFINITY, () => undefined);
    const bodies: readonly { readonly Id: string }[] = Object.values(recorded.containers);
    for (let requests = model.take(0); requests.length > 0; requests = model.take(0)) {
      for (const request of requests) {
        if (request.kind === 'networks') model.networksListed(recorded.networks);
        if (request.kind === 'list') {
          const entries = bodies.map(({ Id }) => listEntry({ Id, State: 'running' }));
          model.listed(
            entries.filter((entry) => entry !== undefined),
            0,
          );
        }
        if (request.kind === 'inspect') {
          const body = bodies.find(({ Id }) => Id === request.id);
          model.inspected(request.id, request.order, { kind: 'known', body }, 0);
        }
      }
      while (model.hasNews && model.flush());
    }
  });

  const owner = (title: string): Owner => {
    const found = [...sink.owners.values()].find((at) => at.title === title);
    assert.ok(found !== undefined, title);
    return found;
  };
  const names = (title: string) => owner(title).claims.map(({ name }) => name);
  const network = (name: string) => {
    const list = sink.changes.findLast((change) => change.networks !== undefined)?.networks?.list;
    return list?.find((at) => at.name === name);
  };

  it('has one default network, whichever of its two names is said', () => {
    const key = network('bridge')?.key;
    assert.ok(key !== undefined);
    for (const title of ['web', 'pub']) {
      assert.deepEqual(
        owner(title).addresses.map((at) => at.network),
        [key],
      );
    }
    assert.deepEqual(network('bridge')?.gateways, ['10.88.0.1']);
  });

  it('has networks by their names where Docker has ids', () => {
    assert.deepEqual(owner('db').addresses, [
      { address: '10.89.0.2', network: network('n1')?.key ?? '' },
    ]);
    assert.deepEqual(names('db'), ['db', 'database']);
  });

  it('shows in a shared network the holder’s place, whose aliases are the holder’s alone', () => {
    assert.deepEqual(names('sharer'), ['sharer']);
    assert.deepEqual(
      owner('sharer').addresses.map(({ address }) => address),
      ['10.89.0.2'],
    );
    assert.deepEqual(owner('sharer').asksFrom, []);
  });

  it('has a container on the host’s network, and published ports', () => {
    assert.equal(owner('onhost').isOnHost, true);
    assert.deepEqual(owner('pub').ports, [{ service: '_80._tcp', port: 80 }]);
  });
});

describe('a podman that is asked', () => {
  const says = async (status: number, message: string): Promise<unknown> => {
    const directory = mkdtempSync(join(tmpdir(), 'hp-podman-unit-'));
    const path = join(directory, 'sock');
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message }));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = new EngineClient({ kind: 'unix', path }, TIMES);
    try {
      return await client.inspect('a');
    } finally {
      client.close();
      server.close();
      rmSync(directory, { recursive: true });
    }
  };

  it('says with status 500 that a container has gone, which is an answer', async () => {
    const message = 'container a does not exist in database: no such container';
    assert.equal(await says(500, message), undefined);
  });

  it('says nothing with any other 500', async () => {
    await assert.rejects(says(500, 'database is locked'), /500/);
  });
});
