/** Does the server answer, and does it serve what its file says? */
import { printProblem } from '../../config/problem.ts';
import { HomeportError } from '../../errors.ts';
import { type Diagnosis, fine, problem } from './diagnosis.ts';
import type { Patient } from './patient.ts';

const ABOUT = 'server';

export function diagnoseServer(patient: Patient): readonly Diagnosis[] {
  return [...answering(patient), ...configuration(patient)];
}

function answering({ server, situation, configFile }: Patient): readonly Diagnosis[] {
  if (!(server instanceof HomeportError)) {
    const { version, pid, startedAt } = server.status;
    return [fine(ABOUT, `homeport ${version} answers, process ${pid}, since ${startedAt}`)];
  }
  // What the message says after the semicolon is the way out for other commands.
  const [text = ''] = server.message.split('; ');
  if (/may not use/.test(text)) return [problem(ABOUT, text, 'sudo homeport doctor')];
  const hasUnit = situation.units.packagedIn !== null;
  const file = configFile === null ? '' : ` --config ${configFile}`;
  const mend = hasUnit
    ? 'systemctl restart homeport.socket homeport.service; journalctl -u homeport -n 30'
    : `homeport serve${file}`;
  return [problem(ABOUT, text, mend)];
}

function configuration({ server, configFile, configProblems }: Patient): readonly Diagnosis[] {
  const about = 'configuration';
  const check = (file: string | null) => `homeport config check ${file ?? ''}`.trim();
  const own = configProblems.map((each) => problem(about, printProblem(each), check(configFile)));
  if (server instanceof HomeportError) {
    return own.length > 0 ? own : [fine(about, configFile ?? 'no file: the defaults')];
  }
  const { status } = server;
  const served = status.configProblems.map((line) =>
    problem(about, `not taken over, the former one serves: ${line}`, check(status.configFile)),
  );
  if (served.length > 0) return served;
  return own.length > 0 ? own : [fine(about, status.configFile ?? 'no file: defaults and flags')];
}
