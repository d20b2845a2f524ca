import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkParity } from '../../src/parity/check.ts';
import { findingKind } from '../../src/parity/findings/registry.ts';
import { junitReport } from '../../src/parity/report/junit.ts';
import { reportJsonSchema } from '../../src/parity/report/report.ts';
import { sarifReport } from '../../src/parity/report/sarif.ts';
import { explanation, terminalReport } from '../../src/parity/report/terminal.ts';
import { HOMEPORT, homeport, host, inputs, owned, REGION } from './builders.ts';

const report = checkParity(
  inputs({
    targets: [
      host(`search ${REGION}\nnameserver ${HOMEPORT}\nnameserver 10.9.9.9\noptions ndots:1\n`),
    ],
    homeport: homeport({ owned: [owned('db'), owned('<&">')] }),
    problems: [{ thing: 'container web: /etc/hosts', why: 'was not read in time' }],
    accept: [{ id: 'no-search-api', reason: 'no such programs', until: '2030-01-01' }],
    budgetSeconds: 1,
  }),
);

describe('terminalReport', () => {
  it('says the verdict first, then what could not be checked, what to do, and the evidence', () => {
    const text = terminalReport(report);
    const order = [
      'COULD NOT CHECK',
      'Could not check',
      'What to do',
      'Evidence',
      'Worth knowing',
      'Accepted',
    ];
    const places = order.map((title) => text.indexOf(title));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
    assert.ok(
      places.every((place) => place >= 0),
      String(places),
    );
    assert.match(
      text,
      /error second-nameserver host\n {4}10\.9\.9\.9 is asked as well as homeport\n/,
    );
    assert.match(text, /here \/etc\/resolv\.conf:3: nameserver 10\.9\.9\.9\n/);
    assert.match(text, /fix: List homeport alone/);
    assert.ok(!text.includes('\u001b'), 'no colours unless asked for');
  });

  it('is short where there is nothing to do', () => {
    assert.match(terminalReport(checkParity(inputs())), /^PARITY: /);
  });
});

describe('explanation', () => {
  it('tells a kind in full with what this check found of it', () => {
    const kind = findingKind('second-nameserver');
    assert.ok(kind);
    const text = explanation(kind, report);
    assert.match(text, /What happens: /);
    assert.match(text, /Fix: /);
    assert.match(text, /host: 10\.9\.9\.9 is asked as well/);
    assert.match(explanation(kind, checkParity(inputs())), /did not find it/);
  });
});

describe('junitReport', () => {
  const xml = junitReport(report, 'warning');

  it('is balanced XML with everything escaped', () => {
    assert.ok(!/<&|="[^"]*<|&(?!amp;|lt;|gt;|quot;)/.test(xml), xml);
    const tags = [...xml.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)];
    const open: string[] = [];
    for (const [, closes, name = '', empty] of tags) {
      if (closes === '/') assert.equal(open.pop(), name);
      else if (empty !== '/') open.push(name);
    }
    assert.deepEqual(open, []);
  });

  it('counts failures, errors and skipped cases', () => {
    const [, tests, failures, errors, skipped] =
      /<testsuites name="homeport parity" tests="(\d+)" failures="(\d+)" errors="(\d+)" skipped="(\d+)"/.exec(
        xml,
      ) ?? [];
    assert.equal(Number(tests), xml.split('<testcase').length - 1);
    assert.equal(Number(failures), xml.split('<failure').length - 1);
    assert.equal(Number(errors), xml.split('<error').length - 1);
    assert.equal(Number(skipped), 1);
    assert.match(xml, /<failure message="error: 10\.9\.9\.9 is asked as well as homeport">/);
    assert.match(xml, /<error message="container web: \/etc\/hosts was not read in time">/);
  });

  it('has a case for each name', () => {
    assert.match(xml, /name="looks up db"\/>/);
    assert.match(xml, /name="looks up web"/);
  });

  it('writes no character that XML cannot hold', () => {
    const odd = { ...report, problems: [{ thing: 'a\u0000b\u001bc\ufffe', why: 'x' }] };
    assert.match(junitReport(odd, 'warning'), /a\?b\?c\?/);
  });
});

describe('sarifReport', () => {
  it('has a rule for each kind, a result for each finding and a place for each line', () => {
    const sarif = JSON.parse(JSON.stringify(sarifReport(report, '1.0.0')));
    const [run] = sarif.runs;
    assert.equal(sarif.version, '2.1.0');
    assert.equal(run.results.length, report.findings.length + report.accepted.length);
    const ids = new Set(run.tool.driver.rules.map((rule: { id: string }) => rule.id));
    assert.ok(run.results.every((result: { ruleId: string }) => ids.has(result.ruleId)));
    const second = run.results.find(
      (result: { ruleId: string }) => result.ruleId === 'second-nameserver',
    );
    assert.deepEqual(second.locations[1].physicalLocation, {
      artifactLocation: { uri: '/etc/resolv.conf' },
      region: { startLine: 3 },
    });
    assert.equal(run.invocations[0].executionSuccessful, false);
  });
});

describe('reportJsonSchema', () => {
  it('describes every field of a real report', () => {
    const schema = JSON.parse(JSON.stringify(reportJsonSchema()));
    assert.deepEqual(
      Object.keys(JSON.parse(JSON.stringify(report))).filter((key) => !(key in schema.properties)),
      [],
    );
  });
});
