/** The server: builds the parts, starts them in order, reloads them, stops them in reverse. */
import type { Config } from '../config/config.ts';
import { type Environment, variable } from '../config/environment.ts';
import { type LoadOptions, type LoadResult, loadConfig } from '../config/load.ts';
import { printProblem } from '../config/problem.ts';
import { ownersOfRecords } from '../config/records.ts';
import { type ConfigWatch, watchConfig } from '../config/watch.ts';
import type { ReloadReport } from '../control/reports.ts';
import { type ControlServer, startControlServer } from '../control/server.ts';
import { messageOf } from '../errors.ts';
import { thisMachine } from '../host/machine.ts';
import { openKernel } from '../listen/native/kernel.ts';
import type { Logger } from '../log.ts';
import { UpstreamStreams } from '../upstream/stream.ts';
import { VERSION } from '../version.ts';
import { Answering, type TransportKind } from './answering.ts';
import { CacheFlusher } from './cache-flusher.ts';
import { Reports } from './control-source.ts';
import { Engines } from './engines.ts';
import { serverSide } from './homeport-side.ts';
import { Leasing } from './leasing.ts';
import { Listeners } from './listeners.ts';
import type { FromAnswering, ToAnswering } from './messages.ts';
import { Naming } from './naming.ts';
import { ParityChecker } from './parity-checker.ts';
import { ParityWatch } from './parity-watch.ts';
import { type PassedSocket, passedSockets, withPassed } from './passed-sockets.ts';
import { stepBack } from './precedence.ts';
import { RateLimit } from './rate-limit.ts';
import { ServiceManager } from './service-manager.ts';
import { settingsOfConfig } from './settings-of-config.ts';
import { UpstreamWatch } from './upstream-watch.ts';

/** What the server is started with. */
export interface ServeOptions {
  readonly config: Config;
  /** How the configuration was loaded, to load it again. */
  readonly loadOptions: LoadOptions;
  /** The first result: what the file holds since then counts as a change. */
  readonly loaded: LoadResult;
  readonly log: Logger;
  /** For systemd's variables: NOTIFY_SOCKET, WATCHDOG_USEC. */
  readonly env: Environment;
}

/** How long the first look at the engines may take before names are answered without them. */
const FIRST_SYNC_MS = 5_000;
/** Leaks and refusals of one name are logged each, up to this many a minute. */
const LOGGED_PER_MINUTE = 5;

/**
 * Serves until SIGTERM or SIGINT, or until an answering thread dies. SIGHUP reloads.
 *
 * @returns the exit code: 0 stopped, 1 failed
 * @throws HomeportError BIND_FAILED and others where it cannot start
 */
export async function runServer(options: ServeOptions): Promise<number> {
  const server = new Server(options);
  const stop = () => server.stop();
  const reload = () => void server.reload();
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', reload);
  try {
    await server.start();
    return await server.ended;
  } finally {
    await server.close();
    process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', reload);
  }
}

