/** Carries out the commands of a change. */
import { HomeportError } from '../../errors.ts';
import type { Machine } from '../machine.ts';
import type { Action } from '../plan/change.ts';
import { answersSoon } from '../verify/ask.ts';
import { restartEngine } from './engine-restart.ts';
import type { Run } from './run.ts';

/**
 * Runs one action.
 *
 * @throws HomeportError HOST_REFUSED where it fails and must not
 */
export async function perform(run: Run, action: Action): Promise<void> {
  if (action.kind === 'run') return command(run.machine, action);
  if (action.kind === 'restart-engine') return restartEngine(run, action.direction);
  if (!run.isRealHost) return;
  if (await answersSoon(action.address, action.timeoutMs)) return;
  throw new HomeportError(
    'HOST_REFUSED',
    `homeport does not answer at ${action.address}:53 after ${action.timeoutMs / 1000} s; see journalctl -u homeport`,
  );
}

async function command(
  machine: Machine,
  { argv, mayFail }: Extract<Action, { kind: 'run' }>,
): Promise<void> {
  const { code, stderr } = await machine.run(argv);
  if (code === 0 || mayFail === true) return;
  const why = stderr.trim().split('\n')[0] ?? '';
  throw new HomeportError(
    'HOST_REFUSED',
    `${argv.join(' ')} failed${why === '' ? '' : `: ${why}`}${code === null && why === '' ? ': no answer in time' : ''}`,
  );
}
