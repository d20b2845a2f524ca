/** SIGKILL at every change that an install or uninstall makes: the host resolves, and the next run finishes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { buildImages, hostAvailable, type Manager, type TestHost, until } from './support/host.ts';
import { lookUp, preparedHost, WORLD, WORLD_ADDRESS, withPackage } from './support/prepared.ts';
import { differences, INSTALL_FOLDERS, type Snapshot, snapshot } from './support/snapshot.ts';

const INSTALL = 'homeport host install --yes';
const UNINSTALL = 'homeport host uninstall --yes';
/** System calls that change the disk; each is one place to die. */
const CHANGES = 'rename,link,unlink,rmdir,symlink';
/** libuv makes three for each command that it runs. */
const COMMANDS = 'socketpair';
const PAIRS_PER_COMMAND = 3;
/** A fallback may have to take over first. */
const RESOLVES_WITHIN_MS = 10_000;

/** Which of these system calls change something, by number from 1, as strace's own record has them. */
async function changingCalls(
  host: TestHost,
  calls: string,
  command: string,
): Promise<readonly number[]> {
  await host.output(`strace -f --seccomp-bpf -e trace=${calls} -o /tmp/calls ${command}`);
  const record = await host.output("grep -E '^[0-9]+ +[a-z]+\\(' /tmp/calls");
  const lines = record.split('\n').map((line) => line.split(/ +/));
  // The program's main thread makes all of them, and the first.
  const own = lines.filter(([thread]) => thread === lines[0]?.[0]);
  // Before a file is written, what an earlier run left of it is removed: mostly nothing.
  return own.flatMap((words, index) => (words.includes('ENOENT') ? [] : [index + 1]));
}

/** Runs a command that is killed at its nth call; false: it came to its end. */
async function killAt(host: TestHost, calls: string, n: number, command: string): Promise<boolean> {
  const inject = `-e trace=${calls} -e inject=${calls}:signal=KILL:when=${n}`;
  const { code } = await host.run(`strace -f --seccomp-bpf -o /dev/null ${inject} ${command}`);
  return code !== 0;
}

const hosts: readonly { manager: Manager; last: number }[] = [
  { manager: 'plain', last: Number.POSITIVE_INFINITY },
  // What differs from the plain one comes last: systemd-resolved and the engine.
  { manager: 'nss-resolve', last: 14 },
];

for (const { manager, last } of hosts) {
  describe(`a kill at any step on ${manager}`, { skip: hostAvailable() ?? false }, () => {
    let host: TestHost;
    let beforeInstall: Snapshot;

    before(async () => {
      await buildImages();
      host = await preparedHost(manager);
      await withPackage(host);
      beforeInstall = await snapshot(host, INSTALL_FOLDERS);
    });
    after(() => host?.stop());

    const resolves = (what: string) =>
      until(
        RESOLVES_WITHIN_MS,
        `the world to resolve after ${what}`,
        async () => (await lookUp(host, WORLD)) === WORLD_ADDRESS,
      );

    const places = async (command: string): Promise<readonly (readonly [string, number])[]> => {
      const reverse = command === INSTALL ? UNINSTALL : INSTALL;
      const changes = await changingCalls(host, CHANGES, command);
      await host.output(reverse);
      const pairs = await changingCalls(host, COMMANDS, command);
      await host.output(reverse);
      const commands = pairs.filter((_, index) => index % PAIRS_PER_COMMAND === 0);
      const some = (numbers: readonly number[]) =>
        command === INSTALL ? numbers.slice(-last) : numbers.slice(0, last);
      return [
        ...some(changes).map((n) => [CHANGES, n] as const),
        ...some(commands).map((n) => [COMMANDS, n] as const),
      ];
    };

    it('of an install', async () => {
      for (const [index, [calls, n]] of (await places(INSTALL)).entries()) {
        const what = `a kill at ${calls} ${n}`;
        await killAt(host, calls, n, INSTALL);
        await resolves(what);
        if (index % 2 === 0) {
          await host.output(INSTALL);
          await resolves(`${what} and another install`);
          assert.equal((await host.run('homeport status')).code, 0, what);
        }
        await host.output(UNINSTALL);
        await resolves(`${what} and an uninstall`);
        assert.deepEqual(
          differences(beforeInstall, await snapshot(host, INSTALL_FOLDERS)),
          [],
          what,
        );
      }
    });

    it('of an uninstall', async () => {
      await host.output(INSTALL);
      for (const [calls, n] of await places(UNINSTALL)) {
        const what = `a kill at ${calls} ${n}`;
        await killAt(host, calls, n, UNINSTALL);
        await resolves(what);
        await host.output(UNINSTALL);
        await resolves(`${what} and another uninstall`);
        assert.deepEqual(
          differences(beforeInstall, await snapshot(host, INSTALL_FOLDERS)),
          [],
          what,
        );
        await host.output(INSTALL);
      }
      await host.output(UNINSTALL);
    });
  });
}
