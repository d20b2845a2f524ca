/** Starts a thread from its source file: compiled as it is shipped, or TypeScript as it is developed and tested. */
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread.
 *
 * @param file relative to `from` and without its extension, './answering-thread': the thread is of
 *   the same kind (`.ts`, `.js`) as the file that asks
 * @param from the `import.meta.url` of the file that asks
 */
export function startThread(file: string, from: string, options: WorkerOptions): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`${file}.js`, from), options);
  const url = new URL(`${file}.ts`, from);
  // Node 22.18 and later read TypeScript themselves. Before, tsx does, but its `--import` does not reach threads.
  if ('typescript' in process.features) return new Worker(url, options);
  const program = [
    `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))};`,
    'register();',
    `await import(${JSON.stringify(url.href)});`,
  ];
  const source = `data:text/javascript,${encodeURIComponent(program.join('\n'))}`;
  return new Worker(new URL(source), options);
}
