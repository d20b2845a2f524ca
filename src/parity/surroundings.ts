/** What decides a look-up on one machine or in one container before any DNS server is asked. Plain data. */

/** A file as it was found, with the path that findings name. */
export interface SourceFile {
  readonly path: string;
  /** undefined where there is none */
  readonly text: string | undefined;
}

/** The variables that stub resolvers read; no other is ever collected. */
export const RESOLVER_VARIABLES = ['LOCALDOMAIN', 'RES_OPTIONS', 'HOSTALIASES'] as const;

/** The files, the host name and the environment that a stub resolver goes by. */
export interface Surroundings {
  readonly resolvConf: SourceFile;
  readonly nsswitch: SourceFile;
  readonly hosts: SourceFile;
  readonly hostConf: SourceFile;
  /** as gethostname(2) gives it, its domain included; empty where it is not known */
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string>>;
  /** the file that HOSTALIASES names */
  readonly aliases: SourceFile | undefined;
  /** NSS modules of the hosts line that are installed, `files` and `dns` left out */
  readonly nssModules: readonly string[];
}

/** What could not be read or judged, and so was not checked. */
export interface Problem {
  /** a file, a container, an engine: what a reader would look for */
  readonly thing: string;
  /** continues the sentence: `is a symbolic link to a file that does not exist` */
  readonly why: string;
}

/** One line for a problem. */
export function problemLine({ thing, why }: Problem): string {
  return `${thing} ${why}`;
}
