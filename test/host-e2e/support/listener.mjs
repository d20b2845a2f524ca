// Somebody else's DNS server at homeport's address.
import { createSocket } from 'node:dgram';

createSocket('udp4').bind(53, '127.53.0.1', () => process.stdout.write('ready\n'));
