/** Caches of a host that would keep a dead address, or the absence of a name that has just come. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { buildImages, hostAvailable, type TestHost, until } from './support/host.ts';
import { lookUp, MISSING, preparedHost, startOwner, withPackage } from './support/prepared.ts';

/** nscd keeps an absence for 20 s by itself. */
const SOON_MS = 5_000;
/** Hosts are not cached as Debian ships it; a day is more than the test lasts. */
const NSCD = `dpkg -i /root/nscd*.deb >/dev/null
sed -i '/hosts/d' /etc/nscd.conf
printf 'enable-cache hosts yes\\npositive-time-to-live hosts 86400\\nnegative-time-to-live hosts 86400\\n' >>/etc/nscd.conf
systemctl restart nscd`;

describe('a host with nscd', { skip: hostAvailable() ?? false }, () => {
  let host: TestHost;

  before(async () => {
    await buildImages();
    host = await preparedHost('resolved');
    await host.output(NSCD);
    await withPackage(host);
    await host.output('homeport host install --yes');
  });
  after(() => host?.stop());

  it('finds a name that has just come, though its absence was kept', async () => {
    await startOwner(host);
    assert.equal(await lookUp(host, MISSING), undefined);
    const address = await startOwner(host, MISSING);
    await until(SOON_MS, 'the name', async () => (await lookUp(host, MISSING)) === address);
  });

  it('forgets a container that is gone', async () => {
    await host.output(`docker rm -f ${MISSING}`);
    await until(SOON_MS, 'the name to go', async () => (await lookUp(host, MISSING)) === undefined);
  });

  it('has both caches emptied by a unit of its own, homeport having no right to', async () => {
    const shown = await host.output('systemctl show --property=ExecStart homeport-flush.service');
    assert.equal(shown.match(/status=0/g)?.length, 2, shown);
    assert.doesNotMatch(
      await host.output('journalctl --boot --unit homeport --no-pager'),
      /cannot empty a cache/,
    );
  });
});
