/** `homeport host install`. */
import { HomeportError } from '../errors.ts';
import { install } from '../host/apply/install.ts';
import { VERSION } from '../version.ts';
import { EXIT } from './exit-code.ts';
import { type ConsentFlags, consents, mayRestartEngine } from './host-consent.ts';
import { hostContext, type PlanFlags } from './host-context.ts';
import { alone } from './host-lock.ts';
import { planJson, planText } from './host-plan.ts';
import { printable, type Terminal } from './terminal.ts';

export type InstallFlags = PlanFlags & ConsentFlags;

/** Installs what the plan says; exit code 0 where homeport is the host's resolver now, 1 where nothing was changed. */
export async function hostInstall(flags: InstallFlags, terminal: Terminal): Promise<number> {
  const context = await hostContext(flags);
  const { plan, situation, settings, machine } = context;
  if (plan.refusals.length > 0) {
    throw new HomeportError(
      'HOST_REFUSED',
      plan.refusals.map(({ reason, wayOut }) => `${reason}; ${wayOut}`).join('\n'),
    );
  }
  const isJson = flags.json === true;
  if (!isJson && flags.yes !== true) terminal.out(`${planText(context, terminal, false)}\n`);
  if (!(await consents('Change this host so?', flags, terminal))) {
    terminal.err('nothing was changed\n');
    return EXIT.FAILED;
  }
  const result = await alone(() =>
    install(
      plan,
      { situation, settings, version: VERSION },
      {
        machine,
        isRealHost: true,
        mayRestartEngine: mayRestartEngine(flags, plan.engineRestart),
        onProgress: (line) => {
          if (!isJson) terminal.out(`${printable(line)}\n`);
        },
      },
    ),
  );
  if (isJson) terminal.out(`${JSON.stringify({ ...planJson(context), ...result }, null, 2)}\n`);
  else {
    for (const note of [...plan.notes, ...result.remarks]) {
      terminal.err(`${terminal.errorPaint.yellow('note')} ${printable(note)}\n`);
    }
    terminal.out(
      result.hasChanged
        ? `${terminal.paint.green('ok')} homeport is this host's resolver; \`homeport host verify\` proves it\n`
        : `${terminal.paint.green('ok')} everything is as planned already\n`,
    );
  }
  return EXIT.OK;
}
