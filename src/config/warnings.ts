/** What is allowed but seldom meant. */
import type { Config } from './config.ts';
import type { PathFault } from './issues.ts';
import type { Written } from './written.ts';

/** What to tell the author of a configuration that is right in form and sense. */
export function warningsOf(written: Written, config: Config): readonly PathFault[] {
  return [...openWarnings(written), ...engineWarnings(config), ...expiredWarnings(config)];
}

function openWarnings({ allow = [] }: Written): PathFault[] {
  return allow.flatMap((word, index) =>
    /^(0\.0\.0\.0|::)\/0$/.test(word)
      ? [
          {
            path: ['allow', index],
            of: 'value' as const,
            fault: {
              message: 'lets everybody ask, also to flood others with forged questions',
              wayOut: 'write the networks that need it',
            },
            value: word,
          },
        ]
      : [],
  );
}

function engineWarnings({ engines }: Config): PathFault[] {
  return engines.flatMap(({ url, tls }, index) => {
    if (url.kind !== 'tcp' || tls !== null || /^(127\.|::1$|localhost$)/.test(url.host)) return [];
    const fault = {
      message: 'reaches an engine without TLS: who can reach that port is root there',
      wayOut: 'add tls: { ca: ca.pem, cert: cert.pem, key: key.pem }',
    };
    return [{ path: ['engines', index, 'url'], of: 'value' as const, fault, value: null }];
  });
}

function expiredWarnings({ parity }: Config): PathFault[] {
  const today = new Date().toISOString().slice(0, 10);
  return parity.accept.flatMap(({ id, until }, index) =>
    until >= today
      ? []
      : [
          {
            path: ['parity', 'accept', index, 'until'],
            of: 'value' as const,
            fault: {
              message: `has passed, so ${id} counts again`,
              wayOut: 'mend the difference, or set a later day',
            },
            value: until,
          },
        ],
  );
}
