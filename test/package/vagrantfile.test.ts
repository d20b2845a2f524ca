/** The Vagrantfile of the box for a desk. Vagrant itself is not needed: the file is Ruby, and only records. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../config/vagrant/', import.meta.url));
const hasRuby = spawnSync('ruby', ['--version']).status === 0;

/** Evaluates the file with something in Vagrant's place that prints every call. */
const RECORDER = `
require 'json'
class Recorder < BasicObject
  def initialize(path) = @path = path
  def method_missing(name, *words, **options, &block)
    ::STDOUT.puts ::JSON.generate([(@path + [name]).join('.'), words, options])
    inner = ::Recorder.new(@path + [name])
    block&.call(inner)
    inner
  end
  def respond_to_missing?(*) = true
end
module Vagrant
  def self.configure(version) = yield(Recorder.new(["config#{version}"]))
end
load ARGV[0]
`;

describe('the Vagrantfile', { skip: hasRuby ? false : 'there is no ruby here' }, () => {
  const file = join(FOLDER, 'Vagrantfile');

  it('is Ruby without a warning', () => {
    const { status, stdout, stderr } = spawnSync('ruby', ['-wc', file], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(stdout.trim(), 'Syntax OK');
    assert.equal(stderr, '');
  });

  it('gives the box its address, the repository, and the script with both', () => {
    const { status, stdout, stderr } = spawnSync('ruby', ['-e', RECORDER, file], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOMEPORT_BOX_ADDRESS: '192.168.60.5' },
    });
    assert.equal(status, 0, stderr);
    const calls = new Map<string, readonly unknown[]>(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(([name, ...words]) => [name, words]),
    );
    assert.deepEqual(calls.get('config2.vm.network'), [
      ['private_network'],
      { ip: '192.168.60.5' },
    ]);
    const [words, options] = calls.get('config2.vm.provision') ?? [];
    assert.deepEqual(words, ['shell']);
    assert.deepEqual(options, {
      path: 'provision.sh',
      env: { HOMEPORT_BOX_ADDRESS: '192.168.60.5', HOMEPORT_REGION: 'us-east-1.domain.com' },
    });
    assert.ok(existsSync(join(FOLDER, 'provision.sh')));
    const [[from, to]] = (calls.get('config2.vm.synced_folder') ?? [[]]) as [[string, string]];
    assert.ok(existsSync(join(FOLDER, from, 'package.json')));
    assert.equal(to, '/vagrant');
  });
});
