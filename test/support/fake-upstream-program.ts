/**
 * The fake upstream as a program, for another network namespace: `… ADDRESS PORT NAME=IP…`. Names that are not
 * given are denied. Prints `listening`, then the name and type of each query.
 */
import { answer, denial, FakeUpstream } from './fake-upstream.ts';

const [address = '127.0.0.1', port = '0', ...names] = process.argv.slice(2);
const upstream = await FakeUpstream.start({ address, port: Number(port) });
for (const [name = '', ip = ''] of names.map((each) => each.split('='))) {
  upstream.answers({ [`${name} A`]: answer(`${name}. 60 IN A ${ip}`), [name]: denial(0) });
}
upstream.told = ({ name, type }) => console.log(`${name} ${type}`);
console.log('listening');
