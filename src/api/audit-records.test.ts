import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../limits.ts';
import { RemoveBackendServers } from './actions/backend-servers.ts';
import { type AuditChange, auditRecord, maskParameters } from './audit-records.ts';

const caller = {
  account: '1000000000000001',
  accessKeyId: 'LTAI5tTest',
  principal: { kind: 'root' },
  sourceIp: '192.0.2.1',
  userAgent: 'test',
  secure: true,
} as const;

function recordOf(...changes: AuditChange[]) {
  return auditRecord({
    time: Date.parse('2026-11-24T08:00:00.123Z'),
    action: RemoveBackendServers,
    caller,
    requestId: 'request-1',
    host: 'sluice.test',
    parameters: { LoadBalancerId: 'lb-1' },
    decidedBy: 'account',
    changes,
    ignored: ['i-9'],
  });
}

describe('an audit record', () => {
  test('tells who, from where, what, when and by whose leave', () => {
    assert.deepEqual(recordOf(), {
      v: 1,
      time: '2026-11-24T08:00:00.123Z',
      requestId: 'request-1',
      ...caller,
      host: 'sluice.test',
      product: 'Ens',
      action: 'RemoveBackendServers',
      rw: 'Write',
      decidedBy: 'account',
      parameters: { LoadBalancerId: 'lb-1' },
      ignored: ['i-9'],
      changes: [],
    });
  });

  test('holds of each record only the members that differ', () => {
    const before = { name: 'web', backends: ['i-1', 'i-2'], spec: 'elb.s1.small' };
    const after = { name: 'web', backends: ['i-1'], spec: 'elb.s1.small', draining: ['i-2'] };
    assert.deepEqual(recordOf({ key: 'lb/local/lb-1', before, after }).changes, [
      {
        key: 'lb/local/lb-1',
        before: { backends: ['i-1', 'i-2'] },
        after: { backends: ['i-1'], draining: ['i-2'] },
      },
    ]);
  });

  test('tells a record that was made and one that was deleted from one that was emptied', () => {
    const { changes } = recordOf(
      { key: 'network/n-1', before: undefined, after: { name: 'a' } },
      { key: 'network/n-2', before: { name: 'b' }, after: undefined },
      { key: 'network/n-3', before: { name: 'c' }, after: {} },
      { key: 'network/n-4', before: undefined, after: {} },
    );
    assert.deepEqual(changes, [
      { key: 'network/n-1', before: null, after: { name: 'a' } },
      { key: 'network/n-2', before: { name: 'b' }, after: null },
      { key: 'network/n-3', before: { name: 'c' }, after: {} },
      { key: 'network/n-4', before: null, after: {} },
    ]);
  });

  test('leaves out what a commit wrote as it was', () => {
    const network = { name: 'a', tags: [{ key: 'k', value: 'v' }] };
    const same = structuredClone(network);
    assert.deepEqual(recordOf({ key: 'network/n-1', before: network, after: same }).changes, []);
  });

  test('never holds a secret, sealed or not', () => {
    const after = { id: 'LTAI5tNew', secret: 'sealed', status: 'Active' };
    const text = JSON.stringify(recordOf({ key: 'accesskey/LTAI5tNew', before: undefined, after }));
    assert.ok(text.includes('LTAI5tNew'));
    assert.ok(!text.includes('sealed'));
  });
});

describe('parameters of an audit record', () => {
  test('show their names, and stars for a secret', () => {
    const secrets = [
      'AccessKeySecret',
      'SecurityToken',
      'Signature',
      'Password',
      'EncryptPrivateKey',
      'Key',
      'KeyMaterial',
      'ClientToken',
    ];
    const masked = maskParameters(Object.fromEntries(secrets.map((name) => [name, 'hidden'])));
    assert.deepEqual(Object.keys(masked), secrets);
    assert.ok(!JSON.stringify(masked).includes('hidden'));
  });

  test('stay as sent otherwise', () => {
    const sent = { 'Tag.1.Key': 'team', AccessKeyId: 'LTAI5tTest', BackendServers: '[{"a":1}]' };
    assert.deepEqual(maskParameters(sent), sent);
  });

  test('that are no texts are written as JSON', () => {
    const shown = maskParameters({ List: [{ Port: 80 }], Frozen: true, None: undefined });
    assert.deepEqual(shown, { List: '[{"Port":80}]', Frozen: 'true', None: '' });
  });

  test('are of bounded length, and cut between characters', () => {
    const long = `${'a'.repeat(limits.auditParameter - 1)}😀b`;
    const { Description = '' } = maskParameters({ Description: long });
    assert.equal(Description, 'a'.repeat(limits.auditParameter - 1));
  });
});
