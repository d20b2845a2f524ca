import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HomeportError } from '../../src/errors.ts';
import { parseProfile, printProfile } from '../../src/parity/profile/profile.ts';

const whole = `homeport-profile: 1
captured: 2026-06-01T12:00:00.000Z
hostname: prod-1.us-east-1.domain.com
libc: { kind: glibc, version: "2.36" }
environment: { LOCALDOMAIN: a.example }
resolv.conf: |
  search us-east-1.domain.com
  nameserver 10.0.0.2
nsswitch.conf: |
  hosts: files dns
hosts: null
host.conf: null
nss-modules: [myhostname]
canary: homeport-no-such-name
answers:
  10.0.0.2:
    db.us-east-1.domain.com A: [10.1.1.1, TTL:60]
    db.us-east-1.domain.com AAAA: NODATA
`;

describe('parseProfile', () => {
  it('reads a whole profile and prints it again', () => {
    const profile = parseProfile('p.yaml', whole);
    assert.equal(profile.surroundings.hostname, 'prod-1.us-east-1.domain.com');
    assert.equal(profile.surroundings.resolvConf.path, 'p.yaml: resolv.conf');
    assert.deepEqual(profile.answers?.['10.0.0.2']?.['db.us-east-1.domain.com A'], [
      '10.1.1.1',
      'TTL:60',
    ]);
    assert.deepEqual(parseProfile('p.yaml', printProfile(profile)), profile);
  });

  it('takes a plain resolv.conf for a minimal profile', () => {
    const profile = parseProfile('resolv.conf', '# production\nnameserver 10.0.0.2\n');
    assert.equal(profile.answers, undefined);
    assert.equal(profile.surroundings.resolvConf.path, 'resolv.conf');
  });

  const bad = [
    {
      name: 'a newer format',
      text: 'homeport-profile: 2\nresolv.conf: x\n',
      want: /format 2.*update homeport/,
    },
    {
      name: 'a half-written file',
      text: whole.slice(0, whole.indexOf('nsswitch') + 4),
      want: /cannot be used as a profile/,
    },
    { name: 'a cut in the format', text: 'homeport-profile: ', want: /homeport-profile/ },
    { name: 'a missing part', text: 'homeport-profile: 1\n', want: /resolv\.conf/ },
    {
      name: 'an unknown key',
      text: 'homeport-profile: 1\nresolv.conf: x\nresolve.conf: y\n',
      want: /resolve\.conf/,
    },
    { name: 'a wrong type', text: 'homeport-profile: 1\nresolv.conf: [1]\n', want: /resolv\.conf/ },
    { name: 'an empty file', text: '', want: /is empty.*homeport parity capture/ },
    { name: 'some other file', text: '{"a": 1}', want: /neither a profile nor a resolv\.conf/ },
  ];
  for (const { name, text, want } of bad) {
    it(`says in one line what is wrong with ${name}`, () => {
      assert.throws(
        () => parseProfile('p.yaml', text),
        (error: unknown) => {
          assert.ok(error instanceof HomeportError);
          assert.equal(error.code, 'PROFILE_INVALID');
          assert.match(error.message, want);
          assert.ok(!error.message.includes('\n'), error.message);
          return true;
        },
      );
    });
  }

  it('reads or refuses every cut of a profile', () => {
    for (let length = 0; length < whole.length; length += 7) {
      try {
        parseProfile('p.yaml', whole.slice(0, length));
      } catch (error) {
        assert.ok(error instanceof HomeportError, String(error));
      }
    }
  });
});
