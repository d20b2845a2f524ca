import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayAwaits } from '../../src/docker/gateway-awaits.ts';

describe('a container that is about to be on the gateway bridge', () => {
  it('is looked for until it is there', () => {
    const awaits = new GatewayAwaits();
    awaits.add('a', 0);
    const looks: number[] = [];
    for (let at = awaits.nextMs; at <= 100; at = awaits.nextMs) {
      assert.equal(awaits.take(at), true);
      looks.push(at);
      if (at === 75) awaits.found('a');
      if (at === 75) assert.equal(awaits.take(awaits.nextMs), false);
    }
    assert.deepEqual(looks, [25, 50, 75]);
    assert.equal(awaits.nextMs, Number.POSITIVE_INFINITY);
  });

  it('is given up where it never comes, as on an internal network', () => {
    const awaits = new GatewayAwaits();
    awaits.add('a', 0);
    let lastMs = 0;
    while (awaits.nextMs < Number.POSITIVE_INFINITY) {
      lastMs = awaits.nextMs;
      awaits.take(lastMs);
    }
    assert.equal(lastMs, 525);
  });
});
