// Asks 127.53.0.1 for so many ms, with a thousand queries under way at any time.
import { createSocket } from 'node:dgram';

const ms = Number(process.argv[2]);
const query = Buffer.from(
  `00000100000100000000000007${Buffer.from('nowhere').toString('hex')}0000010001`,
  'hex',
);
const socket = createSocket('udp4');
socket.connect(53, '127.53.0.1', () => {
  for (let i = 0; i < 1000; i++) socket.send(query);
});
socket.on('message', () => socket.send(query));
setInterval(() => socket.send(query), 1);
setTimeout(() => process.exit(), ms);
