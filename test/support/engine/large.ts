/** Run as a process: a fake engine with many containers, so that its work is not the test's. Prints its URL. */
import { inspectBody, listBody, type MadeContainer, networkBody } from './bodies.ts';
import { FakeEngine } from './fake.ts';

const NETWORK = { id: 'n'.repeat(64), name: 'n1', subnet: '172.20.0.0/16', gateway: '172.20.0.1' };
/** A real container's inspect has some 4 KB that homeport does not read. */
const PADDING = { GraphDriver: 'x'.repeat(3000) };

function container(number: number): MadeContainer {
  const id = number.toString(16).padStart(8, '0').repeat(8);
  const ipv4 = `172.20.${number >> 8}.${number & 255}`;
  const place = { network: 'n1', networkId: NETWORK.id, endpointId: `ep${number}`, ipv4 };
  const labels = {
    'com.docker.compose.project': `p${number % 100}`,
    'com.docker.compose.service': `s${Math.floor(number / 100)}`,
  };
  const aliases = [`s${Math.floor(number / 100)}`];
  return { id, name: `c${number}`, labels, endpoints: [{ ...place, aliases }] };
}

const fake = new FakeEngine();
const made = Array.from({ length: Number(process.argv[2]) }, (_, number) => container(number));
const texts = new Map(
  made.map((at) => [at.id, JSON.stringify({ ...inspectBody(at), ...PADDING })]),
);
const list = JSON.stringify(made.map((at) => ({ ...listBody(at), Mounts: 'x'.repeat(400) })));
fake.networks.set(NETWORK.id, NETWORK);
fake.prepared = (path) => {
  if (path.startsWith('/containers/json')) return list;
  if (path === `/networks/${NETWORK.id}`) return JSON.stringify(networkBody(NETWORK));
  return texts.get(path.split('/')[2] ?? '');
};
await fake.listen();
process.stdout.write(`${fake.url}\n`);
process.stdin.on('end', () => fake.close()).resume();
