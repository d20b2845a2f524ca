/**
 * Runs the `console` blocks of a page, command by command, and compares what they print with what the
 * page says they print. Addresses, times and ids differ from run to run: addresses must be exchanged
 * one for one over the whole page, times and ids only be there.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import type { Setup } from './setup.ts';
import { writePage } from './write-page.ts';

export interface Step {
  /** The last line of text before the block: what the page claims. */
  readonly title: string;
  readonly command: string;
  /** What the page says it prints; `...` stands for any lines. */
  readonly printed: readonly string[];
}

/** The steps of a page, in order. */
export function stepsOf(markdown: string): readonly Step[] {
  const steps: Step[] = [];
  let title = '';
  for (const part of markdown.split(/^(```console\n[\s\S]*?^```$)/m)) {
    if (!part.startsWith('```console\n')) {
      title = part.trim().split('\n\n').at(-1)?.replaceAll('\n', ' ') ?? title;
      continue;
    }
    const lines = part.split('\n').slice(1, -1);
    for (const line of lines) {
      const last = steps.at(-1);
      if (line.startsWith('$ ')) {
        steps.push({ title, command: line.slice(2), printed: [] });
      } else if (line.startsWith('> ') && last !== undefined) {
        steps.splice(-1, 1, { ...last, command: `${last.command}\n${line.slice(2)}` });
      } else if (last !== undefined) {
        steps.splice(-1, 1, { ...last, printed: [...last.printed, line] });
      }
    }
  }
  return steps;
}

/** Declares a test for each command of the set-up's page. */
export function itDoesWhatThePageSays(folder: string, setup: () => Pick<Setup, 'shell'>): void {
  const renaming = new Renaming();
  const file = join(folder, 'README.md');
  const steps = stepsOf(readFileSync(file, 'utf8'));
  const isWritten = process.env.HOMEPORT_WRITE_PAGES === '1';
  const all: string[][] = [];
  for (const { command, printed } of steps) {
    it(`$ ${command}`, async () => {
      const { stdout } = await setup().shell(command);
      const lines = stdout.split('\n').map((line) => line.trimEnd());
      while (lines.at(-1) === '') lines.pop();
      all.push(lines);
      if (!isWritten) renaming.compare(printed, lines);
    });
  }
  if (isWritten) after(() => writePage(file, all));
}

const ADDRESS = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g;
const PASSING = /\b\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g;
/** What a page and a run always agree on. */
const FIXED = /^127\.|^169\.254\.|^172\.17\.0\.1$|\.0\.0$/;

/** Addresses of the page ↔ addresses of this run. */
export class Renaming {
  readonly #there = new Map<string, string>();
  readonly #back = new Map<string, string>();

  /**
   * @param expected the page's lines
   * @param printed this run's
   * @throws AssertionError where they differ by more than they may
   */
  compare(expected: readonly string[], printed: readonly string[]): void {
    const shape = (line: string) =>
      line
        .replaceAll(ADDRESS, '<address>')
        .replaceAll(PASSING, '<passing>')
        .replaceAll(/\s+/g, ' ');
    const shown = `the page says:\n${expected.join('\n')}\nbut it printed:\n${printed.join('\n')}`;
    let at = 0;
    let isElided = false;
    for (const line of expected) {
      if (line.trim() === '...') {
        isElided = true;
        continue;
      }
      if (isElided) {
        while (at < printed.length && shape(printed[at] ?? '') !== shape(line)) at++;
      }
      isElided = false;
      assert.equal(shape(printed[at] ?? '(nothing more)'), shape(line), shown);
      this.#pair(line, printed[at] ?? '', shown);
      at++;
    }
    if (!isElided) assert.equal(printed.length, at, shown);
  }

  #pair(expected: string, printed: string, shown: string): void {
    const ours = printed.match(ADDRESS) ?? [];
    (expected.match(ADDRESS) ?? []).forEach((address, i) => {
      const own = ours[i] ?? '';
      if (FIXED.test(address) || FIXED.test(own)) assert.equal(own, address, shown);
      const there = this.#there.get(address) ?? own;
      const back = this.#back.get(own) ?? address;
      assert.deepEqual([there, back], [own, address], `${address} was ${there} before; ${shown}`);
      this.#there.set(address, own);
      this.#back.set(own, address);
    });
  }
}
