// What a driver does with mongodb+srv://NAME: SRV for the members, TXT for the options, then the addresses of
// each member (the Initial DNS Seedlist Discovery of MongoDB's drivers). It connects to each, to show who answers.
//
// node look-up.mjs mongodb-cluster-a.us-east-1.domain.com
import { lookup, resolveSrv, resolveTxt } from 'node:dns/promises';
import { connect } from 'node:net';

const [name] = process.argv.slice(2);
const members = await resolveSrv(`_mongodb._tcp.${name}`);
members.sort((one, other) => one.name.localeCompare(other.name));
const options = await resolveTxt(name);
console.log('options:', options.map((strings) => strings.join('')).join(' '));
const parent = name.slice(name.indexOf('.'));
for (const member of members) {
  // A driver takes no member from elsewhere.
  if (!member.name.endsWith(parent)) throw new Error(`${member.name} is not below ${parent}`);
  const { address } = await lookup(member.name);
  console.log(`${member.name}:${member.port} is ${address}: ${await greeting(address, member.port)}`);
}

function greeting(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(text.split('\r\n\r\n')[1].trim()));
    socket.end('GET / HTTP/1.0\r\n\r\n');
  });
}
