import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkReading } from '../../src/config/load.ts';
import { printProblem } from '../../src/config/problem.ts';

/** What `h.yaml` with this text is told, without the file's name. */
function linesFor(yaml: string): string[] {
  const result = checkReading({ text: yaml }, 'h.yaml', { env: {} });
  if (!('problems' in result)) return [];
  return result.problems.map((problem) => printProblem(problem).replace(/^h\.yaml:/, ''));
}

const knownAtTop =
  'known here: listen, region, search, domains, ttl, hold_ms, upstreams, resolv_conf, engines, networks, records, expected, allow, cache, control, state, log, threads, transport, flush, parity';

const cases: readonly { name: string; yaml: string; want: readonly string[] }[] = [
  {
    name: 'an unknown key that is nearly a known one',
    yaml: 'regoin: a.b\n',
    want: ['1:1: regoin: unknown key — did you mean region?'],
  },
  {
    name: 'an unknown key in another spelling',
    yaml: 'holdMs: 250\n',
    want: ['1:1: holdMs: unknown key — did you mean hold_ms?'],
  },
  {
    name: 'a key of another server',
    yaml: 'nameservers: [10.0.0.2]\n',
    want: ['1:1: nameservers: unknown key — did you mean upstreams?'],
  },
  {
    name: 'a key that belongs deeper',
    yaml: 'ttl: 0\nwhen_missing: refuse\n',
    want: ['2:1: when_missing: unknown key — it belongs under expected:'],
  },
  {
    name: 'a key that belongs at the top',
    yaml: 'log:\n  ttl: 5\n',
    want: ['2:3: log.ttl: unknown key — it belongs at the top level'],
  },
  {
    name: 'an unknown key near nothing',
    yaml: 'log:\n  colour: true\n',
    want: ['2:3: log.colour: unknown key — known here: level, queries'],
  },
  {
    name: 'keys that every object has',
    yaml: 'constructor: 1\ntoString: 2\nlog: { valueOf: 3 }\n',
    want: [
      `1:1: constructor: unknown key — ${knownAtTop}`,
      `2:1: toString: unknown key — ${knownAtTop}`,
      '3:8: log.valueOf: unknown key — known here: level, queries',
    ],
  },
  {
    name: 'a key that would set what others fall back to',
    yaml: '__proto__: { ttl: 5 }\nrecords: { __proto__: 10.0.0.1 }\n',
    want: [
      '1:1: unknown key ("__proto__") — remove it',
      '2:12: unknown key ("__proto__") — remove it',
    ],
  },
  {
    name: 'a number that is wrong in two ways, once',
    yaml: 'ttl: 99999999999999999999\n',
    want: [
      '1:6: ttl: is not a whole number of seconds from 0 to 604800 (100000000000000000000) — write 0',
    ],
  },
  {
    name: 'letters that turn the line around',
    yaml: 'region: "\u202egro.elpmaxe"\n',
    want: [
      '1:9: region: is no domain name: the label "\\u202egro" has more than letters, digits, inner hyphens and underscores ("\\u202egro.elpmaxe") — write labels of letters, digits and inner hyphens, with dots between them',
    ],
  },
  {
    name: 'a key twice',
    yaml: 'ttl: 0\nregion: a.b\nttl: 5\n',
    want: ['3:1: duplicate key ("ttl") — keep one of the two; the other is on line 1'],
  },
  {
    name: 'a key twice, and other faults beside it',
    yaml: 'ttl: 0\nttl: soon\nhold_ms: -1\n',
    want: [
      '2:1: duplicate key ("ttl") — keep one of the two; the other is on line 1',
      '2:6: ttl: is not a whole number of seconds from 0 to 604800 ("soon") — write 0',
      '3:10: hold_ms: is not a whole number of milliseconds from 0 to 5000 (-1) — write 250',
    ],
  },
  {
    name: 'a file that is a list',
    yaml: '- listen\n',
    want: ['1:1: is not a mapping of keys (a list) — write keys like listen: [127.0.0.1:5300]'],
  },
  {
    name: 'a file that is a text',
    yaml: 'region us-east-1.domain.com\n',
    want: [
      '1:1: is not a mapping of keys ("region us-east-1.domain.com") — write keys like listen: [127.0.0.1:5300]',
    ],
  },
  {
    name: 'a key without a value',
    yaml: 'region:\nttl: 0\n',
    want: ['1:1: region: has no value — write us-east-1.domain.com, or remove the key'],
  },
  {
    name: 'text for a number',
    yaml: 'ttl: soon\n',
    want: ['1:6: ttl: is not a whole number of seconds from 0 to 604800 ("soon") — write 0'],
  },
  {
    name: 'a quoted number',
    yaml: 'ttl: "5"\n',
    want: ['1:6: ttl: is not a whole number of seconds from 0 to 604800 ("5") — write 0'],
  },
  {
    name: 'a fraction',
    yaml: 'hold_ms: 1.5\n',
    want: ['1:10: hold_ms: is not a whole number of milliseconds from 0 to 5000 (1.5) — write 250'],
  },
  {
    name: 'a number out of range',
    yaml: 'hold_ms: 60000\n',
    want: [
      '1:10: hold_ms: is not a whole number of milliseconds from 0 to 5000 (60000) — write 250',
    ],
  },
  {
    name: 'a negative TTL',
    yaml: 'ttl: -1\n',
    want: ['1:6: ttl: is not a whole number of seconds from 0 to 604800 (-1) — write 0'],
  },
  {
    name: 'a text for a list',
    yaml: 'listen: 127.0.0.1:53\n',
    want: ['1:9: listen: is not a list ("127.0.0.1:53") — write [127.0.0.1:5300]'],
  },
  {
    name: 'an empty list of listeners',
    yaml: 'listen: []\n',
    want: ['1:9: listen: is an empty list ([]) — write [127.0.0.1:5300]'],
  },
  {
    name: 'a listener without a port',
    yaml: 'listen:\n  - 127.0.0.1\n',
    want: ['2:5: listen[0]: has no port ("127.0.0.1") — write 127.0.0.1:5300'],
  },
  {
    name: 'a listener without an address',
    yaml: 'listen: [":53"]\n',
    want: [
      '1:10: listen[0]: has no address (":53") — write 0.0.0.0:53 and "[::]:53" for all of them',
    ],
  },
  {
    name: 'a port alone',
    yaml: 'listen: [5300]\n',
    want: ['1:10: listen[0]: is not an address with a port (5300) — write 127.0.0.1:5300'],
  },
  {
    name: 'a port out of range',
    yaml: 'listen: [127.0.0.1:65536]\n',
    want: [
      '1:10: listen[0]: has "65536" for a port ("127.0.0.1:65536") — write a number up to 65535: 127.0.0.1:53',
    ],
  },
  {
    name: 'a port by name',
    yaml: 'listen: [docker0:domain]\n',
    want: [
      '1:10: listen[0]: has "domain" for a port ("docker0:domain") — write a number up to 65535: docker0:53',
    ],
  },
  {
    name: 'an address that is none',
    yaml: 'listen: [127.0.0.300:53]\n',
    want: [
      '1:10: listen[0]: has no valid address ("127.0.0.300:53") — write one like 127.0.0.1:53',
    ],
  },
  {
    name: 'localhost',
    yaml: 'listen: [localhost:53]\n',
    want: [
      '1:10: listen[0]: is neither address nor interface ("localhost:53") — write 127.0.0.1:53',
    ],
  },
  {
    name: 'an IPv6 listener without brackets',
    yaml: 'listen: ["fd00::1"]\n',
    want: ['1:10: listen[0]: has no port ("fd00::1") — write "[fd00::1]:5300"'],
  },
  {
    name: 'an IPv6 listener without quotes',
    yaml: 'listen: [[::1]:53]\n',
    want: ['1:10: an IPv6 address in brackets is not in quotes — write "[::1]:53"'],
  },
  {
    name: 'a multicast listener',
    yaml: 'listen: [224.0.0.251:5353]\n',
    want: [
      '1:10: listen[0]: is a multicast address ("224.0.0.251:5353") — write an address of this host',
    ],
  },
  {
    name: 'a link-local listener with a scope',
    yaml: 'listen: ["[fe80::1%eth0]:53"]\n',
    want: [
      '1:10: listen[0]: has a scope ("[fe80::1%eth0]:53") — write the interface instead: eth0:53',
    ],
  },
  {
    name: 'an interface with a name too long',
    yaml: 'listen: [docker_gwbridge0:53]\n',
    want: [
      '1:10: listen[0]: is neither address:port nor interface:port ("docker_gwbridge0:53") — write one like 127.0.0.1:5300 or docker0:53',
    ],
  },
  {
    name: 'a listener twice',
    yaml: 'listen: [127.0.0.1:53, "127.0.0.1:53"]\n',
    want: ['1:24: listen[1]: is listed twice ("127.0.0.1:53") — remove it; the first is listen[0]'],
  },
  {
    name: 'a region that begins with a dot',
    yaml: 'region: .domain.com\n',
    want: ['1:9: region: begins with a dot (".domain.com") — write domain.com'],
  },
  {
    name: 'a region that is an address',
    yaml: 'region: 10.0.0.1\n',
    want: [
      '1:9: region: is an address, not a domain name ("10.0.0.1") — write a name like us-east-1.domain.com',
    ],
  },
  {
    name: 'a region with an empty label',
    yaml: 'region: us..domain.com\n',
    want: [
      '1:9: region: is no domain name: it has an empty label ("us..domain.com") — write labels of letters, digits and inner hyphens, with dots between them',
    ],
  },
  {
    name: 'a region with other letters',
    yaml: 'region: bücher.example\n',
    want: [
      '1:9: region: is no domain name: the label "bücher" has more than letters, digits, inner hyphens and underscores ("bücher.example") — write xn--bcher-kva.example',
    ],
  },
  {
    name: 'a label that is too long',
    yaml: `region: ${'a'.repeat(64)}.com\n`,
    want: [
      '1:9: region: is no domain name: the label "aaaaaaaaaaaa…" is longer than 63 bytes ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…") — write labels of letters, digits and inner hyphens, with dots between them',
    ],
  },
  {
    name: 'a region that is not the first search domain',
    yaml: 'region: b.example\nsearch: [a.example, b.example]\n',
    want: [
      '1:9: region: is not the first of search, which is a.example ("b.example") — put b.example first in search, or write region: a.example',
    ],
  },
  {
    name: 'a search domain twice, in other letters',
    yaml: 'search: [a.example, A.example.]\n',
    want: ['1:21: search[1]: is listed twice ("A.example.") — remove it; the first is search[0]'],
  },
  {
    name: 'a local domain that is a search domain',
    yaml: 'region: a.example\ndomains: [a.example]\n',
    want: [
      '2:11: domains[0]: is a search domain already (region) ("a.example") — remove it: owned names are served under those anyway',
    ],
  },
  {
    name: 'a wildcard in a domain',
    yaml: 'domains: ["*.internal"]\n',
    want: [
      '1:11: domains[0]: has a wildcard, which only records may have ("*.internal") — write a whole domain',
    ],
  },
  {
    name: 'an upstream by name',
    yaml: 'upstreams: [dns.example.com]\n',
    want: [
      '1:13: upstreams[0]: is a name, and a name would need a resolver first ("dns.example.com") — write its address',
    ],
  },
  {
    name: 'an upstream with a scheme',
    yaml: 'upstreams: ["https://10.0.0.2/dns-query"]\n',
    want: [
      '1:13: upstreams[0]: has the scheme https ("https://10.0.0.2/dns-query") — write address[:port], or tls://address#name for DNS over TLS',
    ],
  },
  {
    name: 'TLS without the name of the certificate',
    yaml: 'upstreams: ["tls://10.0.0.2"]\n',
    want: [
      '1:13: upstreams[0]: does not say whose certificate to expect ("tls://10.0.0.2") — write tls://10.0.0.2#dns.example.com',
    ],
  },
  {
    name: 'a certificate without TLS',
    yaml: 'upstreams: ["10.0.0.2#dns.example.com"]\n',
    want: [
      '1:13: upstreams[0]: names a certificate but is not DNS over TLS ("10.0.0.2#dns.example.com") — write tls://10.0.0.2#dns.example.com',
    ],
  },
  {
    name: 'an upstream twice, in another spelling',
    yaml: 'upstreams: [10.0.0.2, "10.0.0.2:53"]\n',
    want: [
      '1:23: upstreams[1]: is listed twice ("10.0.0.2:53") — remove it; the first is upstreams[0]',
    ],
  },
  {
    name: 'an upstream that is homeport itself',
    yaml: 'listen: [127.0.0.1:53]\nupstreams: [127.0.0.1]\n',
    want: [
      '2:13: upstreams[0]: is where homeport itself listens, so queries would go in circles ("127.0.0.1") — remove it, or write another server',
    ],
  },
  {
    name: 'an upstream on loopback, where homeport listens everywhere',
    yaml: 'listen: [0.0.0.0:53]\nupstreams: [127.0.0.53]\n',
    want: [
      '2:13: upstreams[0]: is where homeport itself listens, so queries would go in circles ("127.0.0.53") — remove it, or write another server',
    ],
  },
  {
    name: 'an upstream that is no server',
    yaml: 'upstreams: [0.0.0.0]\n',
    want: [
      '1:13: upstreams[0]: is not the address of one server ("0.0.0.0") — write one like 10.0.0.2',
    ],
  },
  {
    name: 'a domain without servers',
    yaml: 'upstreams:\n  - { domain: corp.example }\n',
    want: ['2:5: upstreams[0]: has no servers — add servers: [10.0.0.2]'],
  },
  {
    name: 'a domain with servers of the wrong key',
    yaml: 'upstreams:\n  - { domain: corp.example, server: [10.9.0.1] }\n',
    want: [
      '2:5: upstreams[0]: has no servers — add servers: [10.0.0.2]',
      '2:29: upstreams[0].server: unknown key — did you mean servers?',
    ],
  },
  {
    name: 'a domain twice',
    yaml: 'upstreams:\n  - { domain: corp.example, servers: [10.9.0.1] }\n  - { domain: corp.example, servers: [10.9.0.2] }\n',
    want: [
      '3:15: upstreams[1].domain: is listed twice ("corp.example") — remove it; the first is upstreams[0].domain',
    ],
  },
  {
    name: 'an engine without a URL',
    yaml: 'engines:\n  - name: local\n',
    want: ['2:5: engines[0]: has no url — add url: unix:///var/run/docker.sock'],
  },
  {
    name: 'an engine with two slashes',
    yaml: 'engines:\n  - url: unix://var/run/docker.sock\n',
    want: [
      '2:10: engines[0].url: has no absolute path ("unix://var/run/docker.sock") — write three slashes: unix:///var/run/docker.sock',
    ],
  },
  {
    name: 'an engine that is a path',
    yaml: 'engines:\n  - url: /var/run/docker.sock\n',
    want: [
      '2:10: engines[0].url: is no engine URL ("/var/run/docker.sock") — write unix:///var/run/docker.sock',
    ],
  },
  {
    name: 'an engine over http',
    yaml: 'engines:\n  - url: http://10.0.0.9:2375\n',
    want: [
      '2:10: engines[0].url: has the scheme http ("http://10.0.0.9:2375") — write tcp://10.0.0.9:2375',
    ],
  },
  {
    name: 'an engine with a scheme that is none',
    yaml: 'engines:\n  - url: npipe:////./pipe/docker_engine\n',
    want: [
      '2:10: engines[0].url: has the scheme npipe, which homeport does not speak ("npipe:////./pipe/docker_engine") — write unix:///var/run/docker.sock, tcp://ADDRESS:2376 or ssh://USER@HOST',
    ],
  },
  {
    name: 'an engine with a password, which is not shown',
    yaml: 'engines:\n  - url: ssh://ci:secret@10.0.0.9\n',
    want: [
      '2:10: engines[0].url: has a password, which ssh would not take ("ssh://ci:…@10.0.0.9") — use a key, and write ssh://USER@HOST',
    ],
  },
  {
    name: 'engines of one name',
    yaml: 'engines:\n  - { name: a, url: unix:///a.sock }\n  - { name: A, url: unix:///b.sock }\n',
    want: [
      '3:13: engines[1].name: is listed twice ("A") — remove it; the first is engines[0].name',
    ],
  },
  {
    name: 'engines of one URL',
    yaml: 'engines:\n  - { name: a, url: unix:///a.sock }\n  - { name: b, url: unix:///a.sock }\n',
    want: [
      '3:21: engines[1].url: is listed twice ("unix:///a.sock") — remove it; the first is engines[0].url',
    ],
  },
  {
    name: 'answer: host without an address',
    yaml: 'engines:\n  - { name: a, url: "tcp://10.0.0.9", answer: host }\n',
    want: [
      '2:47: engines[0].answer: does not say which address ("host") — add address: and the address at which clients reach that host',
    ],
  },
  {
    name: 'an address without answer: host',
    yaml: 'engines:\n  - { name: a, url: "tcp://10.0.0.9", address: 10.0.0.9 }\n',
    want: [
      '2:39: engines[0].address: is only given with answer: host — add answer: host, or remove the address',
    ],
  },
  {
    name: 'an answer that is none',
    yaml: 'engines:\n  - { url: "tcp://10.0.0.9", answer: hots }\n',
    want: ['2:38: engines[0].answer: is not containers or host ("hots") — did you mean host?'],
  },
  {
    name: 'TLS for a unix socket',
    yaml: 'engines:\n  - { url: unix:///a.sock, tls: { ca: ca.pem } }\n',
    want: ['2:28: engines[0].tls: has no use for a unix URL — remove it, or write a tcp:// URL'],
  },
  {
    name: 'a certificate without a key',
    yaml: 'engines:\n  - { url: "tcp://10.0.0.9", tls: { cert: cert.pem } }\n',
    want: ['2:37: engines[0].tls.cert: is a certificate without its key — add key: key.pem'],
  },
  {
    name: 'a network with a blank',
    yaml: 'networks: ["my net"]\n',
    want: [
      '1:12: networks[0]: is no name of a Docker network ("my net") — write it as `docker network ls` does',
    ],
  },
  {
    name: 'a record with a bad address',
    yaml: 'records:\n  pg.dev: 10.0.0\n',
    want: [
      '2:11: records["pg.dev"]: is no address ("10.0.0") — write one like 10.0.0.5 or fd00::7',
    ],
  },
  {
    name: 'a record with one bad address of two',
    yaml: 'records:\n  pg.dev: [10.0.0.5, fd00:::7]\n',
    want: [
      '2:22: records["pg.dev"][1]: is no address ("fd00:::7") — write one like 10.0.0.5 or fd00::7',
    ],
  },
  {
    name: 'a wildcard in the middle',
    yaml: 'records:\n  a.*.dev: 10.0.0.7\n',
    want: [
      '2:3: records["a.*.dev"]: has a wildcard that is not its whole first label ("a.*.dev") — write *.dev',
    ],
  },
  {
    name: 'a wildcard that is part of a label',
    yaml: 'records:\n  "web*.dev": 10.0.0.7\n',
    want: [
      '2:3: records["web*.dev"]: has a wildcard that is not its whole first label ("web*.dev") — write *.dev',
    ],
  },
  {
    name: 'a wildcard for everything',
    yaml: 'records:\n  "*": 10.0.0.7\n',
    want: ['2:3: records["*"]: would be a wildcard for every name ("*") — write *.some.domain'],
  },
  {
    name: 'a wildcard without quotes',
    yaml: 'records:\n  *.env.dev: 10.0.0.7\n',
    want: ['2:3: a key that begins with * is not in quotes — write "*.env.dev":'],
  },
  {
    name: 'a record with a blank in its name',
    yaml: 'records:\n  "my pg": 10.0.0.7\n',
    want: [
      '2:3: records["my pg"]: is no domain name: the label "my pg" has more than letters, digits, inner hyphens and underscores ("my pg") — write labels of letters, digits and inner hyphens, with dots between them',
    ],
  },
  {
    name: 'one record in two spellings',
    yaml: 'records:\n  Web: 10.0.0.7\n  web.: 10.0.0.8\n',
    want: [
      '3:3: records["web."]: is the same name as another record ("web.") — join it with "Web"',
    ],
  },
  {
    name: 'cname beside addresses',
    yaml: 'records:\n  cache: { cname: redis, addresses: [10.0.0.7] }\n',
    want: ['2:26: records.cache.addresses: stands beside cname — keep one of the two'],
  },
  {
    name: 'aliases in a circle',
    yaml: 'records:\n  a: { cname: b }\n  b: { cname: a }\n',
    want: [
      '2:15: records.a.cname: is an alias that leads back to itself: a → b → a — let one of them have addresses',
    ],
  },
  {
    name: 'a record with nothing',
    yaml: 'records:\n  a: {}\n',
    want: ['2:3: records.a: has nothing to answer ("a") — add addresses: or cname:'],
  },
  {
    name: 'an SRV service that is none',
    yaml: 'records:\n  a: { srv: { mongodb: 27017 } }\n',
    want: [
      '2:15: records.a.srv.mongodb: is no service of an SRV record ("mongodb") — write one like _mongodb._tcp',
    ],
  },
  {
    name: 'a record that is a number',
    yaml: 'records:\n  a: 5\n',
    want: [
      '2:6: records.a: is neither an address, a list of them nor a mapping (5) — write 10.0.0.5, [10.0.0.5, "fd00::7"] or { cname: redis }',
    ],
  },
  {
    name: 'records as a list',
    yaml: 'records: [a]\n',
    want: [
      '1:10: records: is not a mapping of names (a list) — write { pg.dev.internal: 10.0.0.5 }',
    ],
  },
  {
    name: 'an expected name with a domain',
    yaml: 'expected:\n  names: [redis.us-east-1.domain.com]\n',
    want: [
      '2:11: expected.names[0]: is not a bare name ("redis.us-east-1.domain.com") — write it as applications do, without its domain: redis',
    ],
  },
  {
    name: 'an expected name twice',
    yaml: 'expected: { names: [redis, Redis] }\n',
    want: [
      '1:28: expected.names[1]: is listed twice ("Redis") — remove it; the first is expected.names[0]',
    ],
  },
  {
    name: 'an expected name that is a number',
    yaml: 'expected: { names: [5] }\n',
    want: ['1:21: expected.names[0]: is not a name (5) — write mongodb-cluster-a-node-1'],
  },
  {
    name: 'a choice that is misspelt',
    yaml: 'expected: { when_missing: refused }\n',
    want: [
      '1:27: expected.when_missing: is not refuse or forward ("refused") — did you mean refuse?',
    ],
  },
  {
    name: 'a span of time without a unit',
    yaml: 'expected: { departed_for: 600 }\n',
    want: ['1:27: expected.departed_for: is no span of time (600) — write 600s for seconds'],
  },
  {
    name: 'a span of time without a unit, in quotes',
    yaml: 'expected: { departed_for: "600" }\n',
    want: [
      '1:27: expected.departed_for: has no unit ("600") — write 600s for seconds, 600m for minutes',
    ],
  },
  {
    name: 'a span of time with another unit',
    yaml: 'expected: { departed_for: 2w }\n',
    want: [
      '1:27: expected.departed_for: has the unit "w", which is none ("2w") — use s, m, h or d: 90s, 15m, 12h, 5d',
    ],
  },
  {
    name: 'a span of time that is none',
    yaml: 'expected: { departed_for: soon }\n',
    want: [
      '1:27: expected.departed_for: is no span of time ("soon") — write a whole number and its unit: 90s, 15m, 12h or 5d',
    ],
  },
  {
    name: 'a CIDR with a prefix too long',
    yaml: 'allow: [10.0.0.0/33]\n',
    want: [
      '1:9: allow[0]: is no address or CIDR ("10.0.0.0/33") — write one like 172.17.0.0/16 or fd00::/8',
    ],
  },
  {
    name: 'a CIDR with bits behind its prefix',
    yaml: 'allow: [10.1.2.3/8]\n',
    want: [
      '1:9: allow[0]: has bits set behind its prefix ("10.1.2.3/8") — write 10.0.0.0/8 for the network, 10.1.2.3 for the one address',
    ],
  },
  {
    name: 'a word for everybody',
    yaml: 'allow: [any]\n',
    want: [
      '1:9: allow[0]: is neither loopback, engine-networks nor a CIDR ("any") — write 0.0.0.0/0 and ::/0',
    ],
  },
  {
    name: 'a misspelt word in allow',
    yaml: 'allow: [loopbak]\n',
    want: [
      '1:9: allow[0]: is neither loopback, engine-networks nor a CIDR ("loopbak") — did you mean loopback?',
    ],
  },
  {
    name: 'a cache of a negative size',
    yaml: 'cache: { size: -5 }\n',
    want: [
      '1:16: cache.size: is not a whole number of answers from 0 to 10000000 (-5) — write 50000',
    ],
  },
  {
    name: 'a control socket with a path too long',
    yaml: `control: /${'a'.repeat(110)}\n`,
    want: [
      '1:10: control: is too long for a socket ("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…") — use at most 107 bytes',
    ],
  },
  {
    name: 'a level that is none',
    yaml: 'log: { level: trace }\n',
    want: ['1:15: log.level: is not debug, info, warn, error or silent ("trace") — write debug'],
  },
  {
    name: 'yes for true',
    yaml: 'log: { queries: yes }\n',
    want: ['1:17: log.queries: is neither true nor false ("yes") — write true or false'],
  },
  {
    name: 'no threads',
    yaml: 'threads: 0\n',
    want: ['1:10: threads: is not a whole number of threads from 1 to 64 (0) — write 1'],
  },
  {
    name: 'threads without batches',
    yaml: 'threads: 2\ntransport: dgram\n',
    want: [
      '1:10: threads: needs batched system calls: node:dgram cannot share a port between threads (2) — write threads: 1, or remove transport: dgram',
    ],
  },
  {
    name: 'a transport that is none',
    yaml: 'transport: batched\n',
    want: ['1:12: transport: is not auto, batch or dgram ("batched") — did you mean batch?'],
  },
  {
    name: 'a stub that is none',
    yaml: 'parity: { stubs: [glib] }\n',
    want: ['1:19: parity.stubs[0]: is no stub resolver ("glib") — did you mean glibc?'],
  },
  {
    name: 'an accepted difference without a reason',
    yaml: 'parity:\n  accept:\n    - { id: search-order, until: 2026-12-31 }\n',
    want: ['3:7: parity.accept[0]: has no reason — add reason: a few words'],
  },
  {
    name: 'a day that does not exist',
    yaml: 'parity:\n  accept:\n    - { id: a, reason: b, until: 2026-02-30 }\n',
    want: ['3:34: parity.accept[0].until: is no day ("2026-02-30") — write one like 2026-12-31'],
  },
  {
    name: 'a tab as indentation',
    yaml: 'log:\n\tlevel: info\n',
    want: ['2:1: a tab is used as indentation — indent with spaces'],
  },
  {
    name: 'a list that is not closed',
    yaml: 'listen: [127.0.0.1:53\nregion: a.b\n',
    want: ['2:1: a list or mapping before this line is not closed — end it with ] or }'],
  },
  {
    name: 'a quote that is not closed',
    yaml: 'region: "a.b\n',
    want: ['2:1: a quoted text is not closed — end it with the quote it began with'],
  },
  {
    name: 'a colon in a value',
    yaml: 'region: a: b\n',
    want: ['1:9: a value has ": " in it — put it in quotes, or on a line of its own'],
  },
  {
    name: 'two documents',
    yaml: 'ttl: 0\n---\nttl: 1\n',
    want: ['2:1: a second document begins — keep one; remove the line ---'],
  },
  {
    name: 'a tag',
    yaml: 'ttl: !seconds 5\n',
    want: ['1:6: has a tag or directive that means nothing here — remove it'],
  },
  {
    name: 'an alias of nothing',
    yaml: 'ttl: *none\n',
    want: ['1:6: is an alias of nothing (*none) — put &none before the value that it stands for'],
  },
  {
    name: 'an alias inside itself',
    yaml: 'networks: &a [*a]\n',
    want: ['1:15: is an alias inside what it stands for (*a) — write the value out'],
  },
  {
    name: 'aliases that expand without end',
    yaml: `x-a: &a [${'x,'.repeat(9)}x]\nx-b: &b [${'*a,'.repeat(9)}*a]\nx-c: &c [${'*b,'.repeat(9)}*b]\nnetworks: [${'*c,'.repeat(9)}*c]\n`,
    want: ['2:10: has aliases that expand to far more than the file — write the values out'],
  },
  {
    name: 'a merge of what is no mapping',
    yaml: 'cache:\n  <<: 5\n',
    want: ['2:3: what << merges is no mapping — give << an alias of a mapping'],
  },
  {
    name: 'a fault in what is merged, at its own place',
    yaml: 'x-e: &e { url: unix:///a.sock, colour: red }\nengines:\n  - { <<: *e, name: a }\n',
    want: ['1:32: engines[0].colour: unknown key — known here: name, url, tls, answer, address'],
  },
  {
    name: 'faults everywhere, in the order of the file',
    yaml: 'lisen: [127.0.0.1:53]\nttl: soon\nexpected:\n  names: [a.b]\nthreads: 0\n',
    want: [
      '1:1: lisen: unknown key — did you mean listen?',
      '2:6: ttl: is not a whole number of seconds from 0 to 604800 ("soon") — write 0',
      '4:11: expected.names[0]: is not a bare name ("a.b") — write it as applications do, without its domain: a',
      '5:10: threads: is not a whole number of threads from 1 to 64 (0) — write 1',
    ],
  },
];

describe('a configuration with faults', () => {
  for (const { name, yaml, want } of cases) {
    it(`tells of ${name}`, () => assert.deepEqual(linesFor(yaml), want));
  }

  it('tells of brackets without end, whatever the stack holds', () => {
    const [line = '', ...more] = linesFor('['.repeat(20_000));
    assert.deepEqual(more, []);
    assert.match(line, /^1:\d+: lists or mappings are nested too deeply — close them$/);
  });

  it('tells of control characters without writing them', () => {
    const lines = linesFor('region: "a\\nb\\u001b.example"\n');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /the label "a\\u000ab\\u001b" has more than letters/);
  });

  it('shows no password of a URL', () => {
    const text = linesFor('engines: [{ url: "ssh://ci:hunter2@10.0.0.9" }]\n').join('\n');
    assert.ok(text.includes('ssh://ci:…@10.0.0.9') && !text.includes('hunter2'), text);
  });
});
