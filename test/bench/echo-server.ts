/** The batched transport with the smallest core, as a process: `echo-server.ts PORT`. */
import { createBatchTransport } from '../../src/listen/batch-transport.ts';
import { echoCore } from './echo-core.ts';

const transport = createBatchTransport();
transport.listen({ address: '127.0.0.1', port: Number(process.argv[2]) });
await transport.run(echoCore(transport), () => {});
