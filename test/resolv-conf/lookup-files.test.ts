import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aliasOf, isMultiOn } from '../../src/resolv-conf/host-aliases.ts';
import { entriesFor, parseHosts } from '../../src/resolv-conf/hosts-file.ts';
import { atoi, inetAton, inetNetPton, ipv6WithScope } from '../../src/resolv-conf/inet.ts';
import {
  type NssStatus,
  nssAction,
  parseNsswitch,
  printHostsLine,
} from '../../src/resolv-conf/nsswitch.ts';

describe('the hosts line of nsswitch.conf', () => {
  const text = 'passwd: files\nhosts:\tfiles mdns4_minimal [NOTFOUND=return] dns # x\n';

  it('keeps sources, actions and its line', () => {
    const nsswitch = parseNsswitch(text);
    assert.equal(nsswitch.line, 2);
    assert.equal(printHostsLine(nsswitch), 'hosts: files mdns4_minimal [NOTFOUND=return] dns');
  });

  for (const missing of [undefined, '', 'passwd: files\n', 'hosts:\n', '# hosts: dns\n']) {
    it(`is files dns for ${JSON.stringify(missing)}`, () => {
      assert.equal(printHostsLine(parseNsswitch(missing)), 'hosts: files dns');
    });
  }

  const actions: readonly { line: string; status: NssStatus; want: string }[] = [
    { line: 'dns', status: 'success', want: 'return' },
    { line: 'dns', status: 'notfound', want: 'continue' },
    { line: 'dns [NOTFOUND=return]', status: 'notfound', want: 'return' },
    { line: 'dns [NOTFOUND=return]', status: 'unavail', want: 'continue' },
    { line: 'dns [!UNAVAIL=return]', status: 'notfound', want: 'return' },
    { line: 'dns [!UNAVAIL=return]', status: 'tryagain', want: 'return' },
    { line: 'dns [!UNAVAIL=return]', status: 'unavail', want: 'continue' },
    { line: 'dns [success=continue]', status: 'success', want: 'continue' },
    { line: 'dns [ NOTFOUND=return  UNAVAIL=return ]', status: 'unavail', want: 'return' },
    { line: 'dns[NOTFOUND=return]', status: 'notfound', want: 'return' },
  ];
  for (const { line, status, want } of actions) {
    it(`makes ${want} of ${status} for ${line}`, () => {
      const [source] = parseNsswitch(`hosts: ${line}\n`).hosts;
      assert.equal(source && nssAction(source, status), want);
    });
  }

  const problems = [
    { text: 'hosts: [NOTFOUND=return] dns\n', says: /line 1: .* before any source/ },
    { text: 'hosts: files [NOTFOUND=return\n', says: /not closed/ },
    { text: 'hosts: files [NOTFOUND]\n', says: /no STATUS=action/ },
    { text: 'hosts: files [GONE=return] dns\n', says: /unknown status or action/ },
    { text: 'hosts: files\nhosts: dns\n', says: /line 2: a second hosts line/ },
  ];
  for (const { text, says } of problems) {
    it(`says what is wrong with ${JSON.stringify(text)}`, () => {
      assert.match(parseNsswitch(text).problems.join('\n'), says);
    });
  }
});

describe('the hosts file', () => {
  const hosts = parseHosts('# x\n10.0.0.1 Web web.local # comment\n\n10.0.0.2\r\n::1 web\r\n');

  it('has an entry for each line with an address and a name', () => {
    assert.deepEqual(
      hosts.entries.map(({ line, address, names }) => [line, address, ...names]),
      [
        [2, '10.0.0.1', 'Web', 'web.local'],
        [5, '::1', 'web'],
      ],
    );
  });

  it('is searched in any letter case', () => {
    assert.deepEqual(
      entriesFor(hosts, 'WEB').map(({ line }) => line),
      [2, 5],
    );
    assert.deepEqual(entriesFor(parseHosts(undefined), 'web'), []);
  });
});

describe('host aliases and host.conf', () => {
  it('map a bare name, whatever its letter case', () => {
    const text = 'other x.example\nSvc real.example more\nsvc later.example\n';
    assert.equal(aliasOf(text, 'svc'), 'real.example');
    assert.equal(aliasOf('svc\n', 'svc'), undefined);
    assert.equal(aliasOf(undefined, 'svc'), undefined);
  });

  for (const [text, want] of [
    ['multi on\n', true],
    ['order hosts,bind\nmulti on # all\n', true],
    ['multi off\n', false],
    [undefined, false],
  ] as const) {
    it(`${want ? 'return' : 'do not return'} all lines for ${JSON.stringify(text)}`, () => {
      assert.equal(isMultiOn(text), want);
    });
  }
});

describe('addresses as C reads them', () => {
  const cases = [
    { text: '127.2', aton: '127.0.0.2', net: '127.2.0.0' },
    { text: '12345', aton: '0.0.48.57', net: undefined },
    { text: '0x7f.1', aton: '127.0.0.1', net: undefined },
    { text: '010.0.0.1', aton: '8.0.0.1', net: '10.0.0.1' },
    { text: '1.2.3.4', aton: '1.2.3.4', net: '1.2.3.4' },
    { text: '1.2.3.4.5', aton: undefined, net: undefined },
    { text: '127.0.0.999', aton: undefined, net: undefined },
    { text: '1.2.3.', aton: undefined, net: undefined },
    { text: '4294967296', aton: undefined, net: undefined },
    { text: 'a', aton: undefined, net: undefined },
    { text: '', aton: undefined, net: undefined },
  ];
  for (const { text, aton, net } of cases) {
    it(`reads '${text}'`, () => {
      assert.equal(inetAton(text), aton);
      assert.equal(inetNetPton(text), net);
    });
  }

  it('keeps the scope of IPv6 and reads numbers up to the first other byte', () => {
    assert.equal(ipv6WithScope('fe80::1%eth0'), 'fe80::1%eth0');
    assert.equal(ipv6WithScope('fe80::1::'), undefined);
    assert.deepEqual(['2x', ' 7', '-1', '+3', 'x', ''].map(atoi), [2, 7, -1, 3, 0, 0]);
  });
});
