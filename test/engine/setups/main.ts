/** `npm run setups [-- NAME...]`: every set-up of config/examples on a private engine, one after another, a line for each. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../../config/examples', import.meta.url));
const TIMEOUT_MS = 300_000;

/** What came of one set-up. */
interface Outcome {
  readonly passed: number;
  readonly skipped: readonly string[];
  readonly failed: readonly string[];
}

/** The heading of the set-up's page, or what its test calls it. */
function titleOf(name: string): string {
  const page = join(EXAMPLES, name, 'README.md');
  const heading = existsSync(page) ? /^# (.+)$/m.exec(readFileSync(page, 'utf8')) : null;
  const test = readFileSync(join(FOLDER, `${name}.test.ts`), 'utf8');
  return (heading ?? /^describe\('([^']+)'/m.exec(test))?.[1] ?? name;
}

/** Runs one test file in a process of its own. */
async function outcomeOf(file: string): Promise<Outcome> {
  let passed = 0;
  const skipped: string[] = [];
  const failed: string[] = [];
  for await (const { type, data } of run({ files: [file], timeout: TIMEOUT_MS })) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, skip, details } = data;
    if (skip !== undefined) {
      skipped.push(typeof skip === 'string' ? skip : name);
    } else if (type === 'test:fail') {
      if (!isFollowing(details.error)) failed.push(`${name}: ${reasonOf(details.error)}`);
    } else if (details.type !== 'suite') {
      passed++;
    }
  }
  return { passed, skipped, failed };
}

/** A test that failed only because another did: its suite, or those that a failed start left out. */
function isFollowing(error: Error): boolean {
  const kind = 'failureType' in error ? error.failureType : '';
  return kind === 'subtestsFailed' || kind === 'cancelledByParent';
}

function reasonOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? cause.message : error.message;
}

const wanted = process.argv.slice(2);
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => file.replace(/\.test\.ts$/, ''))
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .sort();
for (const name of wanted.filter((each) => !names.includes(each))) {
  process.stderr.write(`there is no set-up ${name} in ${FOLDER}\n`);
  process.exitCode = 64;
}
for (const name of names) {
  const beganAt = performance.now();
  const { passed, skipped, failed } = await outcomeOf(join(FOLDER, `${name}.test.ts`));
  const seconds = ((performance.now() - beganAt) / 1000).toFixed(1);
  const word = failed.length > 0 ? 'FAILED' : passed === 0 ? 'skipped' : 'ok';
  const counts = `${passed} passed, ${failed.length} failed, ${seconds} s`;
  process.stdout.write(`${word.padEnd(8)}${name.padEnd(26)}${titleOf(name)} (${counts})\n`);
  for (const line of [...failed, ...new Set(skipped)]) {
    process.stdout.write(`        ${line.replaceAll('\n', '\n          ')}\n`);
  }
  if (failed.length > 0) process.exitCode = 1;
}
