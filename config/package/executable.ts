/**
 * Builds the single executable: Node itself with homeport inside (Node's SEA). What a program on a disk
 * finds beside itself goes in as assets: the answering thread's program, the unit files, koffi's native module.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { UNIT_NAMES } from '../../src/host/plan/change.ts';
import { embedBlob } from './embed-blob.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const REPLACEMENTS = join(ROOT, 'config/package/executable');
/** Packages that try to require others (protobufjs its `long`) must fail as on a disk, without Node's warning. */
const REQUIRE = `{
  const builtin = require;
  require = (id) => {
    if (builtin('node:module').isBuiltin(id)) return builtin(id);
    throw Object.assign(new Error('there is no package ' + id), { code: 'MODULE_NOT_FOUND' });
  };
}`;

/**
 * Builds it for this machine's architecture and C library.
 *
 * @param folder for intermediate files
 * @returns the path of the executable
 */
export async function buildExecutable(folder: string): Promise<string> {
  const main = join(folder, 'homeport.cjs');
  const native = createRequire(join(ROOT, 'package.json')).resolve(nativeModule());
  await build({
    ...common,
    entryPoints: [join(ROOT, 'config/package/executable/main.ts')],
    format: 'cjs',
    outfile: main,
    // The file's own address is the executable's; nothing is looked up beside it.
    define: { 'import.meta.url': 'homeportExecutableUrl' },
    banner: {
      js: `const homeportExecutableUrl = require('node:url').pathToFileURL(process.execPath).href;
${REQUIRE}`,
    },
  });
  const assets: Record<string, string> = { 'koffi.node': native };
  for (const name of threadNames()) {
    const thread = join(folder, `${name}.mjs`);
    await build({
      ...common,
      entryPoints: [join(ROOT, 'src/daemon', `${name}.ts`)],
      format: 'esm',
      outfile: thread,
      banner: {
        js: "import { createRequire as homeportRequire } from 'node:module'; const require = homeportRequire(process.execPath);",
      },
    });
    assets[name] = thread;
  }
  for (const unit of UNIT_NAMES) assets[`systemd/${unit}`] = join(ROOT, 'systemd', unit);
  return makeExecutable(folder, main, assets);
}

/** Programs of threads, which `startThread` names. */
function threadNames(): readonly string[] {
  return readdirSync(join(ROOT, 'src/daemon'))
    .filter((file) => file.endsWith('-thread.ts'))
    .map((file) => file.replace(/\.ts$/, ''));
}

function makeExecutable(
  folder: string,
  main: string,
  assets: Readonly<Record<string, string>>,
): string {
  const blob = join(folder, 'homeport.blob');
  const config = join(folder, 'sea-config.json');
  writeFileSync(
    config,
    JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true, assets }),
  );
  execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: 'pipe' });
  const executable = join(folder, 'homeport');
  copyFileSync(process.execPath, executable);
  chmodSync(executable, 0o755);
  try {
    // 10 MB of symbols that nobody reads.
    execFileSync('strip', ['--strip-unneeded', executable], { stdio: 'pipe' });
  } catch {
    // Without binutils it is only larger.
  }
  writeFileSync(executable, embedBlob(readFileSync(executable), readFileSync(blob)));
  return executable;
}

/** koffi's native module, as the registry has it for this machine. */
export function nativeModule(): string {
  const platform = `linux_${process.arch}`;
  return `@koromix/koffi-linux-${process.arch}/${platform}/koffi.node`;
}

const plugin: Plugin = {
  name: 'executable',
  setup({ onLoad, onResolve }) {
    // Both find files beside themselves, which a single executable has not.
    onLoad({ filter: /\/src\/listen\/(start-thread|native\/load-koffi)\.ts$/ }, ({ path }) => ({
      contents: readFileSync(join(REPLACEMENTS, basename(path)), 'utf8'),
      loader: 'ts',
      resolveDir: REPLACEMENTS,
    }));
    // Optional native parts of ssh2 (dockerode over ssh): it does without.
    onResolve({ filter: /\.node$|^cpu-features$/ }, ({ path }) => ({ path, namespace: 'absent' }));
    // Other platforms' koffi.
    onResolve({ filter: /^@koromix\// }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not part of this executable`)});`,
    }));
  },
};

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'error',
  plugins: [plugin],
};
