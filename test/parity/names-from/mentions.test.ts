import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { hostsIn } from '../../../src/parity/names-from/hosts-in.ts';
import { mentionsIn } from '../../../src/parity/names-from/mentions.ts';
import { serviceNames } from '../../../src/parity/names-from/service-names.ts';

const values = [
  { value: 'mongodb-a:27017', want: ['mongodb-a:27017'] },
  { value: 'a:1,b:2; c:3', want: ['a:1', 'b:2', 'c:3'] },
  { value: 'MongoDB-A.:27017', want: ['mongodb-a:27017'] },
  { value: 'http://user:p%40ss@web/x?y=z:1', want: ['web'] },
  { value: 'mongodb://a:1,b:2/db', want: ['a:1', 'b:2'] },
  { value: 'jdbc:sqlserver://sql:1433;databaseName=x', want: ['sql:1433'] },
  { value: 'jdbc:mysql:loadbalance://m1,m2:3307/db', want: ['m1', 'm2:3307'] },
  { value: 'jdbc:oracle:thin:@//ora:1521/svc', want: ['ora:1521'] },
  { value: 'http://a:1/x http://b:2/y', want: ['a:1', 'b:2'] },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the value is a shell's, not ours
  { value: '${DB:-db}:5432', want: ['db:5432'] },
  { value: 'zk1:2181,zk2:2181/chroot', want: ['zk1:2181', 'zk2:2181'] },
  { value: 'redis:6379,abortConnect=false,ssl=true', want: ['redis:6379'] },
  { value: 'Server=sql-svc,1433;Database=x', want: ['sql-svc:1433'] },
  { value: 'Server=tcp:sql-svc\\inst;User Id=a', want: ['sql-svc'] },
  { value: 'Host=pg;Port=5432;Database=x', want: ['pg'] },
  { value: 'host=pg port=5432 dbname=x', want: ['pg'] },
  { value: 'level=info;mode=fast', want: [] },
  { value: '10.0.0.1:80', want: [] },
  { value: '[::1]:80', want: [] },
  { value: '8080:80', want: [] },
  { value: 'web:0', want: [] },
  { value: 'web:99999', want: [] },
  { value: 'listening on web:80 now', want: [] },
  { value: 'debug', want: [] },
  { value: '', want: [] },
];

describe('hostsIn', () => {
  for (const { value, want } of values) {
    it(`reads ${want.length} hosts from '${value}'`, () => {
      const found = hostsIn(value).map(({ host, port }) => (port ? `${host}:${port}` : host));
      assert.deepEqual(found, want);
    });
  }

  it('takes a name without a port under a key that ends in host', () => {
    assert.deepEqual(hostsIn('redis', 'cache.host'), [{ host: 'redis', port: undefined }]);
    assert.deepEqual(hostsIn('redis', 'cache.mode'), []);
  });
});

describe('mentionsIn, of YAML', () => {
  const scans = [
    {
      name: 'reads a file inside the file, with its own lines',
      text: 'data:\n  app.properties: |\n    # c\n    redis.url=redis://redis:6379\n    db=pg:5432\n',
      want: ['4 redis data.app.properties.redis.url', '5 pg data.app.properties.db'],
    },
    {
      name: 'reads the flags of a command',
      text: 'args: ["--upstream=http://backend:8080", "--db", "pg:5432"]\n',
      want: ['1 backend args.upstream', '1 pg args'],
    },
    {
      name: 'shows no control character of a key',
      text: '"\\e]0;x\\a": "svc:80"\n',
      want: ['1 svc ?]0;x?'],
    },
  ];
  for (const { name, text, want } of scans) {
    it(name, () => {
      const found = mentionsIn('x.yaml', text).mentions;
      assert.deepEqual(
        found.map(({ line, host, key }) => `${line} ${host} ${key}`),
        want,
      );
    });
  }
});

const files = [
  {
    file: 'application.yaml',
    want: [
      '3 mongodb-cluster-a-node-1',
      '4 mongodb-cluster-a-node-1',
      '4 mongodb-cluster-a-node-2',
      '7 pg-primary',
      '7 pg-replica',
      '9 kafka-1',
      '9 kafka-2',
      '11 redis-cache',
      '12 oracle-db',
      '17 payments.us-east-1.domain.com',
      '18 api.example.org',
    ],
  },
  { file: 'compose.yml', want: ['9 db', '10 cache', '11 queue'] },
  {
    file: 'settings.toml',
    want: ['3 db', '4 db-replica-1', '4 db-replica-2', '7 kafka-1'],
  },
  { file: 'app.env', want: ['1 mongo-1', '1 mongo-2', '2 elastic'] },
  { file: 'app.properties', want: ['2 mongodb-cluster-a-node-1', '3 rabbit-1', '3 rabbit-2'] },
  { file: 'settings.json', want: ['2 cache-1', '2 cache-2'] },
  { file: 'chart.yaml', want: ['3 queue'] },
];

describe('mentionsIn', () => {
  for (const { file, want } of files) {
    it(`finds the hosts of ${file} with their lines`, () => {
      const { mentions } = mentionsIn(file, fixture(file));
      assert.deepEqual(
        mentions.map(({ line, host }) => `${line} ${host}`),
        want,
      );
    });
  }

  it('says that a template was read line by line', () => {
    assert.match(mentionsIn('chart.yaml', fixture('chart.yaml')).note ?? '', /line by line/);
  });
});

describe('serviceNames', () => {
  it('takes the search domain off and keeps foreign names apart', () => {
    const { mentions } = mentionsIn('application.yaml', fixture('application.yaml'));
    const used = serviceNames(mentions, ['us-east-1.domain.com']);
    assert.ok(used.services.some(({ name }) => name === 'payments'));
    assert.deepEqual(
      used.others.map(({ name }) => name),
      ['api.example.org'],
    );
    const [first] = used.services.filter(({ name }) => name === 'mongodb-cluster-a-node-1');
    assert.deepEqual(
      first?.mentions.map(({ line, key }) => `${line} ${key}`),
      ['3 mongodb.host', '4 mongodb.uri'],
    );
  });
});

function fixture(file: string): string {
  return readFileSync(new URL(`../../fixtures/parity/names-from/${file}`, import.meta.url), 'utf8');
}
