/**
 * An engine with many containers, as a process: `many-containers.ts SOCKET COUNT`. It answers from prepared
 * bytes, so that little of what is measured is its own. SIGUSR1: every container gets another address, and the event
 * streams end, as when an engine restarts: all is listed and inspected again.
 */
import { createServer, type ServerResponse } from 'node:http';
import {
  inspectBody,
  listBody,
  type MadeContainer,
  networkBody,
} from '../support/engine/bodies.ts';

const [socket = '', count = '0'] = process.argv.slice(2);
const NETWORK = { id: 'ab'.repeat(32), name: 'backend', subnet: '10.0.0.0/8', gateway: '10.0.0.1' };
const streams = new Set<ServerResponse>();
const inspects = new Map<string, string>();
let list = '';
let generation = 0;

function container(i: number): MadeContainer {
  const id = i.toString(16).padStart(64, '0');
  const ipv4 = `10.${1 + (generation % 200)}.${(i >> 8) & 255}.${i & 255}`;
  const endpoint = { network: NETWORK.name, networkId: NETWORK.id, endpointId: id, ipv4 };
  return { id, name: `box-${i}`, startedAtMs: 1_700_000_000_000, endpoints: [endpoint] };
}

function prepare(): void {
  const all = Array.from({ length: Number(count) }, (_, i) => container(i));
  list = JSON.stringify(all.map(listBody));
  for (const made of all) inspects.set(made.id, JSON.stringify(inspectBody(made)));
}

function answer(path: string, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(path, 'http://docker');
  const [, kind, id = ''] = pathname.replace(/^\/v[\d.]+/, '').split('/');
  if (kind === '_ping') send(response, 'OK');
  else if (kind === 'version') send(response, '{"Version":"28.5.2","ApiVersion":"1.51"}');
  else if (kind === 'containers' && id === 'json') send(response, list);
  else if (kind === 'containers')
    send(
      response,
      inspects.get(id) ?? '{"message":"No such container"}',
      inspects.has(id) ? 200 : 404,
    );
  else if (kind === 'networks' && id === '') send(response, JSON.stringify([networkBody(NETWORK)]));
  else if (kind === 'networks') send(response, JSON.stringify(networkBody(NETWORK)));
  else if (kind === 'events') stream(response, searchParams.has('until'));
  else send(response, '{"message":"No such thing"}', 404);
}

function stream(response: ServerResponse, isPast: boolean): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  if (isPast) {
    response.end();
    return;
  }
  streams.add(response);
  response.on('close', () => streams.delete(response));
}

function send(response: ServerResponse, body: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}

process.on('SIGUSR1', () => {
  generation++;
  prepare();
  for (const response of streams) response.destroy();
});
prepare();
createServer((request, response) => answer(request.url ?? '', response)).listen(socket, () => {
  console.log('ready');
});
