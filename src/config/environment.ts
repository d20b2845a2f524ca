/** What the process's surroundings decide: default paths, and variables that stand in for keys and flags. */
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is set to something. */
export function variable(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}

const ROOT_CONTROL = '/run/homeport/control.sock';

/** Where the server's control socket is when nobody says. */
export function defaultControl(env: Environment): string {
  const own = systemdDirectory(env, 'RUNTIME_DIRECTORY');
  if (own !== undefined) return join(own, 'control.sock');
  return ownControl(env);
}

/** Where a command looks for the control socket when nobody says: this user's server, then the host's. */
export function controlCandidates(env: Environment): readonly string[] {
  return [...new Set([ownControl(env), ROOT_CONTROL])];
}

function ownControl(env: Environment): string {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return ROOT_CONTROL;
  const runtime = absolute(variable(env, 'XDG_RUNTIME_DIR'));
  return runtime === undefined
    ? join(tmpdir(), `homeport-${uid}`, 'control.sock')
    : join(runtime, 'homeport', 'control.sock');
}

/** The directory for what survives a restart when nobody says. */
export function defaultState(env: Environment): string {
  const own = systemdDirectory(env, 'STATE_DIRECTORY');
  if (own !== undefined) return own;
  const base = absolute(variable(env, 'XDG_STATE_HOME')) ?? join(homeOf(env), '.local', 'state');
  return join(base, 'homeport');
}

/** systemd.exec(5): several directories are separated by colons. */
function systemdDirectory(env: Environment, name: string): string | undefined {
  return absolute(variable(env, name)?.split(':')[0]);
}

/** XDG Base Directory Specification: a relative path is to be ignored. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

export function homeOf(env: Environment): string {
  return absolute(variable(env, 'HOME')) ?? homedir();
}

/** An engine as the docker command finds it, in the form of the configuration file. */
export function engineOfEnvironment(env: Environment): Record<string, unknown> | undefined {
  const url = variable(env, 'DOCKER_HOST');
  if (url === undefined) return undefined;
  const usesTls = url.startsWith('tcp://') && variable(env, 'DOCKER_TLS_VERIFY') !== undefined;
  if (!usesTls) return { name: 'local', url };
  const folder = variable(env, 'DOCKER_CERT_PATH') ?? join(homeOf(env), '.docker');
  const tls = {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'cert.pem'),
    key: join(folder, 'key.pem'),
  };
  return { name: 'local', url, tls };
}
