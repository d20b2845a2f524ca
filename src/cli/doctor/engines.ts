/** Whether each engine answers now, and whether homeport hears it. */
import type { EngineConfig } from '../../config/config.ts';
import { engineAddress } from '../../daemon/engine-address.ts';
import { engineUrlText } from '../../daemon/engines.ts';
import { archiveAt } from '../../docker/archive.ts';
import { messageOf } from '../../errors.ts';
import { type Diagnosis, fine, note, problem } from './diagnosis.ts';
import { living, type Patient } from './patient.ts';

const ABOUT = 'engine';
const TIMEOUT_MS = 5_000;

export async function diagnoseEngines(patient: Patient): Promise<readonly Diagnosis[]> {
  const { engines } = patient.config;
  if (engines.length === 0) return [note(ABOUT, 'none is configured (engines: [])')];
  return await Promise.all(engines.map((engine) => diagnoseEngine(engine, patient)));
}

async function diagnoseEngine(engine: EngineConfig, patient: Patient): Promise<Diagnosis> {
  const asked = await versionOf(engine);
  if ('reason' in asked) return problem(ABOUT, asked.reason, mendOf(engine, asked.reason));
  const title = `${engine.name} answers, version ${asked.version}`;
  const known = living(patient)?.status.engines.find(({ name }) => name === engine.name);
  if (known === undefined) return fine(ABOUT, title);
  if (known.state === 'connected') {
    return fine(ABOUT, `${title}, ${known.containers} containers are known`);
  }
  const why = known.reason === null ? '' : `: ${known.reason}`;
  const text = `${title}, but homeport is ${known.state}${why}; its names are what they last were`;
  return problem(ABOUT, text, 'systemctl restart homeport');
}

async function versionOf(
  engine: EngineConfig,
): Promise<{ readonly version: string } | { readonly reason: string }> {
  try {
    const archive = archiveAt(engine.name, await engineAddress(engine));
    try {
      const late = new Promise<never>((_, reject) =>
        setTimeout(
          () => reject(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`)),
          TIMEOUT_MS,
        ).unref(),
      );
      const version = await Promise.race([archive.version(AbortSignal.timeout(TIMEOUT_MS)), late]);
      return { version };
    } finally {
      archive.close();
    }
  } catch (error) {
    const text = messageOf(error);
    const hasName = text.includes(engine.name) || text.includes(engineUrlText(engine.url));
    return { reason: hasName ? text : `engine ${engine.name}: ${text}` };
  }
}

function mendOf({ url }: EngineConfig, reason: string): string {
  if (/permission|EACCES|EPERM/i.test(reason)) return 'sudo homeport doctor';
  if (url.kind === 'unix') return 'systemctl restart docker; journalctl -u docker -n 30';
  return `docker -H ${engineUrlText(url)} version`;
}