class Server {
  readonly ended: Promise<number>;
  readonly #options: ServeOptions;
  readonly #log: Logger;
  readonly #transport: TransportKind;
  readonly #threads: readonly Answering[];
  readonly #naming: Naming;
  readonly #leasing: Leasing;
  readonly #flusher: CacheFlusher;
  readonly #engines: Engines;
  readonly #listeners: Listeners;
  readonly #passed: readonly PassedSocket[];
  readonly #upstreams: UpstreamWatch;
  readonly #streams = new UpstreamStreams();
  readonly #reports: Reports;
  readonly #parity: ParityWatch;
  readonly #checker = new ParityChecker();
  readonly #manager: ServiceManager;
  readonly #limit = new RateLimit(LOGGED_PER_MINUTE, 60_000);
  readonly #stopping = new AbortController();
  #end: (code: number) => void = () => undefined;
  #config: Config;
  #configProblems: readonly string[] = [];
  #control: ControlServer | undefined;
  #watch: ConfigWatch | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#log = options.log.child({ room: 'daemon' });
    this.#config = options.config;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#manager = new ServiceManager(
      { notifySocket: options.env.NOTIFY_SOCKET, watchdogUsec: options.env.WATCHDOG_USEC },
      this.#log,
    );
    this.#transport = this.#chooseTransport();
    this.#threads = Array.from({ length: options.config.threads }, () => this.#startThread());
    stepBack();
    const post = (message: ToAnswering) => this.#post(message);
    this.#naming = new Naming({
      departedForMs: options.config.expected.departedForMs,
      state: options.config.state,
      log: options.log.child({ room: 'names' }),
      post,
      changed: (delta, sealed) => {
        this.#reports.changed(delta, sealed);
        this.#flusher.changed(delta);
        this.#parity.touch();
        if (delta.networks === null) return;
        const gateways = delta.networks.filter(({ tellsWhoAsks }) => tellsWhoAsks);
        this.#listeners.setGateways(gateways.flatMap((network) => network.gateways));
      },
    });
    this.#flusher = new CacheFlusher({
      caches: options.config.flush,
      machine: thisMachine(),
      log: options.log.child({ room: 'host' }),
      requestFile: variable(options.env, 'HOMEPORT_FLUSH_REQUEST'),
    });
    this.#leasing = new Leasing({
      state: options.config.state,
      log: options.log.child({ room: 'names' }),
      apply: (change) => this.#naming.apply('', change),
    });
    this.#passed = passedSockets(options.env);
    this.#listeners = new Listeners(
      this.#threads,
      options.log.child({ room: 'listen' }),
      () => {
        this.#upstreams.choose();
        this.#parity.touch();
      },
      this.#passed,
    );
    this.#upstreams = new UpstreamWatch({
      log: options.log.child({ room: 'upstream' }),
      isOurs: (address, port) => this.#listeners.isOurs(address, port),
      changed: (groups) => post({ kind: 'upstreams', groups }),
    });
    this.#engines = new Engines({
      naming: this.#naming,
      log: options.log,
      post,
      changed: () => {
        for (const status of this.#engines.statuses) this.#reports.engineChanged(status);
        this.#parity.touch();
      },
    });
    this.#reports = new Reports({
      version: VERSION,
      startedAtMs: Date.now(),
      transport: this.#transport,
      naming: this.#naming,
      leasing: this.#leasing,
      threads: this.#threads,
      config: () => this.#config,
      configProblems: () => this.#configProblems,
      endpoints: () => this.#listeners.endpoints,
      listenProblems: () => this.#listeners.problems,
      engines: () => this.#engines.statuses,
      upstreams: () => this.#upstreams.groups,
      parity: () => this.#parity.report,
      reload: () => this.reload(),
    });
    this.#parity = new ParityWatch({
      log: options.log.child({ room: 'parity' }),
      check: () => {
        const listen = this.#listeners.endpoints;
        const side = serverSide(this.#reports.names(), { listen }, this.#config);
        return this.#checker.check(this.#config, side);
      },
      changed: (report) => this.#reports.parityChanged(report),
    });
  }

  #chooseTransport(): TransportKind {
    const { transport } = this.#options.config;
    if (transport === 'dgram') return 'dgram';
    try {
      openKernel();
      return 'batch';
    } catch (error) {
      if (transport === 'batch') throw error;
      this.#log.info(
        { reason: messageOf(error) },
        'batched system calls do not work here; node:dgram serves',
      );
      return 'dgram';
    }
  }

  #startThread(): Answering {
    const { config } = this.#options;
    return new Answering(
      {
        transport: this.#transport,
        settings: settingsOfConfig(config),
        isShared: config.threads > 1,
      },
      {
        refresh: () => this.#engines.refresh(),
        askStream: (server, message, done) => this.#streams.ask(server, message, done),
        told: (message) => this.#told(message),
        died: (reason) => {
          this.#log.error({ reason }, 'the answering thread ended');
          this.#end(1);
        },
      },
    );
  }

  #post(message: ToAnswering): void {
    for (const thread of this.#threads) thread.post(message);
  }

  stop(): void {
    this.#stopping.abort();
    this.#end(0);
  }

  async start(): Promise<void> {
    const { config } = this.#options;
    this.#post(configureMessage(config));
    await this.#naming.restore();
    this.#naming.setStatics(ownersOfRecords(config));
    await this.#leasing.restore();
    await this.#engines.configure(config.engines);
    // Nobody is answered before the containers are known: a name that one owns would go to production.
    await this.#engines.firstSync(FIRST_SYNC_MS, this.#stopping.signal);
    await this.#upstreams.configure(config.upstreams, config.resolvConf);
    await this.#listeners.configure(withPassed(config.listen, this.#passed));
    this.#control = await startControlServer(
      config.control,
      this.#reports,
      this.#options.log.child({ room: 'control' }),
    );
    await this.#watchConfig();
    this.#watchAnswers();
    const { endpoints } = this.#listeners;
    this.#log.info(
      {
        listen: endpoints.map(({ address, port }) => `${address}:${port}`),
        transport: this.#transport,
        control: config.control,
      },
      'ready',
    );
    this.#manager.ready(
      `answering on ${endpoints.map(({ address, port }) => `${address}:${port}`).join(', ')}`,
    );
    this.#watchParity();
  }

  async #watchConfig(): Promise<void> {
    const { loadOptions, loaded, config } = this.#options;
    if (config.file === null) return;
    this.#watch = watchConfig(config.file, loadOptions, loaded, {
      onChange: (result) => void this.#serially(() => this.#take(result)),
      onTrouble: (reason) =>
        this.#log.warn(
          { reason },
          'changes of the configuration file are not seen; SIGHUP reloads it',
        ),
    });
    await this.#watch.ready;
  }

  #watchParity(): void {
    const { parity, resolvConf } = this.#config;
    this.#parity.configure({ production: parity.production, resolvConf });
  }

  /** systemd hears that the service lives only after each answering thread has said so itself. */
  #watchAnswers(): void {
    const { watchdogMs } = this.#manager;
    if (watchdogMs === null) return;
    let isAsking = false;
    this.#watchdog = setInterval(() => {
      if (isAsking) return;
      isAsking = true;
      Promise.all(this.#threads.map((thread) => thread.report()))
        .then(() => this.#manager.alive())
        .catch((err: unknown) => this.#log.error({ err }, 'the answering thread does not report'))
        .finally(() => {
          isAsking = false;
        });
    }, watchdogMs / 3);
  }

  /** Loads the configuration, resolv.conf and the interfaces again. One reload after the other. */
  reload(): Promise<ReloadReport> {
    return this.#serially(async () => {
      const result = this.#watch?.reload() ?? loadConfig(this.#options.loadOptions);
      const report = await this.#take(result);
      await this.#upstreams.reread();
      await this.#listeners.refresh();
      return report;
    });
  }

  #serially<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#reloading.then(action);
    this.#reloading = done.catch((err: unknown) => this.#log.error({ err }, 'reload failed'));
    return done;
  }

  /** Takes a configuration as a whole, or none of it: what cannot be had leaves the old one serving. */
  async #take(result: LoadResult): Promise<ReloadReport> {
    const report = await this.#apply(result);
    this.#configProblems = report.problems;
    if (report.isReloaded) this.#log.info('configuration reloaded');
    else
      this.#log.error(
        { problems: report.problems },
        'the configuration is wrong; the old one serves on',
      );
    this.#reports.reloaded(report);
    return report;
  }

  async #apply(result: LoadResult): Promise<ReloadReport> {
    if ('problems' in result)
      return { isReloaded: false, problems: result.problems.map(printProblem) };
    const { config } = result;
    try {
      // First what can fail: sockets, then certificates.
      await this.#listeners.configure(withPassed(config.listen, this.#passed));
      await this.#engines.configure(config.engines);
    } catch (error) {
      await this.#listeners.configure(withPassed(this.#config.listen, this.#passed));
      return { isReloaded: false, problems: [messageOf(error)] };
    }
    this.#sayWhatNeedsRestart(config);
    this.#config = config;
    this.#options.log.level = config.log.level;
    this.#post(configureMessage(config));
    this.#flusher.configure(config.flush);
    this.#naming.setDepartedFor(config.expected.departedForMs);
    this.#naming.setStatics(ownersOfRecords(config));
    await this.#upstreams.configure(config.upstreams, config.resolvConf);
    this.#watchParity();
    return { isReloaded: true, problems: [] };
  }

  #sayWhatNeedsRestart(config: Config): void {
    for (const key of ['threads', 'transport', 'control', 'state'] as const) {
      if (config[key] === this.#config[key]) continue;
      this.#log.warn({ key, value: config[key] }, 'takes effect at the next start');
    }
  }

  /** What the answering side has to say to operators. */
  #told(message: FromAnswering): void {
    switch (message.kind) {
      case 'leaked':
        if (!this.#limit.allows(`leak ${message.name}`)) break;
        this.#log.warn({ name: message.name, client: message.client }, 'leak: asked of production');
        break;
      case 'refused':
        if (!this.#limit.allows(`refused ${message.name}`)) break;
        this.#log.warn(
          { name: message.name, client: message.client, reason: message.reason },
          'refused',
        );
        break;
      case 'answered':
        this.#log.info(message.line, 'answered');
        break;
      case 'failed':
        this.#log.error(
          { err: { message: message.message, stack: message.stack } },
          'a query failed',
        );
        break;
      case 'upstreamChanged': {
        const { server, isUp, reason } = message;
        this.#reports.upstreamChanged(server, isUp);
        const fields = { upstream: `${server.address}:${server.port}`, reason };
        if (isUp) this.#log.info(fields, 'upstream is up');
        else this.#log.warn(fields, 'upstream is down');
        break;
      }
      default:
        break;
    }
  }

  async close(): Promise<void> {
    this.#manager.stopping();
    clearInterval(this.#watchdog);
    await this.#watch?.close();
    await this.#control?.close();
    this.#parity.close();
    await this.#checker.close();
    await this.#listeners.close();
    await this.#engines.close();
    await this.#upstreams.close();
    await this.#leasing.close();
    await this.#naming.close();
    await this.#flusher.close();
    this.#streams.close();
    await Promise.all(this.#threads.map((thread) => thread.close()));
    this.#manager.close();
    this.#log.info('stopped');
  }
}

function configureMessage(config: Config): ToAnswering {
  return { kind: 'configure', settings: settingsOfConfig(config), logsQueries: config.log.queries };
}
