/** Serves over the transport that its argument names, then meets a bug on the main thread. */
import { Answering } from '../../../src/daemon/answering.ts';
import { SETTINGS } from './settings.ts';

const transport = process.argv[2] === 'dgram' ? 'dgram' : 'batch';
const nothing = () => undefined;
const thread = new Answering(
  {
    transport,
    settings: SETTINGS,
    isShared: false,
  },
  { refresh: async () => undefined, askStream: nothing, told: nothing, died: nothing },
);
// A server has more to wait for than this thread; newer Node would end before it has answered.
setInterval(nothing, 1000);
await thread.listen({ address: '127.0.0.1', port: 0 });
setImmediate(() => {
  throw new Error('a bug');
});
