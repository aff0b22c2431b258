import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { httpsListeners, loadBalancer, server } from '../../test/support/load-balancers.ts';
import { MemoryDisk } from '../../test/support/memory-disk.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { formatHash, hashOf } from '../fleet/hash.ts';
import { certificateContext, type DeliveredCertificate } from '../fleet/protocol.ts';
import { forwarderSeal } from '../sealing.ts';
import { Certificates } from './certificates.ts';
import { Journal } from './journal.ts';
import { SiteState } from './site-state.ts';

const own = { accessKeyId: 'own', accessKeySecret: 'own secret' };
const earlier = { accessKeyId: 'earlier', accessKeySecret: 'earlier secret' };

function delivered(id: string, to = own): DeliveredCertificate {
  const key = forwarderSeal(to).seal(`key ${id}`, certificateContext(id));
  return { id, chain: `chain ${id}`, notAfter: 1, key, sealedFor: to.accessKeyId };
}

function using(id: string, ...certificates: string[]): LoadBalancer {
  return loadBalancer(id, ['i-1'], { listeners: httpsListeners(...certificates) });
}

function snapshot(
  revision: number,
  loadBalancers: readonly LoadBalancer[],
  certificates: readonly DeliveredCertificate[],
) {
  const sum = loadBalancers.reduce((all, each) => all ^ hashOf(JSON.stringify(each)), 0n);
  const hash = formatHash(sum);
  const message = { type: 'snapshot', site: 'site-1', revision, hash, loadBalancers } as const;
  return { ...message, deleted: ['lb-1', 'lb-2'], certificates };
}

function change(
  revision: number,
  puts: readonly LoadBalancer[],
  certificates: readonly DeliveredCertificate[],
  deletes: readonly string[] = [],
) {
  const base = revision - 1;
  return { type: 'change', site: 'site-1', base, revision, puts, deletes, certificates } as const;
}

let state: SiteState;
let certificates: Certificates;
const held = () => [...state.certificates.keys()].sort();

beforeEach(() => {
  state = new SiteState('site-1');
  certificates = new Certificates(own);
  certificates.hold('site-1', state.certificates);
});

describe('certificates of a site', () => {
  test('are there as soon as a load balancer uses them, and until none does', () => {
    state.take(snapshot(1, [using('lb-1', '1')], [delivered('1')]));
    assert.deepEqual(certificates.find('1'), { chain: 'chain 1', key: 'key 1' });
    state.take(change(2, [using('lb-2', '1', '2')], [delivered('2')]));
    state.take(change(3, [using('lb-1')], []));
    assert.deepEqual(held(), ['1', '2']);
    state.take(change(4, [], [], ['lb-2']));
    assert.deepEqual(held(), []);
    assert.equal(certificates.find('1'), undefined);
  });

  test('stay for a load balancer whose last good state is kept', () => {
    state.take(snapshot(1, [using('lb-1', '1')], [delivered('1')]));
    const emptied = { ...using('lb-1', '2'), backends: [] };
    state.take(change(2, [emptied], [delivered('2')]));
    assert.equal(state.heldBack.size, 1);
    assert.deepEqual(held(), ['1', '2']);
    state.take(change(3, [{ ...using('lb-1', '2'), backends: [server('i-2')] }], []));
    assert.deepEqual(held(), ['2']);
  });

  test('that were sealed for an earlier access key come anew, and are applied then', () => {
    const carried = [using('lb-1', '1'), using('lb-2')];
    state.take(snapshot(1, carried, [delivered('1', earlier)]));
    assert.deepEqual(certificates.find('1'), { chain: 'chain 1', key: undefined });
    const step = state.take(snapshot(1, carried, [delivered('1')]));
    assert.ok(step.kind === 'apply');
    assert.deepEqual([...step.wants.keys()], ['lb-1']);
    assert.equal(certificates.find('1')?.key, 'key 1');
    assert.equal(state.take(snapshot(1, carried, [delivered('1')])).kind, 'current');
  });

  test('come anew from a control plane that has the same of an earlier revision too', () => {
    const carried = [using('lb-1', '1')];
    state.take(snapshot(2, carried, [delivered('1', earlier)]));
    const step = state.take(snapshot(1, carried, [delivered('1')]));
    assert.ok(step.kind === 'apply');
    assert.deepEqual([step.revision, state.revision], [2, 2]);
    assert.equal(certificates.find('1')?.key, 'key 1');
  });

  test('are open to no other forwarder, and to no other certificate', () => {
    const { key } = delivered('1');
    assert.throws(() => forwarderSeal(earlier).open(key, certificateContext('1')));
    assert.throws(() => forwarderSeal(own).open(key, certificateContext('2')));
  });

  test('survive in the journal, sealed', async () => {
    const disk = new MemoryDisk();
    const journal = new Journal('site-1', disk);
    for (const message of [
      snapshot(1, [using('lb-1', '1')], [delivered('1')]),
      change(2, [using('lb-2', '2')], [delivered('2')]),
    ]) {
      state.take(message);
      await journal.write(message, JSON.stringify(message), state);
    }
    const restarted = async () => {
      const content = await new Journal('site-1', disk).load();
      assert.ok(content.kind === 'read');
      certificates.hold('site-1', content.state.certificates);
      assert.equal(certificates.find('1')?.key, 'key 1');
      assert.equal(certificates.find('2')?.key, 'key 2');
      return content.state;
    };
    const read = await restarted();
    const again = snapshot(3, [using('lb-1', '1'), using('lb-2', '2')], []);
    await new Journal('site-1', disk).write(again, '', read);
    await restarted();
    for (const name of await disk.list()) assert.doesNotMatch((await disk.read(name))!, /key [12]/);
  });
});
