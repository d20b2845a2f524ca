/** The box for a desk: its provisioning script on a host as Vagrant's box is one, and a laptop beside it. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importBusybox } from '../support/engine/images.ts';
import { buildImages, hostAvailable, type TestHost, until } from './support/host.ts';
import { lookUp, OWNED, preparedHost, REGION, WORLD, WORLD_ADDRESS } from './support/prepared.ts';

const FOLDER = fileURLToPath(new URL('../../config/vagrant/', import.meta.url));
const PROVISION = 'sh /vagrant/config/vagrant/provision.sh';
const CACHE = 'redis-node-1';
const CACHE_PORT = 6379;
const BOX = '192.168.56.10';
const backends = `# As an application needs them.
${OWNED}  bb
${CACHE}  GREETING=hello  bb httpd -f -p ${CACHE_PORT}
`;

describe('a box for a desk', { skip: hostAvailable() ?? false }, () => {
  let host: TestHost;

  /** A network namespace stands for the laptop; its cable is the box's private network. */
  const plugIn = () =>
    host.output(
      [
        'ip netns add laptop',
        'ip link add eth1 type veth peer name eth0 netns laptop',
        `ip address add ${BOX}/24 dev eth1`,
        'ip link set eth1 up',
        'ip -n laptop address add 192.168.56.1/24 dev eth0',
        'ip -n laptop link set eth0 up',
        `ip -n laptop route add 172.17.0.0/16 via ${BOX}`,
      ].join(' && '),
    );
  const onLaptop = (command: string) => host.run(`ip netns exec laptop ${command}`);
  const asks = async (name: string) =>
    (await onLaptop(`dig +short +time=2 +tries=2 @${BOX} ${name}`)).stdout.trim();
  const addressOf = (name: string) =>
    host.output(`docker inspect --format '{{.NetworkSettings.IPAddress}}' ${name}`);
  const connects = async (address: string) =>
    (await onLaptop(`timeout 3 bash -c '</dev/tcp/${address}/${CACHE_PORT}'`)).code === 0;

  before(async () => {
    await buildImages();
    // debian/bookworm64 has its addresses by ifupdown and dhclient.
    host = await preparedHost('dhclient');
    mkdirSync(host.path('/vagrant/config/vagrant'), { recursive: true });
    copyFileSync(`${FOLDER}provision.sh`, host.path('/vagrant/config/vagrant/provision.sh'));
    writeFileSync(host.path('/vagrant/config/vagrant/backends'), backends);
    await until(20_000, 'the engine', async () => (await host.run('docker version')).code === 0);
    await importBusybox(host.path('/run/docker.sock'), 'bb');
  });
  after(() => host?.stop());

  it('says in one line what it lacks', async () => {
    const bare = await host.run(PROVISION);
    assert.equal(bare.code, 1);
    assert.match(
      bare.stderr,
      /^provision: this box does not have the address 192\.168\.56\.10; .*\n$/,
    );
    await plugIn();
    const { code, stderr } = await host.run(PROVISION);
    assert.equal(code, 1);
    assert.match(stderr, /^provision: there is no package in \.package; .*npm run package\n$/);
  });

  it('runs the backends, and the box finds them by production’s names', async () => {
    mkdirSync(host.path('/vagrant/.package'));
    await host.output('cp /root/homeport.deb /vagrant/.package/homeport_0.1.0_amd64.deb');
    const said = await host.output(PROVISION);
    for (const name of [OWNED, CACHE]) {
      const address = await addressOf(name);
      assert.match(said, new RegExp(`^${address} +${name}\\.${REGION}$`, 'm'));
      assert.equal(await lookUp(host, name), address);
    }
    assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
    const environment = `docker inspect --format '{{json .Config.Env}}' ${CACHE}`;
    assert.match(await host.output(environment), /"GREETING=hello"/);
  });

  it('answers the laptop, and lets it through to the default port', async () => {
    const address = await addressOf(CACHE);
    assert.equal(await asks(`${CACHE}.${REGION}`), address);
    assert.equal(await asks(CACHE), address);
    assert.equal(await connects(address), true);
  });

  it('changes nothing the second time', async () => {
    const state = () =>
      host.output(
        `docker inspect --format '{{.Id}} {{.State.StartedAt}}' ${OWNED} ${CACHE}; systemctl show --property=ActiveEnterTimestamp homeport.socket`,
      );
    const first = await state();
    await host.output(PROVISION);
    assert.equal(await state(), first);
  });

  it('replaces the container of a changed line, and keeps the others', async () => {
    const ids = () => host.output(`docker inspect --format '{{.Id}}' ${OWNED} ${CACHE}`);
    const [owned, cache] = (await ids()).split('\n');
    const file = host.path('/vagrant/config/vagrant/backends');
    writeFileSync(file, backends.replace('hello', 'goodbye'));
    await host.output(PROVISION);
    const [ownedNow, cacheNow] = (await ids()).split('\n');
    assert.equal(ownedNow, owned);
    assert.notEqual(cacheNow, cache);
    assert.equal(await asks(`${CACHE}.${REGION}`), await addressOf(CACHE));
  });

  it('is there again after a reboot, also when the private network comes late', async () => {
    await host.reboot();
    await plugIn();
    await until(20_000, 'the answer', async () => (await asks(`${CACHE}.${REGION}`)) !== '');
    const address = await addressOf(CACHE);
    assert.equal(await asks(`${CACHE}.${REGION}`), address);
    assert.equal(await lookUp(host, CACHE), address);
    await until(10_000, 'the way to the container', () => connects(address));
  });

  it('keeps a configuration that somebody wrote', async () => {
    const text = `region: ${REGION}\nttl: 1\nallow: [loopback, engine-networks, 192.168.56.0/24]\n`;
    writeFileSync(host.path('/etc/homeport.yaml'), text);
    const { code, stderr } = await host.run(PROVISION);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /homeport\.yaml was edited, so it stays/);
    assert.equal(readFileSync(host.path('/etc/homeport.yaml'), 'utf8'), text);
    assert.equal(await asks(`${CACHE}.${REGION}`), await addressOf(CACHE));
  });
});
