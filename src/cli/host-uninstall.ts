/** `homeport host uninstall`. */
import { HomeportError } from '../errors.ts';
import { readManifest } from '../host/apply/manifest.ts';
import { uninstall } from '../host/apply/undo.ts';
import { collectEngine } from '../host/collect/engine.ts';
import { thisMachine } from '../host/machine.ts';
import { restartOf } from '../host/plan/engine.ts';
import { EXIT } from './exit-code.ts';
import { type ConsentFlags, consents, mayRestartEngine } from './host-consent.ts';
import { alone } from './host-lock.ts';
import { printable, type Terminal } from './terminal.ts';

export type UninstallFlags = ConsentFlags & { readonly json?: boolean };

/** Undoes the install; exit code 0 where nothing of homeport is left, 1 where something could not be undone. */
export async function hostUninstall(flags: UninstallFlags, terminal: Terminal): Promise<number> {
  const machine = thisMachine();
  const isJson = flags.json === true;
  const manifest = readManifest(machine);
  if (manifest === null) {
    if (isJson) terminal.out(`${JSON.stringify({ hasChanged: false, remarks: [] })}\n`);
    else terminal.out('homeport is not installed on this host; nothing to undo\n');
    return EXIT.OK;
  }
  if (process.getuid?.() !== 0) {
    throw new HomeportError('HOST_REFUSED', 'only root may change the host; run it with sudo');
  }
  const engine = await collectEngine(machine);
  const restart = engine === null ? null : restartOf(engine);
  if (!(await consents('Take homeport away from this host?', flags, terminal))) {
    terminal.err('nothing was changed\n');
    return EXIT.FAILED;
  }
  const result = await alone(() =>
    uninstall({
      machine,
      isRealHost: true,
      mayRestartEngine: mayRestartEngine(flags, restart),
      onProgress: (line) => {
        if (!isJson) terminal.out(`${printable(line)}\n`);
      },
    }),
  );
  const isDone = readManifest(machine) === null;
  if (isJson) terminal.out(`${JSON.stringify({ ...result, isDone }, null, 2)}\n`);
  else {
    for (const remark of result.remarks) {
      terminal.err(`${terminal.errorPaint.yellow('note')} ${printable(remark)}\n`);
    }
    terminal.out(
      isDone
        ? `${terminal.paint.green('ok')} the host is as it was\n`
        : 'not everything could be undone; run it again\n',
    );
  }
  return isDone ? EXIT.OK : EXIT.FAILED;
}
