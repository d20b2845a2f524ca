/** The manual and the completions: made from the commands, readable by the programs that they are for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CommandNode, commandTree } from '../../config/package/command-tree.ts';
import { bashCompletion, fishCompletion, zshCompletion } from '../../config/package/completions.ts';
import { manPage } from '../../config/package/man-page.ts';

const isHere = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const without = (program: string) => (isHere(program) ? false : `there is no ${program} here`);

describe('what a shell and man(1) get', () => {
  let folder: string;
  let tree: CommandNode;
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const said = (program: string, ...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    return stdout.trim();
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-completions-'));
    tree = await commandTree();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has every command, also those below another', () => {
    const paths = (node: CommandNode): readonly string[] => [
      node.path,
      ...node.commands.flatMap(paths),
    ];
    for (const path of ['serve', 'resolve', 'names', 'parity', 'host install', 'config check']) {
      assert.ok(paths(tree).includes(`homeport ${path}`), path);
    }
  });

  for (const { words, want } of [
    { words: ['homeport', 'expl'], want: ['explain'] },
    { words: ['homeport', 'host', ''], want: ['plan', 'install', 'verify', 'uninstall'] },
    { words: ['homeport', 'host', 'verify', '--w'], want: ['--world'] },
    { words: ['homeport', '--no-such', 'host', 'un'], want: ['uninstall'] },
  ]) {
    it(`bash completes ${words.join(' ')}`, { skip: without('bash') }, () => {
      const file = put('bash', bashCompletion(tree));
      const line = words.map((word) => `'${word}'`).join(' ');
      const script = `. ${file}; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _homeport; echo "\${COMPREPLY[*]}"`;
      const found = said('bash', '-c', script).split(' ');
      for (const word of want) assert.ok(found.includes(word), `${word} in ${found.join(' ')}`);
    });

    it(`fish completes ${words.join(' ')}`, { skip: without('fish') }, () => {
      const file = put('fish', fishCompletion(tree));
      const script = `source ${file}; complete -C "${words.join(' ')}"`;
      const found = said('fish', '--no-config', '-c', script)
        .split('\n')
        .map((row) => row.split('\t')[0]);
      for (const word of want) assert.ok(found.includes(word), `${word} in ${found.join(' ')}`);
    });
  }

  it('zsh reads its functions', { skip: without('zsh') }, () => {
    const file = put('_homeport', zshCompletion(tree));
    said('zsh', '-f', '-n', file);
    // Loaded as compinit does it; the call at its end is for the first completion only.
    const script = `autoload -U compinit; compinit -D -u; fpath=(${folder} $fpath); compdef -a _homeport homeport; autoload +X _homeport; print $_comps[homeport]`;
    assert.equal(said('zsh', '-f', '-c', script), '_homeport');
  });

  it('groff sets the manual without a warning', { skip: without('groff') }, () => {
    const file = put('homeport.8', manPage(tree, '1.2.3'));
    const text = said('groff', '-man', '-Tutf8', '-P-cbou', '-ww', '-rLL=120n', file);
    assert.match(text, /homeport 1\.2\.3/);
    assert.match(text, /^ +host install \[options\]$/m);
    assert.doesNotMatch(text, /\\/);
  });
});
