// Production's DNS server as the host's uplink has it: knows production's names and the world's, and
// prints each question. Runs in the network namespace of the test host. Hand-made bytes: it must not
// share code with what is tested.
import { createSocket } from 'node:dgram';

const production = '198.51.100.7';
const world = new Map([
  ['example.com', '203.0.113.10'],
  ['www.corp.example', '203.0.113.20'],
]);

function addressOf(name) {
  if (world.has(name)) return world.get(name);
  if (/^mongodb-cluster-a-node-\d\.us-east-1\.domain\.com$/.test(name)) return production;
  if (name === 'only-in-production.us-east-1.domain.com') return production;
  return undefined;
}

const socket = createSocket('udp4');
socket.on('message', (query, client) => {
  const labels = [];
  let at = 12;
  while (query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  const name = labels.join('.').toLowerCase();
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const address = addressOf(name);
  const answers = address !== undefined && type === 1 ? 1 : 0;
  const rcode = address === undefined ? 3 : 0;
  const head = Buffer.from([query[0], query[1], 0x81, 0x80 | rcode, 0, 1, 0, answers, 0, 0, 0, 0]);
  const record =
    answers === 0
      ? Buffer.alloc(0)
      : Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...address.split('.').map(Number)]);
  socket.send(Buffer.concat([head, question, record]), client.port, client.address);
  process.stdout.write(`${name} ${type}\n`);
});
socket.bind(53, '10.99.0.53', () => process.stdout.write('ready\n'));
// Its test has ended, however it did.
process.stdin.resume().on('end', () => process.exit());
