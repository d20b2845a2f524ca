/** In place of src/listen/start-thread.ts: the thread's program is inside the executable. */
import { getAsset } from 'node:sea';
import { Worker, type WorkerOptions } from 'node:worker_threads';

export function startThread(file: string, _from: string, options: WorkerOptions): Worker {
  const source = getAsset(file.replace(/^\.\//, ''), 'utf8');
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), options);
}
