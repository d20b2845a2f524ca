/** nscd's cache of host names: it keeps a name's absence for 20 s whatever its TTL says. Pure. */
import type { Action, Change } from './change.ts';

export const NSCD_FILE = '/etc/nscd.conf';
const SETTING = /^([ \t]*enable-cache[ \t]+hosts[ \t]+)(\w+)/m;

/** Whether nscd.conf(5) lets nscd keep host names; the default is not to. */
export function cachesHosts(conf: string): boolean {
  return SETTING.exec(conf)?.[2] === 'yes';
}

/** The change that ends it. */
export function nscdChange(conf: string): Change {
  const restart: Action = { kind: 'run', argv: ['systemctl', 'restart', 'nscd.service'] };
  return {
    id: 'nscd',
    why: 'nscd answers for a container that is gone, and denies one that has just come, for up to 20 s',
    folders: [],
    files: [
      {
        path: NSCD_FILE,
        text: conf.replace(SETTING, '$1no'),
        mode: 0o644,
        format: 'lines',
        madeFrom: conf,
      },
    ],
    activate: [restart],
    deactivate: [],
    settle: [restart],
  };
}
