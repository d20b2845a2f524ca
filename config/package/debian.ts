/** Builds the Debian package: the single executable, its units, configuration, manual and completions. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { UNIT_NAMES } from '../../src/host/plan/change.ts';
import { commandTree } from './command-tree.ts';
import { bashCompletion, fishCompletion, zshCompletion } from './completions.ts';
import { nativeModule } from './executable.ts';
import { manPage } from './man-page.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Builds the package.
 *
 * @param executable as `buildExecutable` has made it
 * @param out the folder that gets the .deb
 * @returns the path of the package
 */
export async function buildDebian(
  executable: string,
  version: string,
  out: string,
): Promise<string> {
  const tree = join(out, 'deb');
  rmSync(tree, { recursive: true, force: true });
  const put = (path: string, content: string | Buffer, mode = 0o644): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true, mode: 0o755 });
    writeFileSync(join(tree, path), content);
    chmodSync(join(tree, path), mode);
  };
  const debian = (name: string): string =>
    readFileSync(join(ROOT, 'config/package/debian', name), 'utf8');
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  cpSync(executable, join(tree, 'usr/bin/homeport'));
  symlinkSync('homeport', join(tree, 'usr/bin/resolve'));
  const native = createRequire(join(ROOT, 'package.json')).resolve(nativeModule());
  put('usr/lib/homeport/koffi.node', readFileSync(native));
  for (const unit of UNIT_NAMES)
    put(`lib/systemd/system/${unit}`, readFileSync(join(ROOT, 'systemd', unit)));
  put('etc/homeport.yaml', debian('homeport.yaml'));
  const commands = await commandTree();
  put('usr/share/man/man8/homeport.8.gz', compressed(manPage(commands, version)));
  put('usr/share/bash-completion/completions/homeport', bashCompletion(commands));
  put('usr/share/zsh/vendor-completions/_homeport', zshCompletion(commands));
  put('usr/share/fish/vendor_completions.d/homeport.fish', fishCompletion(commands));
  put('usr/share/doc/homeport/copyright', copyright());
  put('usr/share/doc/homeport/changelog.gz', compressed(changelog(version)));
  put(
    'usr/share/doc/homeport/examples/homeport.yaml',
    readFileSync(join(ROOT, 'config/homeport.yaml')),
  );
  put('DEBIAN/conffiles', '/etc/homeport.yaml\n');
  for (const script of ['postinst', 'prerm', 'postrm'])
    put(`DEBIAN/${script}`, debian(script), 0o755);
  put('DEBIAN/control', control(version, installedKilobytes(tree)));
  const file = join(out, `homeport_${version}_${architecture()}.deb`);
  // The executable is large; level 1 takes seconds and stays within a tenth of the best.
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', tree, file], {
    stdio: 'pipe',
  });
  rmSync(tree, { recursive: true });
  return file;
}

function architecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}

function control(version: string, kilobytes: number): string {
  return `Package: homeport
Version: ${version}
Architecture: ${architecture()}
Maintainer: homeport's maintainers <root@localhost>
Section: net
Priority: optional
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, iproute2
Recommends: docker.io | docker-ce, systemd (>= 245)
Description: plain service names of containers for a CI host
 The DNS server of a host that runs containers: it watches the Docker engine,
 answers plain service names with the containers' addresses, forwards everything
 else, and proves that the host resolves names as production does.
 .
 Installing it changes nothing about the host's resolver; "homeport host install"
 does, and removing the package undoes that.
`;
}

function installedKilobytes(tree: string): number {
  return Number(execFileSync('du', ['-sk', tree], { encoding: 'utf8' }).split('\t')[0]);
}

function copyright(): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: homeport

Files: *
Copyright: homeport's maintainers
License: MIT
Comment: The executable contains Node.js and the npm packages of package.json, each under its own licence.
`;
}

function changelog(version: string): string {
  return `homeport (${version}) unstable; urgency=medium

  * See the history of the repository.

 -- homeport's maintainers <root@localhost>  Thu, 01 Jan 1970 00:00:00 +0000
`;
}

/** Without a time inside, so that one source gives one package. */
function compressed(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}
